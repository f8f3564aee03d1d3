import { setTimeout as sleep } from 'node:timers/promises';
import type { Figure } from './report.ts';
import { Site } from './site.ts';
import { median, quantile } from './statistics.ts';

const locks = 100;
const waitMilliseconds = 31_000;
const gapMilliseconds = 20;

/**
 * From the call of release in one process to the end of acquire in another, for locks that have
 * waited in parallel for half a minute; beside a bare PUT in the one and its watch event in the other.
 */
export async function measure(): Promise<Figure[]> {
  await using site = await Site.open();
  const holder = await site.worker('handoff-worker.ts');
  const waiter = await site.worker('handoff-worker.ts');
  const names = Array.from({ length: locks }, (_, index) => `handoff-${String(index)}`);
  await holder.call('hold', names);
  const versions = await holder.call<string[]>('createBare', names);
  await waiter.call('watchBare', { names, versions });
  await waiter.call('wait', names);
  await sleep(waitMilliseconds);

  const ours: number[] = [];
  const bare: number[] = [];
  const measureOne = async (ofOurs: boolean, name: string): Promise<void> => {
    const arrival = waiter.call<number>(ofOurs ? 'granted' : 'changed', name);
    const start = await holder.call<number>(ofOurs ? 'release' : 'putBare', name);
    (ofOurs ? ours : bare).push((await arrival) - start);
    await sleep(gapMilliseconds);
  };
  for (const [index, name] of names.entries()) {
    const oursFirst = index % 2 === 0;
    await measureOne(oursFirst, name);
    await measureOne(!oursFirst, name);
  }
  const tail = `p99 ${quantile(ours, 0.99).toFixed(1)} and ${quantile(bare, 0.99).toFixed(1)}`;
  const meaning = `release to acquire ${median(ours).toFixed(2)} ms over PUT to watch event ${median(bare).toFixed(2)} ms (${tail})`;
  return [{ name: 'ratio', value: median(ours) / median(bare), atMost: 1.3, meaning }];
}
