import type { Clock } from '../core/clock.ts';
import { LeaseholdError } from '../core/errors.ts';
import { patiently } from '../state/patience.ts';
import type { WaitOptions } from '../state/patience.ts';
import type { StateCell } from '../state/state-cell.ts';
import type { CounterOperation, CounterResult } from './counter-kind.ts';

type Cell = StateCell<number, CounterOperation, CounterResult>;

/**
 * A whole number that all processes share, and that outlives them. It begins with 0. Made by
 * `Leasehold.counter`.
 */
export class Counter {
  /** The counter's name, as given. */
  readonly name: string;
  readonly #cell: () => Cell;
  readonly #clock: Clock;

  /** @internal */
  constructor(name: string, cell: () => Cell, clock: Clock) {
    this.name = name;
    this.#cell = cell;
    this.#clock = clock;
  }

  /**
   * Adds `n`, exactly once, and resolves with the sum: of adds of 1 each has a different one.
   *
   * Sends one PUT; before that one GET if this process has not used the counter yet, or if another has
   * since then (a refused PUT more), and one CREATE when there is none. What is called while
   * a write is on its way goes into the next one, however much it is.
   *
   * An API server that cannot be reached is waited for. When the wait ends sooner, `TIMEOUT`, `ABORTED`
   * and `CLOSED` say that nothing was added, and `UNKNOWN_OUTCOME` that it may have been.
   *
   * @param n - a whole number, 1 by default; may be negative
   * @example
   * ```ts
   * const sum = await leasehold.counter('orders').add(3, { timeout: '10s' });
   * ```
   * @throws LeaseholdError `INVALID_ARGUMENT` (also for a sum beyond 2^53 - 1), `TIMEOUT`, `ABORTED`,
   * `CLOSED`, `UNKNOWN_OUTCOME`, `FOREIGN_LEASE`, `UNREADABLE_RECORD`, `FORBIDDEN`, `NAMESPACE_NOT_FOUND`,
   * `NAMESPACE_TERMINATING` or `API_ERROR`
   */
  async add(n = 1, options: WaitOptions = {}): Promise<number> {
    checkWhole(n, 'what is added');
    return (await this.#submit({ do: 'add', n }, options)) as number;
  }

  /**
   * The value now; 0 when nothing was added yet. Sends one GET.
   *
   * @throws LeaseholdError as {@link Counter.add}, but for `UNKNOWN_OUTCOME`
   */
  async get(options: WaitOptions = {}): Promise<number> {
    const { state } = await patiently(this.#clock, this.#what, options, (signal) =>
      this.#cell().read(signal),
    );
    return state;
  }

  /**
   * Sets it to `value` if it is `expected`, and resolves with whether it was. Sends what
   * {@link Counter.add} does; one GET when it is something else.
   *
   * @throws LeaseholdError as {@link Counter.add}
   */
  async compareAndSet(
    expected: number,
    value: number,
    options: WaitOptions = {},
  ): Promise<boolean> {
    checkWhole(expected, 'what is expected');
    checkWhole(value, 'the value');
    return (await this.#submit({ do: 'set', expected, value }, options)) as boolean;
  }

  #submit(operation: CounterOperation, options: WaitOptions): Promise<CounterResult> {
    return patiently(this.#clock, this.#what, options, (signal) =>
      this.#cell().submit(operation, signal),
    );
  }

  get #what(): string {
    return `counter ${this.name}`;
  }
}

function checkWhole(value: number, what: string): void {
  if (Number.isSafeInteger(value)) return;
  throw new LeaseholdError(
    'INVALID_ARGUMENT',
    `${what} is ${String(value)}: give a whole number, up to 2^53 - 1 in size`,
  );
}
