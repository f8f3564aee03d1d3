import { describe, expect, it } from 'vitest';
import { campaign } from './campaign.ts';
import { renderFailure } from './report.ts';

const SEEDS = 200;

/** `npm run sim -- --seed 17 --scenario locks` replays one run. */
describe('at random', () => {
  it.each([
    ['locks', 'nobody holds together, everybody is served, nothing is left', 20],
    ['elections', 'nobody leads together, and somebody does in the end', 5],
  ])(
    '%s: %s',
    async (scenario, _, operations) => {
      const { tally, failure } = await campaign({
        first: 1,
        seeds: SEEDS,
        operations: Infinity,
        minutes: Infinity,
        scenario,
        workers: 1,
      });
      expect(failure && renderFailure(failure, 200)).toBeUndefined();
      expect(tally.operations).toBeGreaterThan(SEEDS * operations);
    },
    120_000,
  );
});
