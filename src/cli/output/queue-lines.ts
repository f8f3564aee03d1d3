import type { EntryView, LockView, WaiterView } from '../../inspect/views.ts';
import { hangingLines } from './hanging-lines.ts';
import { stateCell } from './listing.ts';
import { modeText } from './mode-text.ts';
import { paintStdout } from './paint.ts';
import { tableLines } from './table.ts';
import type { Column } from './table.ts';
import { durationText } from './text.ts';

const INDENT = '  ';
/** Below the sessions, beside the places in the queue. */
const NOTE_INDENT = `${INDENT}   `;

const modeColumn: Column<EntryView> = { title: 'MODE', cell: modeText };

const queueColumns: readonly Column<WaiterView & { readonly turn: number }>[] = [
  { title: '#', cell: ({ turn }) => String(turn) },
  { title: 'SESSION', cell: ({ session }) => session || '?', shrinks: true },
  {
    title: 'WAITED',
    cell: ({ waitedSeconds }) => (waitedSeconds === null ? '?' : durationText(waitedSeconds)),
  },
  modeColumn,
  { title: 'STATE', cell: ({ sessionState }) => stateCell(sessionState) },
  { title: 'TTL LEFT', cell: (waiter) => leftText(waiter) },
  { title: 'ATTEMPT', cell: ({ attempt }) => attempt, expendable: 1 },
];

const noteColumn: Column<EntryView> = {
  title: 'NOTE',
  cell: (waiter) => notesOf(waiter).join('; '),
};

/**
 * The waiters of a lock. What is to be noted of one has a column of its own, but stands below it in a
 * terminal: it is a sentence, for which few are wide enough.
 *
 * @param width - columns of the terminal; as wide as needed if undefined
 */
export function* queueLines(
  { holders, queue }: LockView,
  width: number | undefined,
): Generator<string> {
  const areAlike = [...holders, ...queue].every(({ mode }) => mode === 'exclusive');
  const columns = queueColumns.filter((column) => !areAlike || column !== modeColumn);
  const rows = queue.map((waiter, index) => ({ ...waiter, turn: index + 1 }));
  if (width === undefined) {
    const hasNotes = queue.some((waiter) => notesOf(waiter).length > 0);
    const all = hasNotes ? [...columns, noteColumn] : columns;
    for (const line of tableLines(all, rows, undefined, paintStdout)) yield INDENT + line;
    return;
  }
  const [titles = '', ...lines] = tableLines(columns, rows, width - INDENT.length, paintStdout);
  yield INDENT + titles;
  for (const [index, waiter] of queue.entries()) {
    yield INDENT + (lines[index] ?? '');
    for (const note of notesOf(waiter)) yield* hangingLines(NOTE_INDENT, note, width);
  }
}

/** What is out of the ordinary about an entry. */
export function notesOf(entry: EntryView): string[] {
  return [
    entry.void ? 'void: its owner disowns it' : '',
    entry.challenged ? 'challenged: a waiter asks whether its owner knows it' : '',
    entry.formatVersion > 1
      ? `of a newer leasehold (format ${String(entry.formatVersion)}): waited for, never changed`
      : '',
  ].filter((note) => note !== '');
}

/** What is left of the ttl of the entry's session. */
export function leftText({ sessionRemainingSeconds: left }: EntryView): string {
  return left === null ? '-' : durationText(left);
}
