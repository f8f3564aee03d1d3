import type { Figure } from './report.ts';
import { Site } from './site.ts';
import { median } from './statistics.ts';

/** One lock handed over among the tasks of one process. */
export async function measure(): Promise<Figure[]> {
  await using site = await Site.open();
  const worker = await site.worker('local-worker.ts');
  const rates = await worker.call<number[]>('handOver', {
    rounds: 7,
    tasks: 100,
    milliseconds: 1_000,
  });
  const meaning = 'hand-overs among 100 tasks of one process, median of 7 s';
  return [{ name: 'perSecond', value: median(rates), atLeast: 50_000, meaning }];
}
