import { leaseName } from '../core/names.ts';
import { LeaseView } from '../kube/lease-view.ts';
import { Cohort } from './cohort.ts';
import type { Ask, LockContext } from './context.ts';
import { Lock } from './lock.ts';
import { Progress } from './progress.ts';

/** The locks of one process in one namespace. */
export class Locks {
  readonly #context: LockContext;
  readonly #cohorts = new Map<string, Cohort>();
  #closed = false;

  constructor(context: LockContext) {
    this.#context = context;
  }

  /** The lock of this name, to be held in this way. */
  lock(original: string, ask: Ask = { mode: 'exclusive' }): Lock {
    const name = leaseName(original);
    const key = `${ask.mode} ${name.lease}`;
    const cohort = (): Cohort => {
      let found = this.#cohorts.get(key);
      if (!found) {
        const { api, parts } = this.#context;
        const view = new LeaseView(api, name.lease, parts);
        const progress = new Progress();
        found = new Cohort({ context: this.#context, name, ask, view, progress }, () => {
          this.#cohorts.delete(key);
        });
        this.#cohorts.set(key, found);
        if (this.#closed) void found.close();
      }
      return found;
    };
    return new Lock(original, cohort, this.#context.parts.clock);
  }

  /** Refuses all waiters and releases all locks. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#cohorts.values()].map((cohort) => cohort.close()));
  }
}
