import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Sample } from './sample.ts';
import { judge, judgeLoad } from './verdict.ts';

const MINUTE = 60_000;
const MIB = 1024 * 1024;

/** A run of 30 minutes of something that holds this much, with some noise. */
function run(heapAt: (minute: number) => number, noise: readonly number[]): Sample[] {
  return Array.from({ length: 60 }, (_, index) => ({
    at: (index + 1) * (MINUTE / 2),
    operations: index * 1_000,
    rate: 100,
    heap: heapAt((index + 1) / 2) + (noise[index % noise.length] ?? 0) * 0.2 * MIB,
    external: 3 * MIB,
    rss: 100 * MIB,
    descriptors: 30,
    handles: 4,
    timers: 5,
    listeners: 2,
  }));
}

const noise = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
  minLength: 7,
  maxLength: 60,
});
const heapIsFlat = (samples: readonly Sample[]): boolean =>
  judge(samples, 30 * MINUTE).find(({ figure }) => figure === 'heap')?.flat ?? false;

it('takes noise, and what fills during the warm-up, for flat', () => {
  fc.assert(
    fc.property(noise, (noise) => {
      const samples = run((minute) => (10 + Math.min(minute, 7)) * MIB, noise);
      expect(judge(samples, 30 * MINUTE).filter(({ flat }) => !flat)).toEqual([]);
    }),
  );
});

it('finds a leak of 50 bytes for each of 60,000 operations', () => {
  fc.assert(
    fc.property(noise, (noise) => {
      expect(heapIsFlat(run((minute) => 10 * MIB + minute * 2_000 * 50, noise))).toBe(false);
    }),
  );
});

it('calls nothing flat that was hardly looked at', () => {
  expect(heapIsFlat(run(() => 10 * MIB, [0]).slice(-2))).toBe(false);
  expect(heapIsFlat([])).toBe(false);
});

it('finds a listener for every minute', () => {
  const samples = run(() => 10 * MIB, [0]).map((sample) => ({
    ...sample,
    listeners: 2 + Math.floor(sample.at / MINUTE),
  }));
  const found = judge(samples, 30 * MINUTE).filter(({ flat }) => !flat);
  expect(found.map(({ figure }) => figure)).toEqual(['listeners']);
});

it('calls a load uneven that grows', () => {
  const samples = run(() => 10 * MIB, [0]);
  expect(judgeLoad(samples, 30 * MINUTE).even).toBe(true);
  const growing = samples.map((sample) => ({ ...sample, rate: 50 + 2 * (sample.at / MINUTE) }));
  expect(judgeLoad(growing, 30 * MINUTE).even).toBe(false);
  expect(judgeLoad([], 30 * MINUTE).even).toBe(false);
});
