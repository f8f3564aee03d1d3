import type { Change, ChangeType } from '../../inspect/change.ts';
import { counted } from './mode-text.ts';
import { paintStdout, terminalWidth } from './paint.ts';
import type { Colour } from './paint.ts';
import { durationText, printable, shortened, widthOf } from './text.ts';

const COLOURS: Partial<Record<ChangeType, Colour>> = {
  acquired: 'green',
  granted: 'green',
  leading: 'green',
  lost: 'red',
  dropped: 'red',
  unreadable: 'red',
  'session-revoked': 'red',
  'session-overdue': 'yellow',
  'leader-overdue': 'yellow',
  'resign-requested': 'yellow',
};

const TYPE_WIDTH = 16;
const NAME_WIDTH = 20;
/** Names are shortened to this at most: less tells nothing. */
const NARROWEST = 8;
const GAP = '  ';

interface Style {
  readonly namespaces: boolean;
}

/**
 * One line of `leasehold watch`.
 *
 * @param width - columns of the terminal, in which names lose their middle; as wide as needed if
 * undefined
 */
export function changeLine(change: Change, style: Style, width = terminalWidth()): string {
  const colour = COLOURS[change.type];
  const type = change.type.padEnd(TYPE_WIDTH);
  const time = clock(change.time);
  const room = width === undefined ? undefined : width - (time + GAP + type + GAP).length;
  return [
    time,
    colour === undefined ? type : paintStdout(colour, type),
    fitted(change, style, room),
  ]
    .join(GAP)
    .trimEnd();
}

/**
 * What and who. Where it is narrow, what the type says already is left out, then the longest names
 * give way first, and with them the space after short ones.
 */
function fitted(change: Change, style: Style, room: number | undefined): string {
  const whole = whatAndWho(change, style, { longest: Infinity, brief: false });
  if (room === undefined || widthOf(whole) <= room) return whole;
  for (let longest = room; longest > NARROWEST; longest -= 1) {
    const text = whatAndWho(change, style, { longest, brief: true });
    if (widthOf(text) <= room) return text;
  }
  return whatAndWho(change, style, { longest: NARROWEST, brief: true });
}

interface Measure {
  /** Columns of a name at most. */
  readonly longest: number;
  /** Without what the type says already. */
  readonly brief: boolean;
}

function whatAndWho(change: Change, { namespaces }: Style, { longest, brief }: Measure): string {
  const short = (name: string): string => shortened(printable(name), longest);
  const orNull = (name: string | null): string | null => (name === null ? null : short(name));
  const { type, reason } = change;
  const name = short(namespaces ? `${change.namespace}/${change.name}` : change.name);
  const named: Change = {
    ...change,
    session: orNull(change.session),
    process: orNull(change.process),
    from: orNull(change.from),
    // That of a request ends with a name, the others are words only.
    reason:
      type === 'resign-requested' ? (reason?.split(' ').map(short).join(' ') ?? null) : reason,
  };
  const details = printable(detailsOf(named, brief));
  return `${name.padEnd(Math.min(NAME_WIDTH, longest))}${GAP}${details}`.trimEnd();
}

/** The time of day here, to the millisecond: handovers take two. */
function clock(time: string): string {
  const date = new Date(time);
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${hours}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function detailsOf(change: Change, brief: boolean): string {
  const { session, process, from, position, reason } = change;
  const who = `${session ?? process ?? '?'}${asWhat(change)}`;
  const held = spanText(change.heldSeconds);
  const waited = spanText(change.waitedSeconds);
  const unlessBrief = (words: string): string => (brief ? '' : ` ${words}`);
  switch (change.type) {
    case 'acquired':
      return from === null ? who : `${from} -> ${who}`;
    case 'waiting':
      return `${who}, place ${String(position)}`;
    case 'granted':
      return `${before(change)}${who}${after(waited)}`;
    case 'released':
      return `${who}${lasting(held)}`;
    case 'lost':
      return `${who}${lasting(held)}: ${reason ?? ''}`;
    case 'gave-up':
      return `${who}${after(waited)}`;
    case 'dropped':
      return `${who}${after(waited)}: ${reason ?? ''}`;
    case 'unreadable':
      return `${change.attempt ?? ''}: ${reason ?? ''} cannot be read`;
    case 'resized':
      return `${counted(change.permits ?? 0, 'permit')}, ${reason ?? ''}`;
    case 'session-began':
    case 'session-renewed':
      return `process ${process ?? '?'}`;
    case 'session-ended':
    case 'session-revoked':
      return `process ${process ?? '?'}${lasting(held)}`;
    case 'session-overdue':
      return `process ${process ?? '?'}${unlessBrief('has not renewed for its ttl')}`;
    case 'leading':
      return `${from ?? 'nobody'} -> ${process ?? '?'}`;
    case 'resigned':
      return `${who}${lasting(held)}${reason === null ? '' : `: ${reason}`}`;
    case 'resign-requested':
      return `${who}${unlessBrief('was asked to resign')}${reason === null ? '' : ` ${reason}`}`;
    case 'leader-overdue':
      return `${who}${unlessBrief('has not renewed for the lease duration')}`;
    case 'leader-renewed':
      return who;
  }
}

/** Of what several can hold, how it does. */
function asWhat({ mode, permits }: Change): string {
  if (permits !== null) return ` (${counted(permits, 'permit')})`;
  return mode === 'shared' ? ' (reader)' : '';
}

/** From whom: who joins others has it from nobody, although it was not free. */
function before({ from, mode }: Change): string {
  if (from !== null) return `${from} -> `;
  return mode === null || mode === 'exclusive' ? 'nobody -> ' : '';
}

function after(span: string | undefined): string {
  return span === undefined ? '' : `, after ${span}`;
}

function lasting(span: string | undefined): string {
  return span === undefined ? '' : `, for ${span}`;
}

function spanText(seconds: number | null): string | undefined {
  if (seconds === null) return undefined;
  if (seconds < 1) return `${String(Math.round(seconds * 1_000))}ms`;
  return seconds < 10 ? `${seconds.toFixed(1)}s` : durationText(seconds);
}
