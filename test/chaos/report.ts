import type { ChaosResult } from './chaos.ts';
import type { Distribution, Figures, Mode, ModeCounts } from './figures.ts';

/** For a terminal. */
export function renderFigures(figures: Figures): string {
  const { writes, afterStorms, bySingle, byCause, byTtl } = figures;
  return [
    `operations    ${String(figures.calls)} calls, ${String(figures.holds)} holds, ${String(figures.terms)} of them terms, ${String(figures.handoffs)} handoffs between processes`,
    ...modesOf(figures).map(
      ([mode, { calls, holds, beside }]) =>
        `  ${mode.padEnd(11)} ${String(calls)} calls, ${String(holds)} holds${beside === undefined ? '' : `, ${String(beside)} of them beside one of another process`}`,
    ),
    `without hold  ${list(figures.outcomes)}`,
    `processes     ${String(figures.processes)}`,
    `faults        ${list(figures.faults)}`,
    `writes        ${String(writes.accepted)} accepted, ${String(writes.refused)} refused as stale, ${String(writes.staleAccepted)} stale accepted; ${String(writes.late)} sent after the hold, ${String(writes.unanswered)} without an answer`,
    `after storms  of ${String(figures.storms)}, until each lock was granted again`,
    ...afterStorms.map(textOf),
    `one fault     that hit the holder, until the lock was granted again`,
    ...bySingle.map(textOf),
    `many faults   the same in storms`,
    ...byCause.map(textOf),
    `by the ttl    ${byTtl ? textOf(byTtl).trim() : 'nothing'}`,
    `longest wait  ${milliseconds(figures.longestWait)}`,
    `left behind   ${list(figures.leftovers)}`,
  ].join('\n');
}

/** A page for `docs/evidence`. */
export function renderPage(
  result: ChaosResult,
  run: { readonly minutes: number; readonly seed: number; readonly commit: string },
): string {
  const { figures, violations, workers, limit } = result;
  const { writes, byTtl } = figures;
  const of = (...rules: string[]): string =>
    String(violations.filter(({ rule }) => rules.includes(rule)).length);
  const worst = figures.afterStorms[0]?.worst ?? 0;
  const duration = run.minutes === 60 ? 'An hour' : `${String(run.minutes)} minutes`;
  return `# Chaos on a real API server

${duration}: \`npm run chaos -- --minutes ${String(run.minutes)} --seed ${String(run.seed)}\`, commit \`${run.commit}\`.

${String(workers.length)} processes, each started again when it is killed (${String(figures.processes)} in all), want five locks, to read
and to write one more, permits of a semaphore, and the leadership of one election, on two kube-apiservers with one
etcd, each process through a proxy of its own. Storms of faults of 12 s and single faults take turns; after each there
is calm for ${seconds(limit + 500)}, in which everything has to recover. What every process did, by
the machine's monotonic clock, was judged afterwards by a checker of its own (\`test/chaos\`).

| what                                                             | limit                 | measured |
| ---------------------------------------------------------------- | --------------------- | -------- |
| two holders of one lock at the same time, or a writer and a reader | 0                   | ${of('exclusion')} |
| more permits held than the semaphore has                         | 0                     | ${of('permits')} |
| fencing tokens that did not grow                                 | 0                     | ${of('fence')} |
| lost grants: calls that never ended, or not in their time        | 0                     | ${of('turn', 'error')} |
| stale writes that the protected table accepted                   | 0                     | ${String(writes.staleAccepted)} |
| its log, its state and the histories disagree                    | 0                     | ${of('store')} |
| from the end of a storm until each lock was granted, worst       | ${seconds(limit)}, 2 ttl + 3 s | ${seconds(worst)} |
| locks that took longer                                           | 0                     | ${of('recovery')} |
| after one fault that only the ttl can tell: next grant, median | near 1 ttl            | ${byTtl?.ttls === undefined ? '-' : `${byTtl.ttls.toFixed(2)} ttl`} |
| Leases left behind by processes that ended in order              | 0                     | ${of('leftover')} |

## Operations

${number(figures.calls)} calls, ${number(figures.holds)} holds, ${number(figures.terms)} of them terms of leadership; ${number(figures.handoffs)} times a lock went
from one process to another. Calls that ended without a hold: ${list(figures.outcomes)}. The longest
wait was ${seconds(figures.longestWait)}.

| what                    | calls | holds | began beside one of another process |
| ----------------------- | ----- | ----- | ----------------------------------- |
${modesOf(figures)
  .map(
    ([mode, { calls, holds, beside }]) =>
      `| ${MODES[mode]} | ${number(calls)} | ${number(holds)} | ${beside === undefined ? '' : number(beside)} |`,
  )
  .join('\n')}

| process | ttl | under \`leasehold run\` | its clock runs | its wall clock is off | API server |
| ------- | --- | --------------------- | -------------- | --------------------- | ---------- |
${workers
  .map(
    ({ name, ttl, supervised, clock, servers }) =>
      `| ${name} | ${String(ttl)} s | ${supervised ? 'yes' : 'no'} | ${percent(clock.rate)} | ${hours(clock.offset)} | ${servers.length > 1 ? 'both, in turns' : String(result.ports.indexOf(servers[0] ?? 0) + 1)} |`,
  )
  .join('\n')}

## Writes to a table that checks the fence

${result.store === 'PostgreSQL' ? 'A PostgreSQL table' : 'A table in the process of the test, for want of PostgreSQL'}, with the conditional write of the README. Each hold writes without a second look at
its lock, one in twenty writes once more when it has been released, some that have lost it write nevertheless,
and the network to the table holds writes back.

| writes                                                  |     |
| ------------------------------------------------------- | --- |
| accepted                                                | ${number(writes.accepted)} |
| refused as stale                                        | ${number(writes.refused)} |
| of those, by processes that were dead when they arrived | ${number(writes.refusedOfDead)} |
| stale, and accepted                                     | ${number(writes.staleAccepted)} |
| sent when the hold was over                             | ${number(writes.late)} |
| answer lost                                             | ${number(writes.unanswered)} |

Each line of the table's log was compared with what the process says that it sent and was told.

## Faults

| fault | times | what it is |
| ----- | ----- | ---------- |
${Object.entries(figures.faults)
  .toSorted(([a], [b]) => a.localeCompare(b))
  .map(([kind, times]) => `| ${kind} | ${number(times)} | ${MEANINGS[kind] ?? ''} |`)
  .join('\n')}

## Recovery

From the end of a storm until a lock was granted again, if somebody wanted it and nobody held it in order; by the
last fault that had hit its holder. All names, after each of ${String(figures.storms)} storms and single faults:

${table(figures.afterStorms, false)}

From one fault that hit a lock's holder, while nothing else was wrong, until somebody had the lock again; from when
the servers were back for faults of servers; from one that hit a reader, until somebody could write who waited. Of
permits nobody can tell whose a grant has got, so those of a semaphore are not here. Processes under
\`leasehold run\` are given up by their parent, without a wait for the ttl; a fault of a server takes the lock from nobody.

${table(figures.bySingle, true)}

The same in the midst of storms, where the second fault often comes before the first is over, for example when the
next holder is killed too. Where the next holder did not have to wait, the hold had ended in order.

${table(figures.byCause, true)}

The longest:

${figures.longest
  .map(
    ({ lock, cause, length, ttl }) =>
      `- ${seconds(length)} (${(length / ttl).toFixed(1)} ttl) without a grant of \`${lock}\`: ${cause}`,
  )
  .join('\n')}
`;
}

const MODES: Readonly<Record<Mode, string>> = {
  lock: 'a lock',
  write: 'a read-write lock, to write',
  read: 'the same, to read',
  downgraded: 'from a write to a read',
  permit: 'permits of a semaphore',
  term: 'a term of leadership',
};

function modesOf({ modes }: Figures): [Mode, ModeCounts][] {
  return Object.entries(modes) as [Mode, ModeCounts][];
}

const MEANINGS: Readonly<Record<string, string>> = {
  kill: 'SIGKILL of a process; half of them run under `leasehold run`',
  'kill-with-supervisor': 'SIGKILL of a process and of its `leasehold run`',
  freeze: 'SIGSTOP for 0.1 to 2 ttl',
  'clock-jump': 'the wall clock steps by up to 2 hours',
  'label-lock': 'a label or an annotation on the Lease of a lock',
  'label-session': 'the same on the Lease of a session',
  'label-election': 'the same on the Lease of an election',
  'delete-lock': 'the Lease of a lock deleted by hand',
  'delete-session': 'the Lease of a session deleted by hand',
  'delete-election': 'the Lease of an election deleted by hand',
  'strike-holders': 'the holders edited out of a lock',
  'strike-waiters': 'the queue edited out of a lock',
  'restore-holder': 'a former holder edited into a lock',
  'link-latency': '5 to 300 ms',
  'link-bandwidth': '2 to 50 KB/s',
  'link-cut': 'connections reset, new ones refused',
  'link-reset': 'connections reset',
  'link-blackhole': 'nothing passes',
  'link-deaf': 'requests pass, answers do not',
  'link-late': 'answers pass, requests are held back and arrive later',
  'link-half-open': 'connections are silent for ever, new ones work',
  'store-latency': 'writes to the table are held back for up to a ttl',
  'store-reset': 'connections to the table reset',
  'server-kill': 'SIGKILL of an API server, and a new start',
  'server-stop': 'SIGTERM of an API server, and a new start',
  'server-pause': 'SIGSTOP of an API server for up to 4 s',
  'etcd-kill': 'SIGKILL of etcd, and a new start',
  'etcd-pause': 'SIGSTOP of etcd for up to 3 s',
  'machine-stall': 'the machine of the test stood still for 0.2 s or more: not counted as lateness',
};

function table(rows: readonly Distribution[], inTtls: boolean): string {
  const head = [
    'last fault',
    'of',
    'median',
    'p90',
    'worst',
    ...(inTtls ? ['median, in ttls'] : []),
  ];
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(head),
    line(head.map(() => '---')),
    ...rows.map(({ name, count, median, p90, worst, ttls }) =>
      line([
        ...[name, number(count), seconds(median), seconds(p90), seconds(worst)],
        ...(inTtls ? [ttls?.toFixed(2) ?? ''] : []),
      ]),
    ),
  ].join('\n');
}

function textOf({ name, count, median, p90, worst, ttls }: Distribution): string {
  const relative = ttls === undefined ? '' : ` (${ttls.toFixed(2)} ttl)`;
  return `  ${name.padEnd(34)} ${String(count).padStart(5)}  median ${milliseconds(median)}${relative}, p90 ${milliseconds(p90)}, worst ${milliseconds(worst)}`;
}

function list(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, times]) => `${name} ${number(times)}`)
    .join(', ');
}

function milliseconds(length: number): string {
  return `${length.toFixed(0)} ms`;
}

function seconds(length: number): string {
  return length < 1_000 ? milliseconds(length) : `${(length / 1_000).toFixed(1)} s`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function percent(rate: number): string {
  const difference = (rate - 1) * 100;
  if (difference === 0) return 'true';
  return `${Math.abs(difference).toFixed(1)} % ${difference > 0 ? 'fast' : 'slow'}`;
}

function hours(offset: number): string {
  return offset === 0 ? 'no' : `${(offset / 3_600_000).toFixed(1)} h`;
}
