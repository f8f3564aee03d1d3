import { linked } from '../core/abort.ts';
import type { Clock } from '../core/clock.ts';
import { LeaseholdError, isLeaseholdError } from '../core/errors.ts';
import type { Held } from './held.ts';
import { HoldAll, releaseAll } from './held-all.ts';
import type { HeldAll } from './held-all.ts';
import type { AcquireOptions, Lock, TryOptions } from './lock.ts';
import { runInside } from './run-inside.ts';
import { timeoutOf } from './until-held.ts';

/** One of the locks, and the names that were given for it. */
export interface LockOfAll<N extends string> {
  readonly lock: Lock;
  readonly names: readonly N[];
}

/**
 * Several locks, held together or not at all. They are acquired one after the other, in the order of the
 * names of their Leases, whatever the order in which they were given: programs that take several locks by
 * this alone never wait for each other in a circle. Made by `Leasehold.lockAll`.
 */
export class LockAll<N extends string = string> {
  /** The locks' names, as given, each once. */
  readonly names: readonly N[];
  readonly #locks: readonly LockOfAll<N>[];
  readonly #clock: Clock;

  /**
   * @internal
   * @param locks - in the order in which they are acquired
   */
  constructor(names: readonly N[], locks: readonly LockOfAll<N>[], clock: Clock) {
    this.names = names;
    this.#locks = locks;
    this.#clock = clock;
  }

  /**
   * Holds all of the locks while `work` runs, and releases them afterwards, whatever happens.
   *
   * `work` should stop when `signal` aborts: one of the locks is lost then, and another may hold it soon.
   *
   * Sends for each lock what `Lock.run` of it sends.
   *
   * @example
   * ```ts
   * await leasehold.lockAll(['account-17', 'account-4']).run(async ({ signal, fences }) => {
   *   await sendInvoices({ signal, fence: fences['account-17'] });
   * });
   * ```
   * @returns what `work` returns
   * @throws what `work` throws; LeaseholdError `LOST` when `work` returned although one of the locks had
   * been lost; and the errors of {@link LockAll.acquire}
   */
  async run<T>(
    work: (held: HeldAll<N>) => T | Promise<T>,
    options: AcquireOptions = {},
  ): Promise<T> {
    const holds = await this.#acquireEach(options);
    const held = this.#together(holds);
    try {
      const places = new Map(holds.map((one, index) => [this.#placeOf(index), one]));
      return await runInside(places, () => work(held));
    } finally {
      await held.release();
    }
  }

  /**
   * Waits for all of the locks, for as long as `timeout` says in all. If one of them is not granted, those
   * that were are given back, the last one first, and the error is that of the first thing that went wrong;
   * it does not wait for the API server to confirm what is given back. While it waits for the later ones, the earlier ones are
   * held, and if one of them is lost meanwhile, so is all of it.
   *
   * Sends for each lock what `Lock.acquire` of it sends.
   *
   * @throws LeaseholdError `TIMEOUT`, `ABORTED`, `LOST`, and those of `Lock.acquire`
   */
  async acquire(options: AcquireOptions = {}): Promise<HeldAll<N>> {
    return this.#together(await this.#acquireEach(options));
  }

  /**
   * Takes all of the locks if all are free now, and resolves with undefined if one is taken, when those
   * that were not are given back.
   *
   * Sends for each lock, up to the first that is taken, what `Lock.tryAcquire` of it sends.
   *
   * @throws LeaseholdError `LOST`, and those of `Lock.tryAcquire`
   */
  async tryAcquire(options: TryOptions = {}): Promise<HeldAll<N> | undefined> {
    const holds: Held[] = [];
    let isComplete = false;
    try {
      for (const { lock } of this.#locks) {
        const held = await lock.tryAcquire(options);
        if (!held) return undefined;
        holds.push(held);
      }
      assertValid(holds);
      isComplete = true;
    } finally {
      if (!isComplete) await releaseAll(holds);
    }
    return this.#together(holds);
  }

  /** In their order; all, or none and an error. */
  async #acquireEach(options: AcquireOptions): Promise<readonly Held[]> {
    const timeout = timeoutOf(options);
    const until = timeout === undefined ? undefined : this.#clock.now() + timeout;
    const holds: Held[] = [];
    try {
      for (const { lock } of this.#locks) {
        const left = until === undefined ? {} : { timeout: Math.max(0, until - this.#clock.now()) };
        holds.push(await acquireBeside(holds, lock, { ...options, ...left }));
      }
      assertValid(holds);
      return holds;
    } catch (error) {
      // Not waited for: while the API server is away that would take longer than anybody asked for.
      void releaseAll(holds);
      const lock = this.#locks[holds.length]?.lock;
      if (!lock || !isLeaseholdError(error, 'TIMEOUT')) throw error;
      throw new LeaseholdError(
        'TIMEOUT',
        `locks ${this.names.join(', ')} were not all granted within ${String(timeout)} ms: ${lock.name} was not, as somebody else holds it, or the API server cannot be reached`,
        { cause: error },
      );
    }
  }

  #together(holds: readonly Held[]): HeldAll<N> {
    const byName = new Map<N, Held>();
    for (const [index, held] of holds.entries()) {
      for (const name of this.#locks[index]?.names ?? []) byName.set(name, held);
    }
    return new HoldAll(holds, byName);
  }

  #placeOf(index: number): object {
    const one = this.#locks[index];
    if (!one) throw new RangeError(`there is no lock ${String(index)}`);
    return one.lock.place;
  }
}

/** The next lock, as long as none of those before it is lost. */
async function acquireBeside(
  holds: readonly Held[],
  lock: Lock,
  options: AcquireOptions,
): Promise<Held> {
  const losses = holds.map(({ signal }) => signal);
  const { signal, unlink } = linked(options.signal ? [options.signal, ...losses] : losses);
  try {
    return await lock.acquireBeside(holds, { ...options, signal });
  } catch (error) {
    const lost = losses.find(({ aborted }) => aborted);
    const isWanted = !options.signal?.aborted;
    throw lost && isWanted && isLeaseholdError(error, 'ABORTED') ? lost.reason : error;
  } finally {
    unlink();
  }
}

/** A stalled process may have lost the first while it was granted the last. */
function assertValid(holds: readonly Held[]): void {
  for (const { valid, name, signal } of holds) {
    if (valid) continue;
    if (signal.aborted) throw signal.reason;
    throw new LeaseholdError('LOST', `lock ${name} was lost while others were waited for`);
  }
}
