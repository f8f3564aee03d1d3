import type { Scenario } from '../scenario.ts';
import { operator } from './operator.ts';
import { PLAYS } from './plays.ts';

/** Those that are run only by name: they cost more for each operation. */
const BY_NAME: readonly Scenario[] = [operator];

/** The scenario of that name, or the one that the seed falls to if none is named. */
export function scenarioOf(seed: number, name: string | undefined): Scenario {
  if (name === undefined) {
    const turn = PLAYS[seed % PLAYS.length];
    if (turn) return turn;
  }
  const all = [...PLAYS, ...BY_NAME];
  const named = all.find((scenario) => scenario.name === name);
  if (named) return named;
  const names = all.map((scenario) => scenario.name).join(', ');
  throw new Error(`there is no scenario ${String(name)}: ${names}`);
}
