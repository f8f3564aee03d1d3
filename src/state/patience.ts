import type { Clock } from '../core/clock.ts';
import { milliseconds } from '../core/duration.ts';
import type { Duration } from '../core/duration.ts';
import { LeaseholdError } from '../core/errors.ts';

/** How long a call waits. */
export interface WaitOptions {
  /** How long to wait at most; without end by default. */
  readonly timeout?: Duration;
  /** Stops the wait. */
  readonly signal?: AbortSignal;
}

/** The patience of one call: its signal aborts when it is at an end, and its reason is the error to throw. */
export class Patience {
  readonly #controller = new AbortController();
  readonly #end: () => void;

  /**
   * @param what - for the message, such as `counter orders`
   * @throws LeaseholdError `INVALID_ARGUMENT` for what is no duration
   */
  constructor(clock: Clock, what: string, { timeout, signal }: WaitOptions) {
    const limit = timeout === undefined ? undefined : milliseconds(timeout, 'timeout');
    const onAbort = (): void => {
      const cause: unknown = signal?.reason;
      this.giveUp(new LeaseholdError('ABORTED', `the wait for ${what} was aborted`, { cause }));
    };
    const cancel =
      limit === undefined
        ? undefined
        : clock.schedule(limit, () => {
            const message = `the wait for ${what} took longer than ${String(limit)} ms: wait longer, or see whether the API server can be reached`;
            this.giveUp(new LeaseholdError('TIMEOUT', message));
          });
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#end = () => {
      cancel?.();
      signal?.removeEventListener('abort', onAbort);
    };
    if (signal?.aborted) onAbort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  giveUp(error: LeaseholdError): void {
    this.end();
    this.#controller.abort(error);
  }

  end(): void {
    this.#end();
  }
}

/** Runs `work` with the patience that the options give it. */
export async function patiently<T>(
  clock: Clock,
  what: string,
  options: WaitOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const patience = new Patience(clock, what, options);
  try {
    return await work(patience.signal);
  } finally {
    patience.end();
  }
}

/** The error of a patience that is at an end. */
export function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** What the promise resolves with; fails as soon as the signal aborts, and leaves the promise to itself then. */
export function untilOver<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(reasonOf(signal));
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}
