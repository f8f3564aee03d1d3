import { linked } from '../core/abort.ts';
import { pause } from '../core/clock.ts';
import { LeaseholdError } from '../core/errors.ts';
import { lastTick } from '../core/schedule.ts';
import type { RunEntry } from '../core/schedule.ts';
import { LeaseView } from '../kube/lease-view.ts';
import { begin } from './begin.ts';
import type { ScheduleTarget } from './context.ts';
import type { Begun } from './enter.ts';
import { finish } from './finish.ts';
import { inside } from './inside.ts';
import { LiveRun } from './live-run.ts';
import type { End, ScheduledRun } from './live-run.ts';
import { readSchedule } from './read-schedule.ts';
import { Retry } from './retry.ts';

/** Processes look at a tick one after the other within this time, so that most find it taken. */
const SPREAD_MS = 100;
/** What was due longer ago is missed, where missed ticks are skipped. */
const LATE_MS = 60_000;
/** The wall clock may be set meanwhile. */
const LONGEST_SLEEP_MS = 60_000;

export interface RunOptions {
  /** Ends it: the work of a run is told by its own signal, and is waited for. */
  readonly signal?: AbortSignal;
}

/** What a run that happened here gave. */
export interface RunResult<T> {
  /** The moment at which it was due. */
  readonly tick: Date;
  /** What the work returned. */
  readonly value: T;
}

/**
 * A job that is run once for each tick of its schedule, by one of all processes that run it. Made by
 * `Leasehold.once`.
 */
export class ScheduledJob {
  /** The job's name, as given. */
  readonly name: string;
  readonly #target: ScheduleTarget;
  readonly #closing: AbortSignal;
  readonly #track: <T>(life: Promise<T>) => Promise<T>;

  /**
   * @internal
   * @param closing - aborts when the client is closed
   * @param track - told of what the client waits for when it is closed
   */
  constructor(
    target: ScheduleTarget,
    closing: AbortSignal,
    track: <T>(life: Promise<T>) => Promise<T>,
  ) {
    this.name = target.name.original;
    this.#target = target;
    this.#closing = closing;
    this.#track = track;
  }

  /**
   * Waits for tick after tick, and runs `work` where this process is the one that has taken it. Resolves when
   * `signal` aborts or the client is closed, once the work has ended. What `work` throws is stored as the
   * outcome, told as an event, and does not end it.
   *
   * `work` should stop when its `signal` aborts. Work that has not 5 s after `atMost` is left to itself, and
   * the next tick may be run beside it: that is what `fence` is for.
   *
   * Sends one GET at first; at each tick one GET; and for a run two PUTs. Between ticks it sends nothing. Once
   * in the life of a schedule it sends a CREATE, and before the first run of a process that of its session.
   *
   * @example
   * ```ts
   * const job = leasehold.once('nightly-report', { cron: '0 3 * * *', atMost: '10m' });
   * await job.run(async ({ tick, signal }) => {
   *   await writeReportOf({ day: tick, signal });
   * });
   * ```
   * @throws LeaseholdError `CLOSED`, `FOREIGN_LEASE`, `UNREADABLE_RECORD`, `FORBIDDEN`,
   * `NAMESPACE_NOT_FOUND`, `NAMESPACE_TERMINATING` or `API_ERROR`. An unreachable API server is waited for.
   */
  run(work: (run: ScheduledRun) => unknown, options: RunOptions = {}): Promise<void> {
    return this.#alive(options, (stop) => this.#loop(work, stop));
  }

  /**
   * Runs `work` for the tick that was due last, if nobody has: for programs that something else starts on
   * time.
   *
   * Sends one GET, and two PUTs for a run.
   *
   * @returns undefined when another process has run it, runs it or an earlier one, or has begun one less than
   * `atLeast` ago
   * @throws what `work` throws; LeaseholdError `TIMEOUT` when it took longer than `atMost`, `LOST`, `ABORTED`,
   * and those of {@link ScheduledJob.run}
   */
  tryRun<T>(
    work: (run: ScheduledRun) => T | Promise<T>,
    options: RunOptions = {},
  ): Promise<RunResult<T> | undefined> {
    return this.#alive(options, async (stop) => {
      const begun = await this.#beginLatest(stop);
      if (!begun) return undefined;
      const end = await this.#perform(begun, work, stop);
      if (end.outcome === 'done') return { tick: new Date(begun.run.tick), value: end.value as T };
      throw end.error;
    });
  }

  /** Until its end the client waits for it, and its end stops it. */
  async #alive<T>({ signal }: RunOptions, life: (stop: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#closing.aborted) {
      throw new LeaseholdError('CLOSED', 'this client was closed: make a new one with connect()');
    }
    const { signal: stop, unlink } = linked(signal ? [signal, this.#closing] : [this.#closing]);
    try {
      return await this.#track(life(stop));
    } finally {
      unlink();
    }
  }

  async #beginLatest(stop: AbortSignal): Promise<Begun | undefined> {
    const { ticks, clock } = this.#target;
    for (;;) {
      if (stop.aborted) {
        const cause: unknown = stop.reason;
        throw new LeaseholdError('ABORTED', `the try to run ${this.name} was given up`, { cause });
      }
      const due = ticks.latest(clock.now());
      if (due === undefined) return undefined;
      const beginning = await begin(this.#target, due, () => true, stop);
      if (beginning.kind === 'begun') return beginning.begun;
      if (beginning.kind !== 'again') return undefined;
    }
  }

  async #loop(work: (run: ScheduledRun) => unknown, stop: AbortSignal): Promise<void> {
    const { ticks, clock, context } = this.#target;
    let handled = await this.#before(stop);
    while (!stop.aborted) {
      const now = clock.now();
      const due = ticks.latest(now);
      if (due === undefined || due <= handled) {
        await this.#sleepUntil(ticks.next(Math.max(handled, now)), stop);
        await pause(context.parts.clock, context.parts.random() * SPREAD_MS, stop);
      } else if (this.#isLate(due)) {
        // Others may have been in time.
        if (!(await this.#wasBegun(due, stop))) this.#missed(due, 'late');
        handled = due;
      } else {
        handled = Math.max(handled, (await this.#attempt(due, work, stop)) ?? handled);
      }
    }
  }

  /** Whether nothing is to be done about a tick any more. */
  #isLate(due: number): boolean {
    const { plan, clock } = this.#target;
    return plan.catchUp === 'skip' && clock.now() - due > LATE_MS;
  }

  async #wasBegun(tick: number, stop: AbortSignal): Promise<boolean> {
    const record = await readSchedule(this.#target, new Retry(this.#target), stop);
    return !record || tick <= (lastTick(record) ?? -Infinity);
  }

  /** The tick up to which nothing more is to be done; undefined to look again. */
  async #attempt(
    due: number,
    work: (run: ScheduledRun) => unknown,
    stop: AbortSignal,
  ): Promise<number | undefined> {
    const { ticks, clock, plan, context } = this.#target;
    const isDue = (): boolean => due === ticks.latest(clock.now()) && !this.#isLate(due);
    const beginning = await begin(this.#target, due, isDue, stop);
    switch (beginning.kind) {
      case 'begun': {
        await this.#perform(beginning.begun, work, stop);
        const latest = ticks.latest(clock.now()) ?? due;
        if (plan.catchUp === 'last' || latest <= due) return due;
        // As for those who have looked meanwhile.
        this.#missed(latest, 'running');
        return latest;
      }
      case 'taken':
        return due;
      case 'running':
        if (plan.catchUp === 'last') {
          await this.#whileRunning(beginning.run, stop);
          return undefined;
        }
        this.#missed(due, 'running');
        return due;
      case 'too-soon':
        await pause(context.parts.clock, beginning.delay, stop);
        return undefined;
      case 'again':
        return undefined;
    }
  }

  /** The tick up to which nothing is to be done: what was due before this process came. */
  async #before(stop: AbortSignal): Promise<number> {
    const record = await readSchedule(this.#target, new Retry(this.#target), stop);
    const now = this.#target.clock.now();
    if (!record || this.#target.plan.catchUp === 'skip') return now;
    // Of a schedule that was never run nothing was missed before it was made.
    const made = Date.parse(record.lease.metadata.creationTimestamp ?? '');
    return lastTick(record) ?? (Number.isNaN(made) ? now : made);
  }

  async #perform<T>(
    begun: Begun,
    work: (run: ScheduledRun) => T | Promise<T>,
    stop: AbortSignal,
  ): Promise<End<T>> {
    const { run } = begun;
    const { parts } = this.#target.context;
    const { name: schedule } = this;
    const [tick, attempt] = [new Date(run.tick).toISOString(), run.id];
    const lateMs = Math.round(run.began - run.tick);
    parts.observe({ type: 'run-began', schedule, tick, attempt, fence: run.fence, lateMs });
    const live = new LiveRun(schedule, begun, parts.clock);
    const end = await inside.run(live, () => live.perform(work, stop));
    const ranMs = Math.round(parts.clock.now() - begun.sentAt);
    let confirmed = false;
    try {
      confirmed = await finish(this.#target, begun, end, stop);
    } finally {
      const { outcome } = end;
      const ended = { schedule, tick, attempt, outcome, ranMs, confirmed };
      if (outcome === 'done' || outcome === 'stopped') {
        parts.observe({ type: 'run-ended', ...ended });
      } else {
        parts.observe({ type: 'run-failed', ...ended, error: textOf(end.error) });
      }
    }
    return end;
  }

  async #sleepUntil(tick: number | undefined, stop: AbortSignal): Promise<void> {
    const { clock, context } = this.#target;
    for (;;) {
      const left = (tick ?? Infinity) - clock.now();
      if (left <= 0 || stop.aborted) return;
      await pause(context.parts.clock, Math.min(left, LONGEST_SLEEP_MS), stop);
    }
  }

  /** Until that run is over, or for as long as it takes to tell that its process is dead. */
  async #whileRunning(run: RunEntry, stop: AbortSignal): Promise<void> {
    const { context, name } = this.#target;
    const view = new LeaseView(context.api, name.lease, context.parts);
    const over = new AbortController();
    const { signal, unlink } = linked([stop, over.signal]);
    const unsubscribe = view.subscribe(() => {
      if (view.known && !view.mentions(run.id)) over.abort();
    });
    view.startWatch();
    await pause(context.parts.clock, run.ttl * 1_000, signal);
    unsubscribe();
    view.stopWatch();
    unlink();
  }

  #missed(due: number, reason: 'late' | 'running'): void {
    const tick = new Date(due).toISOString();
    const { observe } = this.#target.context.parts;
    observe({ type: 'tick-missed', schedule: this.name, tick, reason });
  }
}

/** Anything can be thrown. */
function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
