import type { Clock } from '../core/clock.ts';
import { milliseconds } from '../core/duration.ts';
import type { Duration } from '../core/duration.ts';
import { LeaseholdError } from '../core/errors.ts';
import { DeadlockWatch } from './deadlock-watch.ts';
import type { Watched } from './deadlock-watch.ts';
import type { Held } from './held.ts';

/**
 * Waits for a turn, for as long as the caller wants to.
 *
 * @param wait - takes a place among those of this process that wait; the function that it returns gives it up
 * @throws LeaseholdError `TIMEOUT`, `ABORTED`, `DEADLOCK`; and what `wait` was refused with
 */
export function untilHeld(
  wait: (resolve: (hold: Held) => void, reject: (error: unknown) => void) => () => void,
  how: {
    /** For people: of which lock. */
    readonly what: string;
    readonly clock: Clock;
    readonly timeout: number | undefined;
    readonly signal: AbortSignal | undefined;
    /** Of whoever holds something meanwhile. */
    readonly watched: Omit<Watched, 'refuse'>;
  },
): Promise<Held> {
  const { what, clock, timeout, signal, watched } = how;
  return new Promise<Held>((resolve, reject) => {
    if (signal?.aborted) throw aborted(what, signal);
    let cancelTimer = (): void => undefined;
    let leave = (): void => undefined;
    let watch: DeadlockWatch | undefined;
    const settle = (): void => {
      cancelTimer();
      watch?.stop();
      signal?.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      leave();
      settle();
      reject(aborted(what, signal));
    };
    const onTimeout = (): void => {
      leave();
      settle();
      reject(
        new LeaseholdError(
          'TIMEOUT',
          `${what} was not granted within ${String(timeout)} ms: somebody else holds it, or the API server cannot be reached`,
        ),
      );
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (timeout !== undefined) cancelTimer = clock.schedule(timeout, onTimeout);
    const refuse = (error: LeaseholdError): void => {
      leave();
      settle();
      reject(error);
    };
    if (watched.kept.length > 0) watch = new DeadlockWatch({ ...watched, refuse });
    // The last step, as a client that was closed refuses at once.
    leave = wait(
      (hold) => {
        settle();
        resolve(hold);
      },
      (error: unknown) => {
        settle();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}

/** Milliseconds; refuses what is no duration before anything is done. */
export function timeoutOf({ timeout }: { readonly timeout?: Duration }): number | undefined {
  return timeout === undefined ? undefined : milliseconds(timeout, 'timeout');
}

export function aborted(what: string, signal: AbortSignal | undefined): LeaseholdError {
  const cause: unknown = signal?.reason;
  return new LeaseholdError('ABORTED', `the wait for ${what} was aborted`, { cause });
}

export function closed(): LeaseholdError {
  return new LeaseholdError('CLOSED', 'this client was closed: make a new one with connect()');
}
