import type { Held } from '../../../src/lock/held.ts';
import type { Leadership } from '../../../src/election/term.ts';
import type { Claim } from '../invariants/claims.ts';
import type { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import type { World } from '../world/world.ts';

/** How long a write may be on its way to what the lock protects. */
const LATEST_WRITE_MS = 20_000;

/** For the work of a process: by its own clock, and never if it dies. */
export function sleep(process: VirtualProcess, delay: number): Promise<void> {
  return new Promise((resolve) => void process.host.schedule(delay, resolve));
}

/**
 * Works for so long under a lock or a term, as an application does: looks whether it still holds, and
 * then writes to what it protects; the write may arrive at any later time. Of those whose lock was taken
 * by hand most work on until they learn of it, as a service does.
 */
export function work(
  world: World,
  process: VirtualProcess,
  held: Held | Leadership,
  dice: Dice,
  duration: number,
): Promise<void> {
  return until(world, process, held, dice, duration, () => write(world, process, held, dice));
}

/** The same, of one who changes nothing. */
export function read(
  world: World,
  process: VirtualProcess,
  held: Held | Leadership,
  dice: Dice,
  duration: number,
): Promise<void> {
  return until(world, process, held, dice, duration, () => use(world, process, held));
}

async function until(
  world: World,
  process: VirtualProcess,
  held: Held | Leadership,
  dice: Dice,
  duration: number,
  step: () => void,
): Promise<void> {
  const { host } = process;
  const end = host.now() + duration;
  let stays: boolean | undefined;
  const isRobbed = (): boolean => process.claimOf(held)?.isStolen ?? false;
  for (;;) {
    const left = end - host.now();
    if (!held.valid) return;
    step();
    if (left <= 0 && !(isRobbed() && (stays ??= dice.chance(0.7)))) return;
    const pause = dice.mostlyShort(2_000);
    await sleep(process, left > 0 ? Math.min(left, pause) : pause);
  }
}

function write(world: World, process: VirtualProcess, held: Held | Leadership, dice: Dice): void {
  const claim = use(world, process, held);
  if (!claim) return;
  const { invariants, time } = world;
  const order = invariants.orderOf(claim);
  // Between the look and the sending anything may happen.
  process.host.hesitate();
  const way = dice.chance(0.9) ? 1 : dice.mostlyShort(LATEST_WRITE_MS);
  time.schedule(process.host.reached - time.now + way, () => {
    if (invariants.isForgiven(claim)) return;
    try {
      world.resource(claim.name).write(held.fence, order);
    } catch (error) {
      world.fail(error);
    }
  });
}

function use(world: World, process: VirtualProcess, held: Held | Leadership): Claim | undefined {
  const claim = process.claimOf(held);
  if (!claim) return undefined;
  try {
    world.invariants.used(claim);
  } catch (error) {
    world.fail(error);
  }
  return claim;
}
