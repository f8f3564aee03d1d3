import type { Clock } from '../core/clock.ts';
import type { IndexedLock } from './lock-index.ts';

/** A queue of a lock that does not move. */
export interface StuckQueue {
  readonly lock: IndexedLock;
  /** Milliseconds for which somebody has waited all the time and the holders have been the same. */
  readonly standsMs: number;
}

/** However short the ttl is: so long somebody may work in peace. */
const LEAST_MS = 60_000;

/** Which queues have not moved for longer than so many ttl of whoever is next. */
export class StuckQueues {
  readonly #clock: Clock;
  readonly #ttls: number;
  readonly #standing = new Map<string, { lock: IndexedLock; since: number }>();

  /** @param ttls - none is stuck if 0 */
  constructor(clock: Clock, ttls: number) {
    this.#clock = clock;
    this.#ttls = ttls;
  }

  readonly changed = (before: IndexedLock | undefined, after: IndexedLock | undefined): void => {
    const lock = after ?? before;
    if (!lock) return;
    const key = `${lock.namespace}/${lock.name}`;
    const known = this.#standing.get(key);
    if (!after || after.queue.length === 0) this.#standing.delete(key);
    else if (known && !hasMoved(known.lock, after)) known.lock = after;
    else this.#standing.set(key, { lock: after, since: this.#clock.now() });
  };

  *all(): Iterable<StuckQueue> {
    const now = this.#clock.now();
    for (const { lock, since } of this.#standing.values()) {
      const standsMs = now - since;
      const ttl = (lock.queue[0]?.ttl ?? 0) * 1_000;
      if (this.#ttls > 0 && standsMs > Math.max(LEAST_MS, this.#ttls * ttl)) {
        yield { lock, standsMs };
      }
    }
  }
}

function hasMoved(before: IndexedLock, after: IndexedLock): boolean {
  if (before.uid !== after.uid || before.holders.length !== after.holders.length) return true;
  return after.holders.some(({ id }, at) => before.holders[at]?.id !== id);
}
