import type { Figure } from './report.ts';
import { Site } from './site.ts';
import { jainIndex, monotonic, sum } from './statistics.ts';
import type { Worker } from './worker.ts';

const most = 32;
const warmUpMilliseconds = 3_000;
const windowMilliseconds = 8_000;

/** One lock that 2, 8 and 32 processes want without pause, each holding it for 5 ms. */
export async function measure(): Promise<Figure[]> {
  await using site = await Site.open();
  const workers = await Promise.all(
    Array.from({ length: most }, () => site.worker('contended-worker.ts')),
  );
  // Not counted: 32 processes that compile on two cores what they run for the first time.
  await contend(workers);
  const turns = new Map<number, number[][]>();
  // There and back again, so that none of them gains by what the machine does meanwhile.
  for (const count of [2, 8, most, most, 8, 2]) {
    const runs = turns.get(count) ?? [];
    turns.set(count, runs);
    runs.push(await contend(workers.slice(0, count)));
  }
  const rate = (count: number): number => {
    const runs = turns.get(count) ?? [];
    return (sum(runs.flat()) / runs.length / windowMilliseconds) * 1_000;
  };
  const jain = Math.min(...(turns.get(most) ?? []).map(jainIndex));
  const meaning = (count: number): string =>
    `turns per second, ${String(count)} processes that hold for 5 ms`;
  return [
    { name: 'rate2', value: rate(2), meaning: meaning(2) },
    { name: 'rate8', value: rate(8), meaning: meaning(8) },
    { name: 'rate32', value: rate(most), atLeast: rate(2) / 2, meaning: meaning(most) },
    { name: 'jain', value: jain, atLeast: 0.99, meaning: `fairness among ${String(most)}` },
  ];
}

/** The turns that each worker had within the window. */
async function contend(workers: readonly Worker[]): Promise<number[]> {
  const from = monotonic() + warmUpMilliseconds;
  const contest = { from, until: from + windowMilliseconds };
  return Promise.all(workers.map((worker) => worker.call<number>('contend', contest)));
}
