import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { PLAYS } from './scenarios/plays.ts';
import { simulate } from './simulate.ts';
import { timelineOf } from './timeline.ts';

/** All that happened in a run, in some characters. */
async function digest(seed: number, scenario: string): Promise<string> {
  const hash = createHash('sha256');
  await simulate(seed, scenario, (world) => {
    for (const line of timelineOf(world)) hash.update(line);
  });
  return hash.digest('hex');
}

describe('a seed', () => {
  it.each([...PLAYS.map(({ name }) => name), 'operator'])(
    '%s: does the same each time',
    async (scenario) => {
      const first = await digest(7, scenario);
      expect(await digest(7, scenario)).toBe(first);
      expect(await digest(8, scenario)).not.toBe(first);
    },
  );
});
