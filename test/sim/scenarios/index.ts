import type { Scenario } from '../scenario.ts';
import { clumsy } from './clumsy.ts';
import { crowd } from './crowd.ts';
import { doubt } from './doubt.ts';
import { elections } from './elections.ts';
import { impatient } from './impatient.ts';
import { labels } from './labels.ts';
import { locks } from './locks.ts';
import { recovery } from './recovery.ts';
import { strays } from './strays.ts';
import { turns } from './turns.ts';
import { twins } from './twins.ts';

const SCENARIOS: readonly Scenario[] = [locks, elections];
/** Each of one kind of trouble, by name only. */
const DIRECTED: readonly Scenario[] = [
  clumsy,
  crowd,
  doubt,
  impatient,
  labels,
  recovery,
  strays,
  turns,
  twins,
];

/** The scenario of that name, or the one that the seed falls to if none is named. */
export function scenarioOf(seed: number, name: string | undefined): Scenario {
  if (name === undefined) {
    const turn = SCENARIOS[seed % SCENARIOS.length];
    if (turn) return turn;
  }
  const all = [...SCENARIOS, ...DIRECTED];
  const named = all.find((scenario) => scenario.name === name);
  if (named) return named;
  const names = all.map((scenario) => scenario.name).join(', ');
  throw new Error(`there is no scenario ${String(name)}: ${names}`);
}
