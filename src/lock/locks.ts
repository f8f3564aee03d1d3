import { LeaseholdError } from '../core/errors.ts';
import { leaseName } from '../core/names.ts';
import { LeaseView } from '../kube/lease-view.ts';
import { findSemaphore, resize } from '../repair/resize.ts';
import { Cohort } from './cohort.ts';
import type { Ask, LockContext, LockTarget } from './context.ts';
import { LockAll } from './lock-all.ts';
import type { LockOfAll } from './lock-all.ts';
import { Lock } from './lock.ts';
import { PermitCohort } from './permit-cohort.ts';
import { Progress } from './progress.ts';
import { ReaderCohort } from './reader-cohort.ts';
import { Semaphore } from './semaphore.ts';
import { ToldDeadlocks } from './told-deadlocks.ts';

/** The locks of one process in one namespace. */
export class Locks {
  readonly #context: LockContext;
  readonly #cohorts = new Map<string, Cohort | ReaderCohort>();
  readonly #permits = new Map<string, PermitCohort>();
  #closed = false;

  constructor(context: Omit<LockContext, 'toldDeadlocks'>) {
    this.#context = { ...context, toldDeadlocks: new ToldDeadlocks() };
  }

  /** The lock of this name, to be held in this way. */
  lock(original: string, ask: Ask = { mode: 'exclusive' }): Lock {
    const name = leaseName(original);
    const key = `${ask.mode} ${name.lease}`;
    const cohort = (): Cohort | ReaderCohort => {
      let found = this.#cohorts.get(key);
      if (!found) {
        const { api, parts } = this.#context;
        const view = new LeaseView(api, name.lease, parts);
        const progress = new Progress();
        const target = { context: this.#context, name, ask, view, progress };
        const onIdle = (): void => void this.#cohorts.delete(key);
        found =
          ask.mode === 'shared' ? new ReaderCohort(target, onIdle) : new Cohort(target, onIdle);
        this.#cohorts.set(key, found);
        if (this.#closed) void found.close();
      }
      return found;
    };
    const opposite = { exclusive: 'shared', shared: 'exclusive', permit: '' }[ask.mode];
    return new Lock(name, this.#context, cohort, () =>
      this.#cohorts.get(`${opposite} ${name.lease}`),
    );
  }

  /**
   * The locks of these names, together: each once, in the order of their Leases, which is the same for all
   * programs.
   */
  lockAll<N extends string>(originals: readonly N[]): LockAll<N> {
    if (originals.length === 0) {
      throw new LeaseholdError('INVALID_ARGUMENT', 'lockAll needs the name of at least one lock');
    }
    const names = [...new Set(originals)];
    const byLease = new Map<string, LockOfAll<N>>();
    for (const name of names) {
      const { lease } = leaseName(name);
      const { lock, names: others } = byLease.get(lease) ?? { lock: this.lock(name), names: [] };
      byLease.set(lease, { lock, names: [...others, name] });
    }
    // Not by the rules of a language, which differ from machine to machine.
    const ordered = [...byLease].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
    return new LockAll(names, ordered, this.#context.parts.clock);
  }

  /** The semaphore of this name, with so many permits. */
  semaphore(original: string, permits: number): Semaphore {
    const name = leaseName(original);
    const key = `${String(permits)} ${name.lease}`;
    const cohort = (): PermitCohort => {
      let found = this.#permits.get(key);
      if (!found) {
        const context = this.#context;
        const view = new LeaseView(context.api, name.lease, context.parts);
        const progress = new Progress();
        const targetOf = (weight: number): LockTarget => {
          const ask = { mode: 'permit', weight, of: permits } as const;
          return { context, name, ask, view, progress };
        };
        found = new PermitCohort(targetOf, () => {
          this.#permits.delete(key);
        });
        this.#permits.set(key, found);
        if (this.#closed) void found.close();
      }
      return found;
    };
    const { api, parts } = this.#context;
    const workshop = { api, clock: parts.clock };
    const toSize = async (limit: number): Promise<void> => {
      // Again if somebody else has just changed it: the last one counts.
      for (;;) {
        const shown = await findSemaphore(workshop, original, permits);
        if (!shown || (await resize(workshop, shown, limit)).kind !== 'changed') return;
      }
    };
    return new Semaphore(name, this.#context, permits, cohort, toSize);
  }

  /** Refuses all waiters and releases all locks. */
  async close(): Promise<void> {
    this.#closed = true;
    const cohorts = [...this.#cohorts.values(), ...this.#permits.values()];
    await Promise.all(cohorts.map((cohort) => cohort.close()));
  }
}
