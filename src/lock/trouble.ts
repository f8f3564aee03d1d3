import { isConflict } from '../kube/outcome.ts';
import type { Outcome } from '../kube/outcome.ts';
import { errorOf, isTemporary } from '../kube/status-error.ts';
import type { LockTarget } from './context.ts';

const FIRST_RETRY_MS = 20;
const MOST_RETRY_MS = 2_000;

/** How a wait goes on after requests that failed: later and later, until one gets through. */
export class Trouble {
  readonly #target: LockTarget;
  readonly #sleep: (delay: number) => Promise<void>;
  #retry = FIRST_RETRY_MS;

  /** @param sleep - ends early when there is something to look at: milliseconds */
  constructor(target: LockTarget, sleep: (delay: number) => Promise<void>) {
    this.#target = target;
    this.#sleep = sleep;
  }

  /** A write got through. */
  over(): void {
    this.#retry = FIRST_RETRY_MS;
  }

  /**
   * Waits until it is worth trying again.
   *
   * @param action - what was tried, for the message
   * @throws LeaseholdError of a refusal that will not pass
   */
  async wait(outcome: Exclude<Outcome<unknown>, { kind: 'done' }>, action: string): Promise<void> {
    const what = `${action} lock ${this.#target.name.lease}`;
    if (!isTemporary(outcome)) throw errorOf(outcome, what);
    const error = errorOf(outcome, what).message;
    const { observe, random } = this.#target.context.parts;
    if (this.#retry === FIRST_RETRY_MS) {
      observe({ type: 'api-trouble', lease: this.#target.name.lease, error });
    }
    await this.#sleep(Math.max(outcome.retryAfter ?? 0, this.#retry * (0.5 + random())));
    this.#retry = Math.min(MOST_RETRY_MS, this.#retry * 2);
    if (outcome.kind === 'unknown') await this.#target.view.read();
  }

  /**
   * A watch that is refused for good (no permission) would be waited for for ever.
   *
   * @throws LeaseholdError of that refusal
   */
  checkWatch(): void {
    const { trouble } = this.#target.view;
    if (trouble?.kind !== 'refused' || trouble.status === 410) return;
    if (isTemporary(trouble) || isConflict(trouble)) return;
    throw errorOf(trouble, `watch lock ${this.#target.name.lease}`);
  }
}
