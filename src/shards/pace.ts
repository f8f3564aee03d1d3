import { pause } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';

/** Milliseconds from one to the next: a thousand shards of one member are begun within 10 s. */
const APART_MS = 10;

/** Spreads the beginnings of many shards, so that the API server does not meet all of them at once. */
export class Pace {
  readonly #clock: Clock;
  #next = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when it is one's turn, or at once when `signal` aborts. */
  async turn(signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    const at = Math.max(now, this.#next);
    this.#next = at + APART_MS;
    if (at > now) await pause(this.#clock, at - now, signal);
  }
}
