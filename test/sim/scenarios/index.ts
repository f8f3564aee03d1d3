import type { Scenario } from '../scenario.ts';
import { PLAYS } from './plays.ts';

/** The scenario of that name, or the one that the seed falls to if none is named. */
export function scenarioOf(seed: number, name: string | undefined): Scenario {
  if (name === undefined) {
    const turn = PLAYS[seed % PLAYS.length];
    if (turn) return turn;
  }
  const named = PLAYS.find((scenario) => scenario.name === name);
  if (named) return named;
  const names = PLAYS.map((scenario) => scenario.name).join(', ');
  throw new Error(`there is no scenario ${String(name)}: ${names}`);
}
