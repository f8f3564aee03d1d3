import type { Clock } from '../core/clock.ts';
import { LeaseholdError } from '../core/errors.ts';
import { patiently } from '../state/patience.ts';
import type { WaitOptions } from '../state/patience.ts';
import type { StateCell } from '../state/state-cell.ts';
import { checkAgreed } from './latch-kind.ts';
import type { LatchOperation, LatchState } from './latch-kind.ts';

type Cell = StateCell<LatchState, LatchOperation, number>;

export interface LatchOptions {
  /** How often it has to be counted down until it opens: from 1 to 1,000,000,000. */
  readonly count: number;
}

/**
 * Something to wait for until it has been counted down to zero, by whichever processes. Open then, for
 * good or until it is reset. It outlives all of them. Made by `Leasehold.latch`.
 */
export class Latch {
  /** The latch's name, as given. */
  readonly name: string;
  /** How often it has to be counted down, as this program states it. */
  readonly size: number;
  readonly #cell: () => Cell;
  readonly #clock: Clock;

  /** @internal */
  constructor(name: string, size: number, cell: () => Cell, clock: Clock) {
    this.name = name;
    this.size = size;
    this.#cell = cell;
    this.#clock = clock;
  }

  /**
   * Counts down by `n`, exactly once and not below zero, and resolves with what is left. What opens it
   * lets all go who wait.
   *
   * Sends one PUT; before that one GET if this process has not used the latch yet, or if another has
   * since then (a refused PUT more), and one CREATE when there is none. What is called while a write is on
   * its way goes into the next one. One GET when it is open already.
   *
   * An API server that cannot be reached is waited for. When the wait ends sooner, `TIMEOUT`, `ABORTED`
   * and `CLOSED` say that nothing was counted, and `UNKNOWN_OUTCOME` that it may have been.
   *
   * @param n - from 1 to 1,000,000,000; 1 by default
   * @example
   * ```ts
   * await leasehold.latch('imported', { count: 3 }).countDown();
   * ```
   * @throws LeaseholdError `INVALID_ARGUMENT`, `STATE_DISAGREES` when the latch has another count,
   * `TIMEOUT`, `ABORTED`, `CLOSED`, `UNKNOWN_OUTCOME`, `FOREIGN_LEASE`, `UNREADABLE_RECORD`, `FORBIDDEN`,
   * `NAMESPACE_NOT_FOUND`, `NAMESPACE_TERMINATING` or `API_ERROR`
   */
  async countDown(n = 1, options: WaitOptions = {}): Promise<number> {
    if (!isLatchCount(n)) {
      throw new LeaseholdError(
        'INVALID_ARGUMENT',
        `a latch is counted down by a whole number from 1 to 1,000,000,000: this is ${String(n)}`,
      );
    }
    return this.#submit({ do: 'down', n }, options);
  }

  /**
   * Waits until it is open: once it was counted down to zero after this was called, or was so before and
   * has not been reset.
   *
   * Sends one GET, and one watch if it is not open; those of this process that wait share the
   * watch. One GET more if it was made since then.
   *
   * @throws LeaseholdError as {@link Latch.countDown}, but for `UNKNOWN_OUTCOME`
   */
  async wait(options: WaitOptions = {}): Promise<void> {
    await patiently(this.#clock, this.#what, options, (signal) => this.#untilOpen(signal));
  }

  /**
   * How much is left until it opens. Sends one GET.
   *
   * @throws LeaseholdError as {@link Latch.countDown}, but for `UNKNOWN_OUTCOME`
   */
  async count(options: WaitOptions = {}): Promise<number> {
    const { state } = await patiently(this.#clock, this.#what, options, (signal) =>
      this.#cell().read(signal),
    );
    checkAgreed(this.name, this.size, state);
    return state.left;
  }

  /**
   * Closes it and begins anew with the count that this program states. Whoever waited when it was open
   * goes on; whoever waits while it is not waits for the new count. Sends what {@link Latch.countDown} does.
   *
   * @throws LeaseholdError as {@link Latch.countDown}, but for `STATE_DISAGREES`
   */
  async reset(options: WaitOptions = {}): Promise<void> {
    await this.#submit({ do: 'reset' }, options);
  }

  async #untilOpen(signal: AbortSignal): Promise<void> {
    const cell = this.#cell();
    const first = await cell.read(signal);
    checkAgreed(this.name, this.size, first.state);
    if (first.state.left === 0) return;
    const isOpen = (state: LatchState, uid: string | undefined): boolean => {
      checkAgreed(this.name, this.size, state);
      // Made after the wait began: whatever round of it has been opened was so since then.
      return state.opened >= (uid === first.uid ? first.state.round : 1);
    };
    await cell.follow(
      (state, uid) => (isOpen(state, uid) ? { uid } : undefined),
      signal,
      // It may be one from before that, which was deleted.
      ({ uid }) => uid !== first.uid,
    );
  }

  #submit(operation: LatchOperation, options: WaitOptions): Promise<number> {
    return patiently(this.#clock, this.#what, options, (signal) =>
      this.#cell().submit(operation, signal),
    );
  }

  get #what(): string {
    return `latch ${this.name}`;
  }
}

export function isLatchCount(count: unknown): count is number {
  return Number.isInteger(count) && (count as number) >= 1 && (count as number) <= 1_000_000_000;
}
