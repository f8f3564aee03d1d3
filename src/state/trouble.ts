import { pause } from '../core/clock.ts';
import type { Parts } from '../core/parts.ts';
import type { Outcome } from '../kube/outcome.ts';
import { errorOf, isTemporary, waitAsked } from '../kube/status-error.ts';

const FIRST_RETRY_MS = 20;
const MOST_RETRY_MS = 2_000;
/** The first conflict is looked into at once; each later one after a longer while, at random. */
const FIRST_CONTENTION_MS = 2;
const MOST_CONTENTION_MS = 500;

/** How a call goes on after requests that failed: later and later. */
export class Trouble {
  readonly #parts: Parts;
  readonly #name: string;
  readonly #signal: AbortSignal;
  #retry = FIRST_RETRY_MS;
  #contention = 0;

  /** @param signal - ends a wait early */
  constructor(parts: Parts, name: string, signal: AbortSignal) {
    this.#parts = parts;
    this.#name = name;
    this.#signal = signal;
  }

  /**
   * Waits until it is worth trying again.
   *
   * @throws LeaseholdError of a refusal that will not pass
   */
  async wait(outcome: Exclude<Outcome<unknown>, { kind: 'done' }>, action: string): Promise<void> {
    const error = errorOf(outcome, `${action} Lease ${this.#name}`);
    if (!isTemporary(outcome)) throw error;
    const { clock, observe, random } = this.#parts;
    if (this.#retry === FIRST_RETRY_MS) {
      observe({ type: 'api-trouble', lease: this.#name, error: error.message });
    }
    const delay = Math.max(waitAsked(outcome), this.#retry * (0.5 + random()));
    this.#retry = Math.min(MOST_RETRY_MS, this.#retry * 2);
    await pause(clock, delay, this.#signal);
  }

  /** Somebody else has written: the more often in a row, the more of them there are. */
  async contended(): Promise<void> {
    const delay = this.#contention * this.#parts.random();
    const next = this.#contention * 2 || FIRST_CONTENTION_MS;
    this.#contention = Math.min(MOST_CONTENTION_MS, next);
    if (delay > 0) await pause(this.#parts.clock, delay, this.#signal);
  }
}
