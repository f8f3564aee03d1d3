import { pause } from '../core/clock.ts';
import type { Outcome } from '../kube/outcome.ts';
import { errorOf, isTemporary, waitAsked } from '../kube/status-error.ts';
import type { ScheduleTarget } from './context.ts';

const FIRST_MS = 20;
const MOST_MS = 2_000;

/** Tries again later and later, and says once that it has to. */
export class Retry {
  readonly #target: ScheduleTarget;
  #delay = FIRST_MS;

  constructor(target: ScheduleTarget) {
    this.#target = target;
  }

  /** A request got through. */
  over(): void {
    this.#delay = FIRST_MS;
  }

  /**
   * Waits until it is worth trying again, or until `signal` aborts.
   *
   * @param action - what was tried, for the message
   * @throws LeaseholdError of a refusal that will not pass
   */
  async wait(
    outcome: Exclude<Outcome<unknown>, { kind: 'done' }>,
    action: string,
    signal?: AbortSignal,
  ): Promise<void> {
    const { lease } = this.#target.name;
    const error = errorOf(outcome, `${action} schedule ${lease}`);
    if (!isTemporary(outcome)) throw error;
    const { observe, random, clock } = this.#target.context.parts;
    if (this.#delay === FIRST_MS) observe({ type: 'api-trouble', lease, error: error.message });
    await pause(clock, Math.max(waitAsked(outcome), this.#delay * (0.5 + random())), signal);
    this.#delay = Math.min(MOST_MS, this.#delay * 2);
  }
}
