import type { Change, ChangeType } from '../../inspect/change.ts';
import { counted } from './mode-text.ts';
import { paintStdout } from './paint.ts';
import type { Colour } from './paint.ts';
import { durationText, printable } from './text.ts';

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

/** One line of `leasehold watch`. */
export function changeLine(change: Change, style: { readonly namespaces: boolean }): string {
  const colour = COLOURS[change.type];
  const type = change.type.padEnd(TYPE_WIDTH);
  const name = style.namespaces ? `${change.namespace}/${change.name}` : change.name;
  return [
    clock(change.time),
    colour === undefined ? type : paintStdout(colour, type),
    printable(name).padEnd(NAME_WIDTH),
    printable(detailsOf(change)),
  ]
    .join('  ')
    .trimEnd();
}

/** The time of day here, to the millisecond: handovers take two. */
function clock(time: string): string {
  const date = new Date(time);
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${hours}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function detailsOf(change: Change): string {
  const { session, process, from, position, reason } = change;
  const who = `${session ?? process ?? '?'}${asWhat(change)}`;
  const held = spanText(change.heldSeconds);
  const waited = spanText(change.waitedSeconds);
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
      return `process ${process ?? '?'} has not renewed for its ttl`;
    case 'leading':
      return `${from ?? 'nobody'} -> ${process ?? '?'}`;
    case 'resigned':
      return `${who}${lasting(held)}${reason === null ? '' : `: ${reason}`}`;
    case 'resign-requested':
      return `${who} was asked to resign${reason === null ? '' : ` ${reason}`}`;
    case 'leader-overdue':
      return `${who} has not renewed for the lease duration`;
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
