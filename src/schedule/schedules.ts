import { LeaseholdError } from '../core/errors.ts';
import { leaseName } from '../core/names.ts';
import type { ScheduleContext } from './context.ts';
import { inside } from './inside.ts';
import { ScheduledJob } from './job.ts';
import { JobClock } from './job-clock.ts';
import { planOf } from './options.ts';
import type { OnceOptions } from './options.ts';
import { RunSighting } from './run-sighting.ts';

/** The scheduled jobs of one process in one namespace. */
export class Schedules {
  readonly #context: ScheduleContext;
  readonly #closing = new AbortController();
  readonly #alive = new Set<Promise<unknown>>();

  constructor(context: ScheduleContext) {
    this.#context = context;
  }

  /** @throws LeaseholdError `INVALID_ARGUMENT` */
  once(original: string, options: OnceOptions): ScheduledJob {
    const name = leaseName(original);
    const { clock } = this.#context.parts;
    const { plan, ticks } = planOf(original, options, clock.wall());
    const context = this.#context;
    const own = { clock: new JobClock(clock), sighting: new RunSighting(clock) };
    return new ScheduledJob({ context, name, plan, ticks, ...own }, this.#closing.signal, (life) =>
      this.#track(life),
    );
  }

  /** Tells all work to stop, and waits until it has and that is written down. */
  async close(): Promise<void> {
    this.#closing.abort(new LeaseholdError('CLOSED', 'the client was closed'));
    // Work that closes the client would wait for itself.
    inside.getStore()?.abandon();
    await Promise.allSettled(this.#alive);
  }

  #track<T>(life: Promise<T>): Promise<T> {
    this.#alive.add(life);
    const over = (): void => void this.#alive.delete(life);
    life.then(over, over);
    return life;
  }
}
