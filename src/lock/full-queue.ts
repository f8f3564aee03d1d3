import type { LockTarget } from './context.ts';

/** Whoever finds itself further back than this leaves the queue and looks again later. */
export const MOST_WAITING = 64;
/** On average, by a random factor from a half to one and a half. */
const LOOK_AGAIN_MS = 15_000;

/** Keeps a waiter out of a queue that is long: each entry costs every write of the record. */
export class FullQueue {
  readonly #target: LockTarget;
  #lookAgainAt = 0;

  constructor(target: LockTarget) {
    this.#target = target;
  }

  /** For how long yet the queue is not to be joined: milliseconds. */
  get outFor(): number {
    return Math.max(0, this.#lookAgainAt - this.#target.context.parts.clock.now());
  }

  /** @param waiting - how many wait already */
  stayOut(waiting: number): void {
    if (this.outFor > 0) return;
    const { parts } = this.#target.context;
    this.#lookAgainAt = parts.clock.now() + LOOK_AGAIN_MS * (0.5 + parts.random());
    parts.observe({ type: 'queue-full', lock: this.#target.name.original, waiting });
  }
}
