import type { Clock } from '../core/clock.ts';
import type { RunEntry } from '../core/schedule.ts';
import { MARGIN } from '../core/validity.ts';

/** So long after its time was up a run may still end in order. */
export const GRACE_MS = 5_000;

/**
 * Since when a run was seen in the record: one that is there for longer than it may last has no process that
 * knows of it, though its session is alive. An edit or a restore of etcd may have brought it back.
 */
export class RunSighting {
  readonly #clock: Clock;
  #id: string | undefined;
  #since = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether no process relies on it any more, as far as the time tells that it may last. */
  isOverdue(run: RunEntry): boolean {
    const now = this.#clock.now();
    if (this.#id !== run.id) {
      this.#id = run.id;
      this.#since = now;
    }
    // Its process counts from before it was seen here, on a clock that may be slower by the margin.
    return now - this.#since > (run.atMost + GRACE_MS) / (1 - MARGIN);
  }
}
