import type { Figure } from './report.ts';
import { Site } from './site.ts';
import { median } from './statistics.ts';

/** Rounds of some cycles each; between rounds the order changes. */
const rounds = 5;
const cycles = 400;

/** An uncontended acquire and release beside a bare CREATE and DELETE, in turns in one process. */
export async function measure(): Promise<Figure[]> {
  await using site = await Site.open();
  const worker = await site.worker('cycle-worker.ts');
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const times = await worker.call<{ ours: number[]; bare: number[] }>('cycles', cycles);
    ours.push(...times.ours);
    bare.push(...times.bare);
  }
  const meaning = `acquire + release ${median(ours).toFixed(2)} ms over CREATE + DELETE ${median(bare).toFixed(2)} ms`;
  return [{ name: 'ratio', value: median(ours) / median(bare), atMost: 1.15, meaning }];
}
