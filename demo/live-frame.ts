import type { Colour, Paint } from '../src/cli/output/paint.ts';
import type { Board, WorkerRow } from './board.ts';
import type { DemoEvent, TimedEvent } from './events.ts';
import { commands } from './instructions.ts';
import { clockText, counted, durationText, eventText, momentText } from './text.ts';

/** Of the terminal, in characters. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** A text, and its colour unless it has none of its own. */
type Segment = readonly [text: string, colour?: Colour];
type Row = readonly Segment[];

const LABEL = 10;
const COLOURS: Partial<Record<DemoEvent['type'], Colour>> = {
  died: 'red',
  frozen: 'red',
  refused: 'yellow',
  recovered: 'green',
};

/** The whole screen as rows that fit into it: a function of the board and nothing else. */
export function liveFrame(board: Board, size: Size, paint: Paint): string[] {
  const head = [title(board, size.columns), [], lockRow(board), queueRow(board), leaderRow(board)];
  const workers = [[], ...board.workers.map((worker) => workerRow(worker, board))];
  const account = [[], ...accountRows(board)];
  const foot = footRows(board, size.columns);
  const left = size.rows - head.length - workers.length - account.length - foot.length - 2;
  const events = eventRows(board.events, Math.max(0, left));
  const rows: readonly Row[] = [...head, ...workers, ...account, [], ...events, [], ...foot];
  return rows.slice(0, size.rows).map((row) => painted(row, size.columns, paint));
}

function title({ elapsed, total }: Board, columns: number): Row {
  const name = 'leasehold demo';
  const what = '  5 processes share a lock and elect a leader';
  const time = `${clockText(Math.min(elapsed, total))} of ${clockText(total)}`;
  const gap = Math.max(2, columns - name.length - what.length - time.length);
  return [[name, 'bold'], [what], [' '.repeat(gap)], [time, 'dim']];
}

function lockRow({ lock: { holder, state, heldMs, fence } }: Board): Row {
  if (holder === undefined) return [label('lock'), ['nobody holds it', 'dim']];
  if (state !== 'running') return strickenRow('lock', holder, `is ${state} and holds it`);
  const since = heldMs === undefined ? '' : ` for ${secondsText(heldMs)}`;
  const token = fence === undefined ? '' : `, fence ${String(fence)}`;
  return [label('lock'), [holder, 'green'], [` holds it${since}${token}`]];
}

function queueRow({ lock: { queue } }: Board): Row {
  return [label('next'), queue.length === 0 ? ['nobody waits', 'dim'] : [queue.join(', ')]];
}

function leaderRow({ leader }: Board): Row {
  if (!leader) return [label('leader'), ['nobody leads', 'dim']];
  const { state, ledMs, term } = leader;
  if (state !== 'running') return strickenRow('leader', leader.leader, `is ${state} and leads`);
  return [
    label('leader'),
    [leader.leader, 'green'],
    [` leads for ${secondsText(ledMs)}, term ${String(term)}`],
  ];
}

/** What a worker that does nothing any more keeps from the others. */
function strickenRow(what: string, worker: string, how: string): Row {
  return [label(what), [worker, 'red'], [` ${how} until its ttl is over`]];
}

function secondsText(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function label(text: string): Segment {
  return [text.padEnd(LABEL), 'bold'];
}

function workerRow(worker: WorkerRow, board: Board): Row {
  const { name, pid, turns } = worker;
  const [state, colour] = stateOf(worker, board);
  const leads = board.leader?.leader === name ? 'leads' : '';
  return [
    [name.padEnd(LABEL)],
    [`pid ${String(pid)}`.padEnd(13), 'dim'],
    [counted(turns, 'turn', 'turns').padEnd(10)],
    [leads.padEnd(7), 'green'],
    colour ? [state, colour] : [state],
  ];
}

function stateOf({ name, state }: WorkerRow, { lock }: Board): [string, Colour?] {
  const holds = lock.holder === name;
  switch (state) {
    case 'starting':
      return ['starts', 'dim'];
    case 'dead':
      return [holds ? 'KILLED while it held the lock' : 'KILLED', 'red'];
    case 'frozen':
      return [holds ? 'FROZEN while it holds the lock' : 'FROZEN; others go on', 'red'];
    case 'running': {
      if (holds) return ['HOLDS THE LOCK', 'green'];
      const place = lock.queue.indexOf(name) + 1;
      return place === 0 ? ['rests', 'dim'] : [`waits, number ${String(place)}`];
    }
  }
}

function accountRows({ account }: Board): Row[] {
  const { deposits, medianHandoverMs, staleRefused, overlaps } = account;
  const handover =
    medianHandoverMs === undefined
      ? ''
      : `; a handover takes ${durationText(medianHandoverMs)} (median)`;
  return [
    [
      label('account'),
      [`${counted(deposits, 'deposit', 'deposits')}, each by the holder alone: `],
      [counted(overlaps, 'overlap', 'overlaps'), overlaps > 0 ? 'red' : 'green'],
    ],
    [
      [' '.repeat(LABEL)],
      [counted(staleRefused, 'late write', 'late writes') + ' refused', 'yellow'],
      [handover],
    ],
  ];
}

/** The latest that fit; holders come and go too fast to be read, and stand above. */
function eventRows(events: readonly TimedEvent[], most: number): Row[] {
  const telling = events.filter(({ event }) => isTelling(event));
  const shown: Row[] = telling.slice(-most).map(({ at, event }) => {
    const colour = COLOURS[event.type];
    const text = eventText(event);
    return [[`${momentText(at)}  `, 'dim'], colour ? [text, colour] : [text]];
  });
  if (shown.length === 0) shown.push([['Soon one of them is killed.', 'dim']]);
  const empty: Row[] = Array.from({ length: Math.max(0, most - shown.length) }, () => []);
  return most === 0 ? [] : [...shown, ...empty];
}

function isTelling(event: DemoEvent): boolean {
  if (event.type === 'started') return event.replaced !== undefined;
  return event.type !== 'holds' && event.type !== 'leads' && event.type !== 'server';
}

function footRows({ kubeconfig, ttlSeconds }: Board, columns: number): Row[] {
  const lines = commands(kubeconfig).flatMap((command) => wrapped(command, columns));
  const ttl = `ttl ${String(ttlSeconds)} s (usually 15 s). Ctrl-C ends.`;
  return [
    [[`${ttl} From another terminal in this directory:`, 'dim']],
    ...lines.map((line): Row => [[line]]),
  ];
}

/** In pieces of at most the screen's width that a shell puts together again, when they are copied. */
function wrapped(command: string, columns: number): string[] {
  const pieces: string[] = [];
  let rest = command;
  while (rest.length > columns && columns > 2) {
    // Before a space the backslash would mean the space.
    const end = rest[columns - 1] === ' ' ? columns - 2 : columns - 1;
    pieces.push(`${rest.slice(0, end)}\\`);
    rest = rest.slice(end);
  }
  return [...pieces, rest];
}

function painted(row: Row, columns: number, paint: Paint): string {
  let left = columns;
  let line = '';
  for (const [text, colour] of row) {
    const visible = text.slice(0, left);
    left -= visible.length;
    line += colour && visible.trim() !== '' ? paint(colour, visible) : visible;
  }
  return line.trimEnd();
}
