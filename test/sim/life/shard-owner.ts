import { isLeaseholdError } from '../../../src/core/errors.ts';
import type { OwnedShard } from '../../../src/shards/tending.ts';
import type { Claim } from '../invariants/claims.ts';
import type { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import type { World } from '../world/world.ts';
import { sleep } from './work.ts';

/** How long work may take to stop. */
const MOST_STOP_MS = 3_000;

/** A shard that a process owns, from its beginning until it is given up or lost; works may fail meanwhile. */
interface Ownership {
  readonly claim: Claim;
  isWorking: boolean;
}

/** Who owns which shard at this moment, as their works say. */
export class Floor {
  readonly #world: World;
  readonly #owners = new Map<number, Set<Ownership>>();
  /** By the signal of their time. */
  readonly #bySignal = new WeakMap<AbortSignal, Ownership>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Work begins: for the first time, or again after it has failed. */
  begins(process: VirtualProcess, { shard, fence, signal }: OwnedShard): Ownership {
    const known = this.#bySignal.get(signal);
    if (known) {
      known.isWorking = true;
      return known;
    }
    const { invariants, registry } = this.#world;
    const name = `orders.shard-${String(shard)}`;
    const attempt = attemptOf(process, name, fence);
    const claim: Claim = {
      name,
      who: `${process.name} (${String(fence)})`,
      fence,
      // It may be lost while the work stops, which its signal has told it to already.
      isRelied: () =>
        process.alive && registry.isAttemptRelied(attempt) && !hasLost(process, attempt),
      get isStolen() {
        return registry.isStolen(attempt);
      },
    };
    const ownership = { claim, isWorking: true };
    this.#bySignal.set(signal, ownership);
    const owners = this.#owners.get(shard) ?? new Set();
    this.#owners.set(shard, owners.add(ownership));
    judged(this.#world, () => invariants.granted(claim));
    signal.addEventListener('abort', () => {
      // Lost, or between two works: nothing relies on it any more.
      if (!ownership.isWorking || isLeaseholdError(signal.reason, 'LOST')) this.over(ownership);
    });
    return ownership;
  }

  /** The shard was given up, or lost. */
  over(ownership: Ownership): void {
    for (const owners of this.#owners.values()) owners.delete(ownership);
    this.#world.invariants.ended(ownership.claim);
  }

  /** Whether somebody works on it, or will after a failure, and relies on it. */
  isOwned(shard: number): boolean {
    return [...(this.#owners.get(shard) ?? [])].some(
      ({ claim }) => claim.isRelied() && !claim.isStolen,
    );
  }
}

/** Works on one shard until it is told to stop, watched by the invariants. */
export async function tendShard(
  world: World,
  process: VirtualProcess,
  owned: OwnedShard,
  dice: Dice,
  floor: Floor,
): Promise<void> {
  const { signal } = owned;
  world.operations += 1;
  if (signal.aborted) return;
  const ownership = floor.begins(process, owned);
  // Some fail, and are run again.
  const failsAt = dice.chance(0.2) ? process.host.now() + dice.mostlyShort(5_000) : Infinity;
  try {
    while (!isAborted(signal)) {
      if (owned.valid) judged(world, () => world.invariants.used(ownership.claim));
      await sleep(process, dice.mostlyShort(500));
      if (process.host.now() >= failsAt) throw new Error('the work has failed');
    }
    await sleep(process, dice.mostlyShort(MOST_STOP_MS));
  } finally {
    ownership.isWorking = false;
    if (isAborted(signal)) floor.over(ownership);
  }
}

function hasLost(process: VirtualProcess, attempt: string): boolean {
  return process.eventsOf('lost').some((event) => event.attempt === attempt);
}

/** Asked anew after an await, as the compiler takes an earlier answer for lasting. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** The process has just told of it. */
function attemptOf(process: VirtualProcess, lock: string, fence: bigint): string {
  const told = process
    .eventsOf('acquired')
    .findLast((event) => event.lock === lock && event.fence === fence);
  return told?.attempt ?? '';
}

function judged(world: World, judge: () => void): void {
  try {
    judge();
  } catch (error) {
    world.fail(error);
    throw error;
  }
}
