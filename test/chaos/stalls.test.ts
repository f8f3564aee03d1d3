import { expect, test } from 'vitest';
import { monotonic } from './history.ts';
import { StallWatch, stalledWithin } from './stalls.ts';

test('a timer that comes late is a stall of the machine, from when it was due', () => {
  const watch = new StallWatch();
  // What it is told here is the only time that it knows.
  watch.stop();
  const start = monotonic() + 60_000;
  watch.tick(start);
  const [first] = watch.stalls.splice(0);
  expect(first?.until).toBe(start);
  watch.tick(start + 110);
  watch.tick(start + 300);
  expect(watch.stalls).toEqual([]);
  watch.tick(start + 3_400);
  expect(watch.stalls).toEqual([
    { kind: 'machine-stall', target: 'machine', at: start + 400, until: start + 3_400 },
  ]);
  expect(stalledWithin(watch.stalls, start + 1_400, start + 9_000)).toBe(2_000);
  expect(stalledWithin(watch.stalls, start + 3_400, start + 9_000)).toBe(0);
});
