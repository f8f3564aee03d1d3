import type { ElectionView, LockView, OtherView, SessionView, View } from '../../inspect/views.ts';
import { paintStdout, terminalWidth } from './paint.ts';
import type { Colour } from './paint.ts';
import { tableLines } from './table.ts';
import type { Cell, Column } from './table.ts';
import { durationText } from './text.ts';

export interface ListingStyle {
  /** Whether rows are of several namespaces. */
  readonly namespaces: boolean;
  readonly wide: boolean;
}

/** The tables of `leasehold ls`: one for each kind that there is. */
export function listing(views: readonly View[], style: ListingStyle): string {
  const tables = [
    table(views.filter(isLock), lockColumns, wideLockColumns, style),
    table(views.filter(isElection), electionColumns, wideElectionColumns, style),
    table(views.filter(isSession), sessionColumns, wideSessionColumns, style),
    table(views.filter(isOther), otherColumns, [], style),
  ];
  return tables.filter((text) => text !== '').join('\n');
}

const COLOURS: Readonly<Record<string, Colour>> = {
  overdue: 'yellow',
  blank: 'red',
  missing: 'red',
  void: 'red',
  unreadable: 'red',
};

export function stateCell(state: string): Cell {
  return { text: state, colour: COLOURS[state] };
}

function table<Row extends View>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  wideColumns: readonly Column<Row>[],
  style: ListingStyle,
): string {
  if (rows.length === 0) return '';
  const all: Column<Row>[] = [
    ...(style.namespaces
      ? [{ title: 'NAMESPACE', cell: (row: Row) => row.namespace, shrinks: true as const }]
      : []),
    ...columns,
    ...(style.wide ? wideColumns : []),
  ];
  const width = style.wide ? undefined : terminalWidth();
  return `${tableLines(all, rows, width, paintStdout).join('\n')}\n`;
}

const lockColumns: readonly Column<LockView>[] = [
  { title: 'LOCK', cell: ({ name }) => name, shrinks: true },
  { title: 'HOLDER', cell: holderText, shrinks: true },
  { title: 'STATE', cell: ({ state }) => stateCell(state) },
  { title: 'HELD', cell: ({ holders }) => duration(holders[0]?.heldSeconds) },
  { title: 'WAITERS', cell: ({ queue }) => String(queue.length) },
  { title: 'LONGEST WAIT', cell: (lock) => duration(lock.longestWaitSeconds), expendable: 1 },
];

const wideLockColumns: readonly Column<LockView>[] = [
  { title: 'PROCESS', cell: ({ holders }) => holders[0]?.process ?? '-' },
  { title: 'TTL LEFT', cell: ({ holders }) => duration(holders[0]?.sessionRemainingSeconds) },
  { title: 'MODE', cell: ({ holders }) => holders[0]?.mode ?? '-' },
  { title: 'FENCE', cell: ({ holders }) => holders[0]?.fence ?? '-' },
  { title: 'LEASE', cell: ({ lease }) => lease },
];

const electionColumns: readonly Column<ElectionView>[] = [
  { title: 'ELECTION', cell: ({ name }) => name, shrinks: true },
  { title: 'LEADER', cell: ({ leader }) => leader ?? '-', shrinks: true },
  { title: 'STATE', cell: ({ state }) => stateCell(state) },
  { title: 'SINCE', cell: ({ ledSeconds }) => duration(ledSeconds) },
  { title: 'CHANGES', cell: ({ transitions }) => String(transitions), expendable: 1 },
  { title: 'RENEWED', cell: ({ renewedAgoSeconds }) => ago(renewedAgoSeconds) },
];

const wideElectionColumns: readonly Column<ElectionView>[] = [
  { title: 'DURATION', cell: ({ leaseDurationSeconds }) => duration(leaseDurationSeconds) },
  { title: 'TRANSFER TO', cell: ({ transferTo, resignTo }) => transferTo ?? resignTo ?? '-' },
  { title: 'STRATEGY', cell: ({ strategy }) => strategy ?? '-' },
  { title: 'LEASE', cell: ({ lease }) => lease },
];

const sessionColumns: readonly Column<SessionView>[] = [
  { title: 'SESSION', cell: ({ lease }) => lease, shrinks: true },
  { title: 'PROCESS', cell: ({ process }) => process ?? '-', shrinks: true, expendable: 1 },
  { title: 'STATE', cell: ({ state }) => stateCell(state) },
  { title: 'AGE', cell: ({ ageSeconds }) => duration(ageSeconds) },
  { title: 'TTL LEFT', cell: ({ remainingSeconds }) => duration(remainingSeconds) },
  { title: 'HOLDS', cell: ({ holds }) => String(holds.length) },
  { title: 'WAITS', cell: ({ waitsFor }) => String(waitsFor.length) },
];

const wideSessionColumns: readonly Column<SessionView>[] = [
  { title: 'TTL', cell: ({ ttlSeconds }) => duration(ttlSeconds) },
  { title: 'POD', cell: ({ pod }) => pod ?? '-' },
  { title: 'VOID', cell: ({ voidAttempts }) => String(voidAttempts.length) },
];

const otherColumns: readonly Column<OtherView>[] = [
  { title: 'OTHER LEASE', cell: ({ name }) => name, shrinks: true },
  { title: 'WHAT', cell: ({ description }) => description },
  { title: 'HOLDER', cell: ({ holder }) => holder ?? '-', shrinks: true, expendable: 1 },
  { title: 'RENEWED', cell: ({ renewedAgoSeconds }) => ago(renewedAgoSeconds) },
];

function holderText({ holders, unreadableHolders }: LockView): string {
  const [first, ...others] = holders.map(({ session }) => session || '?');
  if (first === undefined) return unreadableHolders.length > 0 ? '?' : '-';
  return others.length === 0 ? first : `${first} +${String(others.length)}`;
}

function duration(seconds: number | null | undefined): string {
  return seconds === null || seconds === undefined ? '-' : durationText(seconds);
}

function ago(seconds: number | null): string {
  return seconds === null ? '-' : `${durationText(seconds)} ago`;
}

function isLock(view: View): view is LockView {
  return view.kind === 'Lock';
}

function isElection(view: View): view is ElectionView {
  return view.kind === 'Election';
}

function isSession(view: View): view is SessionView {
  return view.kind === 'Session';
}

function isOther(view: View): view is OtherView {
  return view.kind === 'Other';
}
