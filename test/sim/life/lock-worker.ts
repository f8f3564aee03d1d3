import { isLeaseholdError } from '../../../src/core/errors.ts';
import type { Ask } from '../../../src/lock/context.ts';
import type { Held } from '../../../src/lock/held.ts';
import type { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import type { World } from '../world/world.ts';
import { read, sleep, work } from './work.ts';

/** What the workers of one run do. */
export interface Habits {
  readonly locks: readonly string[];
  /** The most that they think, and hold: milliseconds. */
  readonly think: number;
  readonly hold: number;
  /** How often they try, wait with a time-out, and give up: the rest waits for ever. */
  readonly tries: number;
  readonly timeouts: number;
  readonly cancels: number;
  /** How often they only read. */
  readonly reads: number;
  /** How many permits there are, if the locks are semaphores. */
  readonly permits: number;
}

export function habitsOf(
  dice: Dice,
  locks: readonly string[],
  reads: number,
  permits: number,
): Habits {
  return {
    locks,
    think: dice.pick([50, 1_000, 3_000]) ?? 0,
    hold: dice.pick([20, 500, 3_000, 8_000]) ?? 0,
    tries: dice.random() * 0.3,
    timeouts: dice.random() * 0.3,
    cancels: dice.random() * 0.3,
    reads,
    permits,
  };
}

const EXPECTED = ['ABORTED', 'TIMEOUT', 'API_UNREACHABLE', 'API_ERROR', 'CLOSED', 'LOST'] as const;

/** Takes and gives locks until told to stop. */
export async function workOnLocks(
  world: World,
  process: VirtualProcess,
  habits: Habits,
  dice: Dice,
  goesOn: () => boolean,
): Promise<void> {
  while (goesOn()) {
    await sleep(process, dice.mostlyShort(habits.think));
    const lock = dice.pick(habits.locks) ?? 'x';
    const ask = askOf(habits, dice);
    try {
      const held = await take(process, lock, habits, dice, ask);
      if (held) {
        await (ask ? read : work)(world, process, held, dice, dice.mostlyShort(habits.hold));
        if (!ask && habits.reads > 0 && held.valid && dice.chance(0.3)) {
          const reading = await process.downgrade(lock, held);
          await read(world, process, reading, dice, dice.mostlyShort(habits.hold));
          await reading.release();
        }
        await held.release();
      }
    } catch (error) {
      if (!EXPECTED.some((code) => isLeaseholdError(error, code))) throw error;
    }
    world.operations += 1;
  }
}

/** How the lock is wanted; undefined if alone. */
function askOf({ reads, permits }: Habits, dice: Dice): Ask | undefined {
  if (permits > 0) return { mode: 'permit', weight: 1 + dice.below(permits), of: permits };
  return reads > 0 && dice.chance(reads) ? { mode: 'shared' } : undefined;
}

function take(
  process: VirtualProcess,
  lock: string,
  { tries, timeouts, cancels }: Habits,
  dice: Dice,
  ask: Ask | undefined,
): Promise<Held | undefined> {
  const how = dice.random();
  if (how < tries) return process.tryAcquire(lock, undefined, ask);
  if (how < tries + timeouts) {
    return process.acquire(lock, { timeout: dice.random() ** 2 * 10_000 }, ask);
  }
  if (how < tries + timeouts + cancels) {
    const stop = new AbortController();
    const cancel = process.host.schedule(dice.mostlyShort(5_000), () => stop.abort());
    return process.acquire(lock, { signal: stop.signal }, ask).finally(cancel);
  }
  return process.acquire(lock, {}, ask);
}
