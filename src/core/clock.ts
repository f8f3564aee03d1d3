/** Time, passed in: the same code runs on the machine's clocks and in virtual time. */
export interface Clock {
  /**
   * Milliseconds on a clock that never steps back and that counts the time in which the machine
   * was suspended.
   */
  now(): number;
  /** Milliseconds since the epoch, for timestamps that people read; may step. */
  wall(): number;
  /** Calls `task` once after `delay` milliseconds, unless the returned function is called first. */
  schedule(delay: number, task: () => void): () => void;
}

/** A source of random numbers from 0 (included) to 1 (excluded). */
export type Random = () => number;

/**
 * Resolves after `delay` milliseconds, or at once when `signal` aborts: look at the signal
 * afterwards.
 */
export function pause(clock: Clock, delay: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.schedule(delay, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
