import { Host } from '../../src/testing/virtual/host.ts';
import { NotInTime } from '../../src/testing/virtual/time.ts';
import { Violation } from './invariants/violation.ts';
import type { Invariant } from './invariants/violation.ts';
import { World } from './world/world.ts';
import type { Tally } from './scenario.ts';
import { scenarioOf } from './scenarios/index.ts';
import { timelineOf } from './timeline.ts';

/** A run that has shown something wrong. */
export interface Failure {
  readonly seed: number;
  readonly scenario: string;
  /** What does not hold; undefined when something was thrown that nobody expected. */
  readonly invariant: Invariant | undefined;
  readonly message: string;
  /** What happened, in order. */
  readonly timeline: readonly string[];
}

export interface Run {
  readonly tally: Tally;
  readonly failure: Failure | undefined;
}

/**
 * Runs one seed. The same seed does the same, to the last step, on the same commit.
 *
 * @param look - at the world, when all is over
 */
export async function simulate(
  seed: number,
  name?: string,
  look: (world: World) => void = () => undefined,
): Promise<Run> {
  const scenario = scenarioOf(seed, name);
  const world = new World({ seed, watchList: seed % 5 !== 0 });
  const startedAt = world.time.now;
  let failure: Failure | undefined;
  try {
    await scenario.run(world, seed);
  } catch (error) {
    failure = {
      seed,
      scenario: scenario.name,
      invariant: invariantOf(error),
      message: messageOf(error),
      timeline: timelineOf(world),
    };
  }
  look(world);
  const { operations, faults } = world;
  const simulated = world.time.now - startedAt;
  for (const { accepted, refused } of world.resources) {
    world.writes.accepted += accepted;
    world.writes.refused += refused;
  }
  const tally = {
    seeds: 1,
    operations,
    simulated,
    faults: Object.fromEntries(faults),
    writes: world.writes,
  };
  return { tally, failure };
}

/** Records where timers were set, which is slow: for the replay of one seed. */
export function traceTimers(): void {
  Host.tracing = true;
}

function invariantOf(error: unknown): Invariant | undefined {
  if (error instanceof Violation) return error.invariant;
  return error instanceof NotInTime ? 'stuck' : undefined;
}

function messageOf(error: unknown): string {
  if (error instanceof Violation) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
