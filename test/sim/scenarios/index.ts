import type { Scenario } from '../scenario.ts';
import { elections } from './elections.ts';
import { locks } from './locks.ts';

const SCENARIOS: readonly Scenario[] = [locks, elections];

/** The scenario of that name, or the one that the seed falls to if none is named. */
export function scenarioOf(seed: number, name: string | undefined): Scenario {
  if (name === undefined) {
    const turn = SCENARIOS[seed % SCENARIOS.length];
    if (turn) return turn;
  }
  const named = SCENARIOS.find((scenario) => scenario.name === name);
  if (named) return named;
  const names = SCENARIOS.map((scenario) => scenario.name).join(', ');
  throw new Error(`there is no scenario ${String(name)}: ${names}`);
}
