import type { Duration } from '../core/duration.ts';
import { LeaseholdError } from '../core/errors.ts';
import type { LeaseName } from '../core/names.ts';
import type { LockContext } from './context.ts';
import type { Held } from './held.ts';
import { keptHolds } from './kept-holds.ts';
import type { DetectDeadlock } from './kept-holds.ts';
import type { PermitCohort } from './permit-cohort.ts';
import { runInside } from './run-inside.ts';
import { aborted, timeoutOf, untilHeld } from './until-held.ts';

export interface SemaphoreOptions {
  /** How many may be held at a time, all over the cluster: from 1 to 1,000,000. */
  readonly permits: number;
}

export interface PermitOptions {
  /** How many permits to take; 1 by default. */
  readonly permits?: number;
  /** How long to wait at most; without end by default. */
  readonly timeout?: Duration;
  /** Stops the wait. */
  readonly signal?: AbortSignal;
  /** As for a lock; see `AcquireOptions.detectDeadlock`. */
  readonly detectDeadlock?: DetectDeadlock;
}

export type TryPermitOptions = Pick<PermitOptions, 'permits' | 'signal'>;

/**
 * So many may hold at the same time, all over the cluster. Permits are granted in the order of arrival: who
 * wants many is not passed by those who want few. Made by `Leasehold.semaphore`.
 */
export class Semaphore {
  /** The semaphore's name, as given. */
  readonly name: string;
  /** How many permits there are, as this program has it; all programs have to agree. */
  readonly permits: number;
  readonly #cohort: () => PermitCohort;
  readonly #resize: (permits: number) => Promise<void>;
  readonly #leaseName: LeaseName;
  readonly #context: LockContext;

  /** @internal */
  constructor(
    name: LeaseName,
    context: LockContext,
    permits: number,
    cohort: () => PermitCohort,
    resize: (permits: number) => Promise<void>,
  ) {
    this.name = name.original;
    this.#leaseName = name;
    this.#context = context;
    this.#resize = resize;
    this.permits = permits;
    this.#cohort = cohort;
  }

  /**
   * Holds permits while `work` runs, and gives them back afterwards, whatever happens. See
   * {@link Semaphore.acquire}.
   *
   * @returns what `work` returns
   * @throws what `work` throws; LeaseholdError `LOST` when `work` returned although the permits had been
   * lost; and the errors of {@link Semaphore.acquire}
   */
  async run<T>(work: (held: Held) => T | Promise<T>, options: PermitOptions = {}): Promise<T> {
    const held = await this.acquire(options);
    try {
      return await runInside(new Map([[held, held]]), () => work(held));
    } finally {
      await held.release();
    }
  }

  /**
   * Waits for permits. Give them back with {@link Held.release}, or declare them with `await using`.
   *
   * Sends one CREATE if nobody holds any, one PUT if there are permits left, and else what a wait for a
   * lock sends.
   *
   * @throws LeaseholdError `INVALID_ARGUMENT`; and those of `Lock.acquire`
   */
  async acquire(options: PermitOptions = {}): Promise<Held> {
    const weight = this.#weightOf(options);
    const timeout = timeoutOf(options);
    const cohort = this.#cohort();
    return untilHeld((resolve, reject) => cohort.wait(weight, resolve, reject), {
      what: this.#what,
      clock: this.#context.parts.clock,
      timeout,
      signal: options.signal,
      watched: {
        context: this.#context,
        name: this.#leaseName,
        behind: () => cohort.behind,
        kept: keptHolds(options.detectDeadlock, []),
      },
    });
  }

  /**
   * Takes permits if there are so many left and nobody waits, and resolves with undefined otherwise.
   *
   * @throws LeaseholdError `INVALID_ARGUMENT`; and those of `Lock.tryAcquire`
   */
  async tryAcquire(options: TryPermitOptions = {}): Promise<Held | undefined> {
    const weight = this.#weightOf(options);
    if (options.signal?.aborted) throw aborted(this.#what, options.signal);
    return this.#cohort().tryAcquire(weight, options.signal);
  }

  /**
   * Changes how many permits there are, for all programs that state the same number as this one; the number that
   * they state changes it back. Takes nothing from those who hold. See `docs/semaphore.md`.
   *
   * Sends one GET and one PUT; one CREATE if nobody holds any, and one DELETE if then nothing is left to say.
   *
   * @param permits - from 0, which lets nobody in, to 1,000,000
   * @throws LeaseholdError `INVALID_ARGUMENT`, `FOREIGN_LEASE`, `FORBIDDEN`, `API_UNREACHABLE` or `API_ERROR`
   */
  async resize(permits: number): Promise<void> {
    await this.#resize(permits);
  }

  get #what(): string {
    return `a permit of ${this.name}`;
  }

  #weightOf({ permits = 1 }: TryPermitOptions): number {
    if (Number.isSafeInteger(permits) && permits >= 1 && permits <= this.permits) return permits;
    throw new LeaseholdError(
      'INVALID_ARGUMENT',
      `permits has to be a whole number from 1 to ${String(this.permits)}, which ${this.name} has in all: it is ${String(permits)}`,
    );
  }
}
