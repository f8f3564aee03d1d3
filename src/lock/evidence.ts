import { WaitGraph } from '../core/deadlock.ts';
import type { ContendedLock, Cycle, HeldUp } from '../core/deadlock.ts';
import { isSameResizing } from '../core/permits.ts';
import type { Surroundings } from './look-around.ts';

/**
 * A session prepares a renewal when its last one is stored. The first new one may have been stored while the
 * first look went on, so the second one was stored after that look, and the third one prepared after it: what
 * is told before the look and by the third one was true at the end of it.
 */
const RENEWALS = 3;

type Seen = Pick<Surroundings, 'locks' | 'waits'>;

/** What was there at a first look and has been there at each look since. */
export class Evidence {
  /** How many looks there were. */
  readonly looks: number;
  readonly #lasting: Surroundings;
  /** Of each session of another process, how many renewals have been seen since the first look. */
  readonly #renewed: ReadonlyMap<string, number>;

  constructor(lasting: Surroundings, renewed: ReadonlyMap<string, number> = new Map(), looks = 1) {
    this.#lasting = lasting;
    this.#renewed = renewed;
    this.looks = looks;
  }

  with(seen: Surroundings): Evidence {
    const before = this.#lasting;
    const renewed = new Map<string, number>();
    for (const [session, renewal] of seen.renewals) {
      const isNew = before.renewals.get(session) !== renewal;
      renewed.set(session, (this.#renewed.get(session) ?? 0) + (isNew ? 1 : 0));
    }
    const locks = seen.locks.flatMap((lock) => {
      const had = before.locks.find((one) => one.lease === lock.lease);
      // With other permits it is another question who may hold together.
      return had && isSameResizing(had.resized, lock.resized) ? both(had, lock) : [];
    });
    const waits = seen.waits.flatMap((wait) => {
      const had = before.waits.find((one) => isSame(one, wait));
      return had ? { ...wait, keeps: wait.keeps.filter((id) => had.keeps.includes(id)) } : [];
    });
    return new Evidence({ ...seen, locks, waits }, renewed, this.looks + 1);
  }

  /** What was there all the time, as far as is seen. */
  get lasting(): Seen {
    return this.#lasting;
  }

  /**
   * What was there, all of it together, at the end of the first look; of this process, what is there now. Of
   * other processes it is only what they have told since.
   */
  get proven(): Seen {
    const { locks, waits, own } = this.#lasting;
    const isProven = ({ session }: { readonly session: string }): boolean =>
      own.has(session) || (this.#renewed.get(session) ?? 0) >= RENEWALS;
    return {
      locks: locks.map((lock) => ({
        ...lock,
        holders: lock.holders.filter(isProven),
        queue: lock.queue.filter(isProven),
      })),
      waits: waits.filter(isProven),
    };
  }
}

/** The evidence with one more look, as long as there is something to find in it; else it begins anew. */
export function follow(
  before: Evidence | undefined,
  seen: Surroundings,
  find: (seen: Seen) => unknown,
): Evidence | undefined {
  const now = before?.with(seen);
  if (now && find(now.lasting)) return now;
  return find(seen) ? new Evidence(seen) : undefined;
}

/** A cycle that has one's own wait in it, be it certain or not. */
export function cycleOf(
  { locks, waits }: Seen,
  isOwn: (wait: HeldUp) => boolean,
): Cycle | undefined {
  const graph = new WaitGraph(locks, waits);
  for (const wait of waits.filter(isOwn)) {
    const cycle = graph.cycleThrough(wait);
    if (cycle) return cycle;
  }
  return undefined;
}

/**
 * The cycle for which a wait of one's own has to be refused: one of waits during which holds are kept for
 * certain, and in which, of those that may be refused, it is the last in an order that everybody sees alike. So
 * of each cycle one is refused, if one may be.
 */
export function refusalOf(
  { locks, waits }: Seen,
  isOwn: (wait: HeldUp) => boolean,
): Cycle | undefined {
  for (const wait of waits.filter((one) => one.kind === 'yields' && isOwn(one))) {
    const isLater = (other: HeldUp): boolean =>
      other !== wait && other.kind === 'yields' && compare(locks, other, wait) > 0;
    const graph = new WaitGraph(
      locks,
      waits.filter((other) => other.kind !== 'inside' && !isLater(other)),
    );
    const cycle = graph.cycleThrough(wait);
    if (cycle) return cycle;
  }
  return undefined;
}

function both(had: ContendedLock, has: ContendedLock): ContendedLock {
  const holders = new Set(had.holders.map(({ id }) => id));
  const queue = new Set(had.queue.map(({ id }) => id));
  return {
    ...has,
    holders: has.holders.filter(({ id }) => holders.has(id)),
    queue: has.queue.filter(({ id }) => queue.has(id)),
  };
}

function isSame(a: HeldUp, b: HeldUp): boolean {
  return (
    a.session === b.session &&
    a.number === b.number &&
    a.behind === b.behind &&
    a.lock === b.lock &&
    a.kind === b.kind
  );
}

/** Above 0 if `a` is refused rather than `b`: by what all of them read in the records. */
function compare(locks: readonly ContendedLock[], a: HeldUp, b: HeldUp): number {
  const [seenA, seenB] = [seenOf(locks, a), seenOf(locks, b)];
  if (seenA !== seenB) return seenA > seenB ? 1 : -1;
  if (a.session !== b.session) return a.session > b.session ? 1 : -1;
  return a.number - b.number;
}

function seenOf(locks: readonly ContendedLock[], { lock, behind }: HeldUp): bigint {
  const queue = locks.find(({ lease }) => lease === lock)?.queue ?? [];
  return queue.find(({ id }) => id === behind)?.seen ?? 0n;
}
