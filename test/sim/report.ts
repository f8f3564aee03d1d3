import { MACHINES } from './faults/machines.ts';
import { CLUMSY, PEOPLE } from './faults/people.ts';
import { ETCD, SERVERS } from './faults/servers.ts';
import type { Tally } from './scenario.ts';
import type { Failure } from './simulate.ts';

/** All that can go wrong now and then: what has not is reported as well. */
const MISHAPS = [MACHINES, SERVERS, ETCD, PEOPLE, CLUMSY].flatMap((kinds) => Object.keys(kinds));

/** The figures of a run. */
export function render(tally: Tally, seconds: number): string {
  const hours = tally.simulated / 3_600_000;
  const lines = [
    ['seeds', String(tally.seeds)],
    ['lock operations', String(tally.operations)],
    ['protected writes', `${String(tally.writes.accepted)} accepted`],
    ['stale writes', `${String(tally.writes.refused)} refused`],
    ['simulated hours', hours.toFixed(1)],
    ['seconds', seconds.toFixed(1)],
    ['hours per second', (hours / seconds).toFixed(2)],
    ['operations per s', (tally.operations / seconds).toFixed(0)],
    ...[...new Set([...MISHAPS, ...Object.keys(tally.faults)])]
      .sort()
      .map((kind) => [`  ${kind}`, String(tally.faults[kind] ?? 0)]),
  ];
  return lines.map(([label = '', value = '']) => `${label.padEnd(32)} ${value}`).join('\n');
}

/** What was wrong, how it came to that, and how to see it again. */
export function renderFailure(failure: Failure, most: number): string {
  const { seed, scenario, invariant, message, timeline } = failure;
  const left = timeline.length - most;
  return [
    ...(left > 0 ? [`(${String(left)} lines before: --lines ${String(timeline.length)})`] : []),
    ...timeline.slice(-most),
    '',
    invariant === undefined ? `ERROR ${message}` : `INVARIANT ${invariant}: ${message}`,
    `seed      ${String(seed)}`,
    `scenario  ${scenario}`,
    `replay    npm run sim -- --seed ${String(seed)} --scenario ${scenario}`,
  ].join('\n');
}
