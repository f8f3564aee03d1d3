import type { Scenario } from '../scenario.ts';
import { candidates } from './candidates.ts';
import { circles } from './circles.ts';
import { clumsy } from './clumsy.ts';
import { doubt } from './doubt.ts';
import { edges } from './edges.ts';
import { ends } from './ends.ts';
import { impatient } from './impatient.ts';
import { jobs } from './jobs.ts';
import { labels } from './labels.ts';
import { leaders } from './leaders.ts';
import { operator } from './operator.ts';
import { parents } from './parents.ts';
import { PLAYS, permits, readers } from './plays.ts';
import { recovery } from './recovery.ts';
import { repairs } from './repairs.ts';
import { shards } from './shards.ts';
import { shared } from './shared.ts';
import { strays } from './strays.ts';
import { turns } from './turns.ts';
import { twins } from './twins.ts';

/** Each of one kind of trouble; found by name only. */
const DIRECTED: readonly Scenario[] = [
  candidates,
  circles,
  clumsy,
  doubt,
  edges,
  ends,
  impatient,
  jobs,
  labels,
  leaders,
  parents,
  permits,
  readers,
  recovery,
  repairs,
  shards,
  shared,
  strays,
  turns,
  twins,
];

/** Those that are run only by name: they cost more for each operation. */
const BY_NAME: readonly Scenario[] = [operator];

/** The scenario of that name, or the one that the seed falls to if none is named. */
export function scenarioOf(seed: number, name: string | undefined): Scenario {
  if (name === undefined) {
    const turn = PLAYS[seed % PLAYS.length];
    if (turn) return turn;
  }
  const all = [...PLAYS, ...DIRECTED, ...BY_NAME];
  const named = all.find((scenario) => scenario.name === name);
  if (named) return named;
  const names = all.map((scenario) => scenario.name).join(', ');
  throw new Error(`there is no scenario ${String(name)}: ${names}`);
}
