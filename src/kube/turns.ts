import type { Clock } from '../core/clock.ts';

/**
 * Lets so many in at a time, first come first served. A thousand requests that wait for a socket
 * are small entries here, instead of a thousand requests of Node with all that is theirs.
 */
export class Turns {
  #free: number;
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(most: number, clock: Clock) {
    this.#free = most;
    this.#clock = clock;
  }

  /**
   * Waits for a turn, to be given back by {@link end}.
   *
   * @param patience - milliseconds
   * @returns false when it did not come in time, or before `signal` aborted
   */
  take(patience: number, signal: AbortSignal | undefined): boolean | Promise<boolean> {
    if (this.#free > 0) {
      this.#free -= 1;
      return true;
    }
    return new Promise((resolve) => {
      const settle = (came: boolean): void => {
        cancelTimer();
        signal?.removeEventListener('abort', giveUp);
        this.#waiting.delete(enter);
        resolve(came);
      };
      const enter = (): void => {
        settle(true);
      };
      const giveUp = (): void => {
        settle(false);
      };
      const cancelTimer = this.#clock.schedule(patience, giveUp);
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.add(enter);
    });
  }

  end(): void {
    const [next] = this.#waiting;
    if (next) next();
    else this.#free += 1;
  }
}
