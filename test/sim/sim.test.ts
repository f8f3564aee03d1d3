import { describe, expect, it } from 'vitest';
import { campaign } from './campaign.ts';
import { renderFailure } from './report.ts';
import { PLAYS } from './scenarios/plays.ts';

const SEEDS = 8;

/** `npm run sim -- --seed 17 --scenario locks` replays one run; CI runs many more. */
describe('at random', () => {
  it.each([...PLAYS.map(({ name }) => name), 'operator', 'jobs', 'shards'])(
    '%s: nothing that must hold is broken',
    async (scenario) => {
      const { tally, failure } = await campaign({
        first: 1,
        seeds: SEEDS,
        operations: Infinity,
        minutes: Infinity,
        scenario,
        workers: 1,
      });
      expect(failure && renderFailure(failure, 200)).toBeUndefined();
      expect(tally.operations).toBeGreaterThan(SEEDS * 5);
    },
    120_000,
  );
});
