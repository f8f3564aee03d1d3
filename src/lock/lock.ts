import type { Duration } from '../core/duration.ts';
import { LeaseholdError } from '../core/errors.ts';
import type { LeaseName } from '../core/names.ts';
import type { Cohort } from './cohort.ts';
import type { LockContext } from './context.ts';
import type { Held } from './held.ts';
import { inside } from './inside.ts';
import { keptHolds } from './kept-holds.ts';
import type { DetectDeadlock } from './kept-holds.ts';
import type { ReaderCohort } from './reader-cohort.ts';
import { runInside } from './run-inside.ts';
import { aborted, timeoutOf, untilHeld } from './until-held.ts';

export interface AcquireOptions {
  /** How long to wait at most; without end by default. */
  readonly timeout?: Duration;
  /** Stops the wait. */
  readonly signal?: AbortSignal;
  /**
   * Inside `run` of the same lock: share the outer hold instead of failing with `REENTRANT`. False
   * by default.
   */
  readonly reentrant?: boolean;
  /**
   * Whether the wait ends with `DEADLOCK` when it turns out that those who wait for each other hold what the
   * others want, which takes about two ttl; without that, only a warning is logged. It says, too, that what
   * is held meanwhile is kept until the wait ends, so await it there: the holds of the `run` calls around, and
   * those that are named by `{ holding: [...] }`. False by default; see `docs/deadlocks.md`.
   */
  readonly detectDeadlock?: DetectDeadlock;
}

export type TryOptions = Pick<AcquireOptions, 'signal' | 'reentrant'>;

/**
 * A fair mutual exclusion between processes: the lock is granted in the order of arrival, handed
 * over by one write, and recovered when its holder dies. Made by `Leasehold.lock`.
 */
export class Lock {
  /** The lock's name, as given. */
  readonly name: string;
  readonly #cohort: () => Cohort | ReaderCohort;
  readonly #opposite: () => Cohort | ReaderCohort | undefined;
  readonly #leaseName: LeaseName;
  readonly #context: LockContext;

  /**
   * @internal
   * @param opposite - those of this process that hold it in the other mode, or want to
   */
  constructor(
    name: LeaseName,
    context: LockContext,
    cohort: () => Cohort | ReaderCohort,
    opposite: () => Cohort | ReaderCohort | undefined,
  ) {
    this.name = name.original;
    this.#leaseName = name;
    this.#context = context;
    this.#cohort = cohort;
    this.#opposite = opposite;
  }

  /**
   * Holds the lock while `work` runs, and releases it afterwards, whatever happens.
   *
   * `work` should stop when `signal` aborts: the lock is lost then, and another may hold it soon.
   *
   * Sends one CREATE and one DELETE when the lock is free, and one PATCH to queue and one refused
   * CREATE and one watch when it is not. The release grants the lock to the next waiter.
   *
   * @example
   * ```ts
   * await leasehold.lock('invoices').run(async ({ signal, fence }) => {
   *   await sendInvoices({ signal, fence });
   * });
   * ```
   * @returns what `work` returns
   * @throws what `work` throws; LeaseholdError `LOST` when `work` returned although the lock had been
   * lost; and the errors of {@link Lock.acquire}
   */
  async run<T>(work: (held: Held) => T | Promise<T>, options: AcquireOptions = {}): Promise<T> {
    const held = await this.acquire(options);
    try {
      return await runInside(new Map([[this.place, held]]), () => work(held));
    } finally {
      await held.release();
    }
  }

  /**
   * Waits for the lock. Release it with {@link Held.release}, or declare it with `await using`.
   *
   * Sends the requests that {@link Lock.run} sends before `work`. A wait that is given up sends one
   * more PATCH. One that lasts for longer than a ttl while another lock is held looks for a deadlock: one GET
   * of this lock, and one of the session of each of its holders, after one, two, four and more ttl.
   *
   * @throws LeaseholdError `TIMEOUT`, `ABORTED`, `REENTRANT`, `DEADLOCK`, `CLOSED`,
   * `INVALID_ARGUMENT`, `FOREIGN_LEASE`, `UNREADABLE_RECORD`, `FORBIDDEN`, `NAMESPACE_NOT_FOUND`,
   * `NAMESPACE_TERMINATING` or `API_ERROR`. An unreachable API server is waited for.
   */
  async acquire(options: AcquireOptions = {}): Promise<Held> {
    return this.acquireBeside([], options);
  }

  /**
   * @internal
   * @param acquired - by the same call, which gives them back when it fails
   */
  async acquireBeside(acquired: readonly Held[], options: AcquireOptions): Promise<Held> {
    const timeout = timeoutOf(options);
    const outer = this.#outer(options.reentrant ?? false);
    if (outer) return outer;
    const cohort = this.#cohort();
    return untilHeld((resolve, reject) => cohort.wait(resolve, reject), {
      what: `lock ${this.name}`,
      clock: this.#context.parts.clock,
      timeout,
      signal: options.signal,
      watched: {
        context: this.#context,
        name: this.#leaseName,
        behind: () => cohort.behind,
        kept: keptHolds(options.detectDeadlock, acquired),
      },
    });
  }

  /**
   * Takes the lock if it is free now, and resolves with undefined if it is taken.
   *
   * Sends one CREATE; if it is taken, one GET of it and one of its holder's session. If the holder
   * seems to be dead by the API server's own clock, or if its session Lease is missing, it takes a ttl
   * to make sure.
   *
   * @throws LeaseholdError `API_UNREACHABLE`, `ABORTED`, `REENTRANT`, `CLOSED`, `FOREIGN_LEASE`,
   * `UNREADABLE_RECORD`, `FORBIDDEN`, `NAMESPACE_NOT_FOUND`, `NAMESPACE_TERMINATING` or `API_ERROR`
   */
  async tryAcquire(options: TryOptions = {}): Promise<Held | undefined> {
    const outer = this.#outer(options.reentrant ?? false);
    if (outer) return outer;
    if (options.signal?.aborted) throw aborted(`lock ${this.name}`, options.signal);
    return this.#cohort().tryAcquire(options.signal);
  }

  /** @internal What a hold of it is found by inside of `run`. */
  get place(): object {
    return this.#cohort();
  }

  /** The hold of the `run` that this call is inside of, shared; undefined outside. */
  #outer(reentrant: boolean): Held | undefined {
    const around = inside.getStore();
    const outer = around?.get(this.#cohort());
    if (!outer?.valid) {
      this.#refuseDeadlock(around);
      return undefined;
    }
    if (reentrant) return shared(outer);
    throw new LeaseholdError(
      'REENTRANT',
      `lock ${this.name} is already held by the run() that this call is inside of, and would wait for itself: pass the outer hold along, or set reentrant: true`,
    );
  }

  /** A read that wants to write waits for its own end, and so does a write that wants to read. */
  #refuseDeadlock(around: ReadonlyMap<object, Held> | undefined): void {
    const opposite = around && this.#opposite();
    if (!opposite || !around.get(opposite)?.valid) return;
    throw new LeaseholdError(
      'DEADLOCK',
      `lock ${this.name} is held in the other mode by the run() that this call is inside of, and would wait for itself for ever: to write, write from the start or let the read end first; to read after a write, use downgrade()`,
    );
  }
}

/** An inner hold: everything of the outer one, and a release that leaves it alone. */
function shared(outer: Held): Held {
  const release = (): Promise<void> => Promise.resolve();
  return {
    name: outer.name,
    fence: outer.fence,
    get valid() {
      return outer.valid;
    },
    get validFor() {
      return outer.validFor;
    },
    get signal() {
      return outer.signal;
    },
    release,
    [Symbol.asyncDispose]: release,
  };
}
