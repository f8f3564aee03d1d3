import { candidateFields, candidatesOf } from '../core/candidates.ts';
import type { Candidate } from '../core/candidates.ts';
import { pause } from '../core/clock.ts';
import { isLeaseholdError } from '../core/errors.ts';
import type { Parts } from '../core/parts.ts';
import type { Roster } from '../election/standing.ts';
import type { Held } from '../lock/held.ts';
import type { Lock } from '../lock/lock.ts';
import type { Locks } from '../lock/locks.ts';

/** After a refusal, which is mostly for good. */
const RETRY_MS = 60_000;

/** A candidate's entry among the candidates of its election: a lock that they all share. */
export class LockRoster implements Roster {
  readonly #parts: Parts;
  readonly #election: string;
  readonly #shared: Lock;
  readonly #exclusive: Lock;
  #stop: AbortController | undefined;
  #listed: Promise<void> = Promise.resolve();

  /** @param election - the name of its Lease */
  constructor(
    { parts, locks }: { parts: Parts; locks: Locks },
    election: string,
    candidate: Candidate,
  ) {
    const name = candidatesOf(election);
    this.#parts = parts;
    this.#election = election;
    this.#shared = locks.lock(name, { mode: 'shared', more: candidateFields(candidate) });
    this.#exclusive = locks.lock(name);
  }

  enter(): void {
    this.#stop = new AbortController();
    const before = this.#listed;
    this.#listed = Promise.all([before, this.#stand(this.#stop.signal)]).then(() => undefined);
  }

  async leave(): Promise<void> {
    this.#stop?.abort();
    await this.#listed;
  }

  /** Again with another session when that of the entry is lost. */
  async #stand(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const held = await this.#shared.acquire({ signal });
        const tidied = this.#tidy(signal);
        await ended(held, signal);
        await Promise.all([held.release(), tidied]);
      } catch (error) {
        if (isAborted(signal) || isLeaseholdError(error, 'CLOSED')) return;
        const { message } = error instanceof Error ? error : new Error(String(error));
        this.#parts.observe({ type: 'api-trouble', lease: this.#election, error: message });
        await pause(this.#parts.clock, RETRY_MS, signal);
      }
    }
  }

  /**
   * Nobody waits for a lock that all share, so that nobody else sees to those who died while they held
   * it: a try to have it alone does, and cannot succeed.
   */
  async #tidy(signal: AbortSignal): Promise<void> {
    try {
      const held = await this.#exclusive.tryAcquire({ signal });
      await held?.release();
    } catch {
      // Whoever comes next tries again.
    }
  }
}

function ended(held: Held, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => resolve();
    if (held.signal.aborted || signal.aborted) end();
    held.signal.addEventListener('abort', end, { once: true });
    signal.addEventListener('abort', end, { once: true });
  });
}

/** Asked anew after an await, as the compiler takes an earlier answer for lasting. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
