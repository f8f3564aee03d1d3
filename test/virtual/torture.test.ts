import { describe, expect, it } from 'vitest';
import { tortureElection } from './world/election-torture.ts';
import { Host } from '../../src/testing/virtual/host.ts';
import { Torture } from './world/torture.ts';

const SEEDS = 200;
const first = Number(process.env.TORTURE_SEED ?? '1');
const count = Number(process.env.TORTURE_SEEDS ?? String(SEEDS));

Host.tracing = count === 1;

/** `TORTURE_SEED=17 TORTURE_SEEDS=1` replays one run. */
describe('at random', () => {
  it(`nobody holds together, everybody is served, nothing is left (${String(count)} seeds)`, async () => {
    let grants = 0;
    const failures: string[] = [];
    for (let seed = first; seed < first + count; seed += 1) {
      try {
        grants += (await new Torture(seed).run()).grants;
      } catch (error) {
        failures.push(`seed ${String(seed)}: ${error instanceof Error ? (error.stack ?? '') : ''}`);
        if (failures.length >= 5) break;
      }
    }
    expect(failures.join('\n\n')).toBe('');
    expect(grants).toBeGreaterThan(count * 20);
  }, 120_000);

  it(`nobody leads together, and somebody does in the end (${String(count)} seeds)`, async () => {
    let terms = 0;
    const failures: string[] = [];
    for (let seed = first; seed < first + count; seed += 1) {
      try {
        terms += (await tortureElection(seed)).invariants.grants;
      } catch (error) {
        failures.push(`seed ${String(seed)}: ${error instanceof Error ? (error.stack ?? '') : ''}`);
        if (failures.length >= 5) break;
      }
    }
    expect(failures.join('\n\n')).toBe('');
    expect(terms).toBeGreaterThan(count * 5);
  }, 120_000);
});
