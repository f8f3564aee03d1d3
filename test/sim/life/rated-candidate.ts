import { isLeaseholdError } from '../../../src/core/errors.ts';
import type { Election } from '../../../src/election/election.ts';
import type { Leadership } from '../../../src/election/term.ts';
import type { PublishedValues } from '../invariants/published-values.ts';
import type { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import type { World } from '../world/world.ts';
import { sleep, work } from './work.ts';

const TIMES = { leaseDuration: '6s', renewDeadline: '4s', retryPeriod: '1s' } as const;
const EXPECTED = ['REENTRANT', 'CLOSED', 'ABORTED', 'LOST'] as const;

/** One of those who stand for the same election, some better than others. */
export interface RatedCandidate {
  readonly process: VirtualProcess;
  readonly election: Election;
  readonly priority: number;
}

/** What everybody does, until it changes. */
export interface Mood {
  /** Nobody is sick any more, and nobody resigns without being asked. */
  steady: boolean;
  /** Until everybody has gone home. */
  over: boolean;
}

/** A process that stands with a priority, is sick at times, publishes, and observes who leads. */
export function rated(
  world: World,
  process: VirtualProcess,
  values: PublishedValues,
  priority: number,
  dice: Dice,
  mood: Mood,
): RatedCandidate {
  const sickness = dice.pick([0, 0, 0.05]) ?? 0;
  const manner = dice.pick(['answers', 'answers late', 'hangs']);
  const health = async (): Promise<boolean> => {
    if (mood.steady || !dice.chance(sickness)) return true;
    if (manner === 'answers late') await sleep(process, dice.mostlyShort(5_000));
    if (manner === 'hangs') await sleep(process, dice.mostlyShort(60_000));
    return false;
  };
  const standFor = dice.pick([0, 0, 3_000]) ?? 0;
  const election = process.election('controller', {
    ...TIMES,
    priority,
    preemptAfter: dice.pick([2_000, 6_000]) ?? 0,
    standFor,
    health,
  });
  const candidate = { process, election, priority };
  for (const living of [
    stand(world, candidate, values, dice, mood),
    observe(process, values, mood),
  ]) {
    living.catch((error: unknown) => world.fail(error));
  }
  return candidate;
}

async function stand(
  world: World,
  { process, election }: RatedCandidate,
  values: PublishedValues,
  dice: Dice,
  mood: Mood,
): Promise<void> {
  for (let turn = 1; !mood.over; turn += 1) {
    const value = `${election.identity}#${String(turn)}`;
    try {
      const term = await process.lead(election, undefined, { value });
      world.operations += 1;
      const version = String(term.fence / 65_536n);
      const won = world.store
        .eventsOf('controller')
        .find((event) => String(event.version) === version);
      if (won) values.began(won.lease, turn);
      await serve(world, process, term, value, dice, mood);
      await term.resign();
    } catch (error) {
      if (!EXPECTED.some((code) => isLeaseholdError(error, code))) throw error;
    }
  }
}

/** Works and publishes until it is told to stop, or has enough. */
async function serve(
  world: World,
  process: VirtualProcess,
  term: Leadership,
  value: string,
  dice: Dice,
  mood: Mood,
): Promise<void> {
  const until = process.host.now() + dice.mostlyShort(60_000);
  for (let change = 1; !term.signal.aborted && term.valid; change += 1) {
    if (!mood.steady && process.host.now() >= until) return;
    if (dice.chance(0.3)) {
      term.publish(`${value}.${String(change)}`).catch((error: unknown) => {
        if (!isLeaseholdError(error, 'LOST') && !isLeaseholdError(error, 'ABORTED')) {
          world.fail(error);
        }
      });
    }
    await work(world, process, term, dice, dice.mostlyShort(2_000) + 10);
  }
  // The work does not always end at once.
  if (term.valid) await work(world, process, term, dice, dice.mostlyShort(6_000));
}

async function observe(
  process: VirtualProcess,
  values: PublishedValues,
  mood: Mood,
): Promise<void> {
  try {
    for await (const leader of process.election('controller', TIMES).observe()) {
      if (leader) values.look(leader);
      if (mood.over) return;
    }
  } catch (error) {
    if (!isLeaseholdError(error, 'CLOSED')) throw error;
  }
}
