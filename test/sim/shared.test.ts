import { expect, test } from 'vitest';
import { campaign } from './campaign.ts';
import { renderFailure } from './report.ts';

const SEEDS = 4;

/** `npm run sim -- --seed 17 --scenario shared` replays one run. */
test('at random, counters, latches and barriers: nothing that must hold is broken', async () => {
  const { tally, failure } = await campaign({
    first: 1,
    seeds: SEEDS,
    operations: Infinity,
    minutes: Infinity,
    scenario: 'shared',
    workers: 1,
  });
  expect(failure && renderFailure(failure, 200)).toBeUndefined();
  expect(tally.operations).toBeGreaterThan(SEEDS * 100);
}, 120_000);
