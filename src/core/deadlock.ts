import { FORMAT_VERSION } from './entry.ts';
import type { Entry } from './entry.ts';
import { mayHoldBeside } from './mode.ts';
import type { Resizing } from './permits.ts';
import type { Wait } from './waits.ts';

/** A lock with those of its entries that stand for somebody who lives. */
export interface ContendedLock {
  readonly namespace: string;
  /** The name of its Lease. */
  readonly lease: string;
  /** What its users call it. */
  readonly name: string;
  readonly holders: readonly Entry[];
  /** In the order in which they are granted. */
  readonly queue: readonly Entry[];
  readonly resized: Resizing | undefined;
}

/** A wait, and the session that tells of it. `process`: the same session waits and holds, no more is known. */
export interface HeldUp extends Omit<Wait, 'kind'> {
  readonly kind: Wait['kind'] | 'process';
  readonly session: string;
}

/** One of those who wait for each other. */
export interface Member {
  readonly wait: HeldUp;
  /** What it holds, for which the one before it waits. */
  readonly holds: ContendedLock;
  readonly waitsFor: ContendedLock;
}

/** Each waits for what the next one holds, and the last for what the first one does. */
export type Cycle = readonly [Member, ...Member[]];

/**
 * Who waits for whom, reduced to those that cannot get on: a waiter gets on if it could be granted once all
 * those had released their locks that get on themselves, and nobody who is stuck waits before it. What is
 * then left is stuck for as long as nobody gives up a wait, whatever the others do; see Holt, "Some deadlock
 * properties of computer systems" (1972).
 */
export class WaitGraph {
  readonly #locks = new Map<string, ContendedLock>();
  readonly #waits: readonly HeldUp[];
  /** The waits during which a hold is kept, by the attempt of the hold. */
  readonly #during = new Map<string, HeldUp[]>();
  /** Attempts that hold, or wait in a queue. */
  readonly #stuck = new Set<string>();

  constructor(locks: Iterable<ContendedLock>, waits: Iterable<HeldUp>) {
    for (const lock of locks) this.#locks.set(keyOf(lock.namespace, lock.lease), lock);
    this.#waits = [...waits];
    for (const wait of this.#waits) {
      for (const attempt of wait.keeps) {
        const others = this.#during.get(attempt);
        if (others) others.push(wait);
        else this.#during.set(attempt, [wait]);
      }
    }
    this.#reduce();
  }

  /** The shortest cycle that this wait is part of. */
  cycleThrough(wait: HeldUp): Cycle | undefined {
    if (!this.#isStuck(wait)) return undefined;
    const cameBy = new Map<HeldUp, { readonly from: HeldUp; readonly over: ContendedLock }>();
    const passed = new Set<string>();
    const next = [wait];
    for (const from of next) {
      const over = this.#lockOf(from);
      for (const { id } of over ? this.#blockersOf(from, over) : []) {
        if (passed.has(id)) continue;
        const others = (this.#during.get(id) ?? []).filter((other) => isOther(from, other));
        if (others.length === (this.#during.get(id)?.length ?? 0)) passed.add(id);
        for (const to of others) {
          if (!over || cameBy.has(to) || !this.#isStuck(to)) continue;
          cameBy.set(to, { from, over });
          if (to === wait) return this.#cycle(wait, cameBy);
          next.push(to);
        }
      }
    }
    return undefined;
  }

  /** Cycles that have no wait in common; every wait that is part of a cycle is, or meets, one of them. */
  *cycles(): Generator<Cycle, void, undefined> {
    const told = new Set<HeldUp>();
    for (const wait of this.#waits) {
      const cycle = told.has(wait) ? undefined : this.cycleThrough(wait);
      if (!cycle || cycle.some((member) => told.has(member.wait))) continue;
      for (const member of cycle) told.add(member.wait);
      yield cycle;
    }
  }

  #cycle(
    wait: HeldUp,
    cameBy: ReadonlyMap<HeldUp, { readonly from: HeldUp; readonly over: ContendedLock }>,
  ): Cycle | undefined {
    const members: Member[] = [];
    let to = wait;
    do {
      const step = cameBy.get(to);
      const waitsFor = this.#lockOf(to);
      if (!step || !waitsFor) return undefined;
      members.unshift({ wait: to, holds: step.over, waitsFor });
      to = step.from;
    } while (to !== wait);
    // The one that was asked for comes first.
    const [first, ...others] = [...members.slice(-1), ...members.slice(0, -1)];
    return first && [first, ...others];
  }

  /** Takes out who gets on, until nobody else does for it. */
  #reduce(): void {
    for (const { holders, queue } of this.#locks.values()) {
      for (const { id, version } of [...holders, ...queue]) {
        // How newer versions hold together is not known.
        if (version <= FORMAT_VERSION) this.#stuck.add(id);
      }
    }
    let size: number;
    do {
      size = this.#stuck.size;
      for (const lock of this.#locks.values()) this.#reduceOne(lock);
    } while (this.#stuck.size < size);
  }

  #reduceOne({ holders, queue, resized }: ContendedLock): void {
    for (const { id } of holders) {
      if (!this.#during.get(id)?.some((wait) => this.#isStuck(wait))) this.#stuck.delete(id);
    }
    const stuckHolders = holders.filter(({ id }) => this.#stuck.has(id));
    for (const entry of queue) {
      if (!this.#stuck.has(entry.id)) continue;
      // Nobody is passed: who stands behind it is stuck as well.
      if (!mayHoldBeside(stuckHolders, entry, resized)) return;
      this.#stuck.delete(entry.id);
    }
  }

  #isStuck({ namespace, lock, behind }: HeldUp): boolean {
    return this.#locks.has(keyOf(namespace, lock)) && this.#stuck.has(behind);
  }

  #lockOf({ namespace, lock }: HeldUp): ContendedLock | undefined {
    return this.#locks.get(keyOf(namespace, lock));
  }

  /** The holders that are stuck themselves and for which this wait has to wait. */
  #blockersOf({ behind }: HeldUp, { holders, queue, resized }: ContendedLock): readonly Entry[] {
    const stuckHolders = holders.filter(({ id }) => this.#stuck.has(id));
    const holding = stuckHolders.filter(({ id }) => id === behind);
    if (holding.length > 0) return holding;
    const index = queue.findIndex(({ id }) => id === behind);
    const upTo = queue.slice(0, index + 1).filter(({ id }) => this.#stuck.has(id));
    // Whether it is itself that may not hold beside them, or one that waits before it.
    const isBlocked = upTo.some((entry) => !mayHoldBeside(stuckHolders, entry, resized));
    return isBlocked ? stuckHolders : [];
  }
}

/** "A holds x and waits for y; B holds y and waits for x". */
export function cycleText(cycle: Cycle): string {
  const text = ({ wait, holds, waitsFor }: Member): string =>
    `session ${wait.session} holds ${holds.name} and waits for ${waitsFor.name}`;
  return cycle.map(text).join('; ');
}

/** That a process holds one lock for one task and waits for another for another is no circle by itself. */
function isOther(from: HeldUp, to: HeldUp): boolean {
  return from.session !== to.session || (from.kind !== 'process' && to.kind !== 'process');
}

function keyOf(namespace: string, lease: string): string {
  return `${namespace}/${lease}`;
}
