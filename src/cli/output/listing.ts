import type {
  ElectionFacts,
  Facts,
  LockFacts,
  OtherFacts,
  ScheduleFacts,
  SessionFacts,
  StateFacts,
} from '../../inspect/facts.ts';
import type { Snapshot } from '../../inspect/snapshot.ts';
import type {
  ElectionView,
  LockView,
  OtherView,
  ScheduleView,
  SessionView,
  StateView,
  View,
} from '../../inspect/views.ts';
import { holdersText } from './mode-text.ts';
import { paintStdout, terminalWidth } from './paint.ts';
import { whenText } from './schedule-lines.ts';
import type { Colour } from './paint.ts';
import { tableLines } from './table.ts';
import type { Cell, Column } from './table.ts';
import { durationText } from './text.ts';

export interface ListingStyle {
  /** Whether rows are of several namespaces. */
  readonly namespaces: boolean;
  readonly wide: boolean;
}

/** The lines of `leasehold ls`: a table for each kind that there is. */
export function* listing(
  snapshot: Snapshot,
  facts: readonly Facts[],
  style: ListingStyle,
): Generator<string, void, undefined> {
  const tables = [
    table(
      viewed(facts.filter(isLock), (lock) => snapshot.view(lock)),
      lockColumns,
      wideLockColumns,
      style,
    ),
    table(
      viewed(facts.filter(isElection), (election) => snapshot.view(election)),
      electionColumns,
      wideElectionColumns,
      style,
    ),
    table(
      viewed(facts.filter(isSchedule), (schedule) => snapshot.view(schedule)),
      scheduleColumns,
      wideScheduleColumns,
      style,
    ),
    table(
      viewed(facts.filter(isState), (state) => snapshot.view(state)),
      stateColumns,
      wideStateColumns,
      style,
    ),
    table(
      viewed(facts.filter(isSession), (session) => snapshot.view(session)),
      sessionColumns,
      wideSessionColumns,
      style,
    ),
    table(
      viewed(facts.filter(isOther), (other) => snapshot.view(other)),
      otherColumns,
      [],
      style,
    ),
  ];
  let isFirst = true;
  for (const lines of tables.filter((lines) => lines !== undefined)) {
    if (!isFirst) yield '';
    isFirst = false;
    yield* lines;
  }
}

const COLOURS: Readonly<Record<string, Colour>> = {
  overdue: 'yellow',
  blank: 'red',
  missing: 'red',
  void: 'red',
  unreadable: 'red',
  broken: 'red',
};

export function stateCell(state: string): Cell {
  return { text: state, colour: COLOURS[state] };
}

/** Views made while they are gone through, as often as they are. */
function viewed<One, Row>(
  facts: readonly One[],
  view: (one: One) => Row,
): Iterable<Row> | undefined {
  if (facts.length === 0) return undefined;
  return {
    *[Symbol.iterator]() {
      for (const one of facts) yield view(one);
    },
  };
}

function table<Row extends View>(
  rows: Iterable<Row> | undefined,
  columns: readonly Column<Row>[],
  wideColumns: readonly Column<Row>[],
  style: ListingStyle,
): Iterable<string> | undefined {
  if (!rows) return undefined;
  const all: Column<Row>[] = [
    ...(style.namespaces
      ? [{ title: 'NAMESPACE', cell: (row: Row) => row.namespace, shrinks: true as const }]
      : []),
    ...columns,
    ...(style.wide ? wideColumns : []),
  ];
  return tableLines(all, rows, style.wide ? undefined : terminalWidth(), paintStdout);
}

const lockColumns: readonly Column<LockView>[] = [
  { title: 'LOCK', cell: ({ name }) => name, shrinks: true },
  { title: 'HOLDER', cell: holdersText, shrinks: true },
  { title: 'STATE', cell: ({ state }) => stateCell(state) },
  { title: 'HELD', cell: ({ holders }) => duration(longest(holders)) },
  { title: 'WAITERS', cell: ({ queue }) => String(queue.length) },
  { title: 'LONGEST', cell: (lock) => duration(lock.longestWaitSeconds), expendable: 1 },
];

const wideLockColumns: readonly Column<LockView>[] = [
  { title: 'PROCESS', cell: processesText },
  { title: 'TTL LEFT', cell: ({ holders }) => duration(leastLeft(holders)) },
  { title: 'MODE', cell: ({ mode }) => mode ?? '-' },
  { title: 'FENCE', cell: ({ holders }) => latestFence(holders) ?? '-' },
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

const scheduleColumns: readonly Column<ScheduleView>[] = [
  { title: 'SCHEDULE', cell: ({ name }) => name, shrinks: true },
  { title: 'STATE', cell: ({ state }) => stateCell(state) },
  { title: 'LAST', cell: ({ last }) => ago(last?.beganAgoSeconds ?? null) },
  { title: 'OUTCOME', cell: outcomeCell },
  { title: 'BY', cell: ({ run, last }) => (run ?? last)?.process ?? '-', shrinks: true },
  { title: 'NEXT', cell: ({ nextSeconds }) => duration(nextSeconds) },
];

const wideScheduleColumns: readonly Column<ScheduleView>[] = [
  { title: 'WHEN', cell: whenText },
  { title: 'TOOK', cell: ({ last }) => duration(last?.tookSeconds) },
  { title: 'LEASE', cell: ({ lease }) => lease },
];

const sessionColumns: readonly Column<SessionView>[] = [
  { title: 'SESSION', cell: ({ lease }) => lease, shrinks: true },
  { title: 'STATE', cell: ({ state }) => stateCell(state) },
  { title: 'AGE', cell: ({ ageSeconds }) => duration(ageSeconds) },
  { title: 'TTL LEFT', cell: ({ remainingSeconds }) => duration(remainingSeconds) },
  { title: 'HOLDS', cell: ({ holds }) => String(holds.length) },
  { title: 'WAITS', cell: ({ waitsFor }) => String(waitsFor.length) },
];

const wideSessionColumns: readonly Column<SessionView>[] = [
  { title: 'PROCESS', cell: ({ process }) => process ?? '-' },
  { title: 'TTL', cell: ({ ttlSeconds }) => duration(ttlSeconds) },
  { title: 'POD', cell: ({ pod }) => pod ?? '-' },
  { title: 'VOID', cell: ({ voidAttempts }) => String(voidAttempts.length) },
];

const stateColumns: readonly Column<StateView>[] = [
  { title: 'STATE', cell: ({ name }) => name, shrinks: true },
  { title: 'KIND', cell: ({ what }) => what ?? '-' },
  { title: 'SAYS', cell: ({ says }) => stateCell(says) },
  { title: 'CHANGED', cell: ({ changedAgoSeconds }) => ago(changedAgoSeconds), expendable: 1 },
];

const wideStateColumns: readonly Column<StateView>[] = [
  { title: 'WRITES', cell: ({ writes }) => String(writes) },
  { title: 'LEASE', cell: ({ lease }) => lease },
];

const otherColumns: readonly Column<OtherView>[] = [
  { title: 'OTHER LEASE', cell: ({ name }) => name, shrinks: true },
  { title: 'WHAT', cell: ({ description }) => description },
  { title: 'HOLDER', cell: ({ holder }) => holder ?? '-', shrinks: true, expendable: 1 },
  { title: 'RENEWED', cell: ({ renewedAgoSeconds }) => ago(renewedAgoSeconds) },
];

function outcomeCell({ last }: ScheduleView): Cell {
  const isWell = !last || last.outcome === 'done' || last.outcome === 'stopped';
  return { text: last?.outcome ?? '-', colour: isWell ? undefined : 'red' };
}

function processesText({ holders }: LockView): string {
  const [first, ...others] = new Set(holders.map(({ process }) => process ?? '?'));
  if (first === undefined) return '-';
  return others.length === 0 ? first : `${first} +${String(others.length)}`;
}

/** Of who has held it longest. */
function longest(holders: LockView['holders']): number | undefined {
  const spans = holders.flatMap(({ heldSeconds }) => heldSeconds ?? []);
  return spans.length === 0 ? undefined : Math.max(...spans);
}

/** Of the holder that will be overdue first. */
function leastLeft(holders: LockView['holders']): number | undefined {
  const spans = holders.flatMap(({ sessionRemainingSeconds: left }) => left ?? []);
  return spans.length === 0 ? undefined : Math.min(...spans);
}

/** Of the last of them that was granted. */
function latestFence(holders: LockView['holders']): string | undefined {
  const fences = holders.flatMap(({ fence }) => fence ?? []);
  return fences.reduce<string | undefined>(
    (most, fence) => (most !== undefined && BigInt(most) >= BigInt(fence) ? most : fence),
    undefined,
  );
}

function duration(seconds: number | null | undefined): string {
  return seconds === null || seconds === undefined ? '-' : durationText(seconds);
}

function ago(seconds: number | null): string {
  return seconds === null ? '-' : `${durationText(seconds)} ago`;
}

function isLock(facts: Facts): facts is LockFacts {
  return facts.kind === 'lock';
}

function isElection(facts: Facts): facts is ElectionFacts {
  return facts.kind === 'election';
}

function isSession(facts: Facts): facts is SessionFacts {
  return facts.kind === 'session';
}

function isSchedule(facts: Facts): facts is ScheduleFacts {
  return facts.kind === 'schedule';
}

function isState(facts: Facts): facts is StateFacts {
  return facts.kind === 'state';
}

function isOther(facts: Facts): facts is OtherFacts {
  return facts.kind === 'other';
}
