import { pause } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';

/**
 * Lets so many through at once and then so many a second, in the order of asking: what thousands of
 * deaths at one moment may cost the API server.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #interval: number;
  /** When the allowance is full again. */
  #fullAt = 0;

  constructor(clock: Clock, limits: { burst: number; perSecond: number }) {
    this.#clock = clock;
    this.#burst = limits.burst;
    this.#interval = 1_000 / limits.perSecond;
  }

  /** Resolves when it is one's turn, or the signal aborts. */
  async turn(signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    this.#fullAt = Math.max(this.#fullAt, now) + this.#interval;
    const wait = this.#fullAt - now - this.#burst * this.#interval;
    if (wait > 0) await pause(this.#clock, wait, signal);
  }
}
