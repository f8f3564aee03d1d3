import type { World } from './world/world.ts';

/** What one run of a scenario went through; figures of several runs are added up. */
export interface Tally {
  readonly seeds: number;
  /** Acquisitions, tries and campaigns, whatever became of them. */
  readonly operations: number;
  /** Milliseconds of virtual time. */
  readonly simulated: number;
  /** By kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** To what locks protect; those are refused that come after a later holder's. */
  readonly writes: { readonly accepted: number; readonly refused: number };
}

/** Processes that do something in a world where everything fails, until one of them proves it wrong. */
export interface Scenario {
  readonly name: string;
  /** Fills the world with life, and returns when all that must hold has held. */
  run(world: World, seed: number): Promise<void>;
}

export const NOTHING: Tally = {
  seeds: 0,
  operations: 0,
  simulated: 0,
  faults: {},
  writes: { accepted: 0, refused: 0 },
};

export function sum(a: Tally, b: Tally): Tally {
  const faults = { ...a.faults };
  for (const [kind, count] of Object.entries(b.faults)) faults[kind] = (faults[kind] ?? 0) + count;
  return {
    seeds: a.seeds + b.seeds,
    operations: a.operations + b.operations,
    simulated: a.simulated + b.simulated,
    faults,
    writes: {
      accepted: a.writes.accepted + b.writes.accepted,
      refused: a.writes.refused + b.writes.refused,
    },
  };
}
