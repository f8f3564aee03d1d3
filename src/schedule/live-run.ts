import { isLeaseholdError, LeaseholdError } from '../core/errors.ts';
import type { Clock } from '../core/clock.ts';
import type { RunOutcome } from '../core/schedule.ts';
import type { Begun } from './enter.ts';
import { GRACE_MS } from './run-sighting.ts';

/** One run of a job, for its work. */
export interface ScheduledRun {
  /** The job's name, as given to `once()`. */
  readonly name: string;
  /** The moment at which it was due. */
  readonly tick: Date;
  /**
   * The fencing token: grows with every run of this job, whoever runs it. Send it along with what the run
   * writes, and let the receiver refuse a lower one than it has seen.
   */
  readonly fence: bigint;
  /** Whether no other run may have begun, by this process's own clock; computed when asked. */
  readonly valid: boolean;
  /**
   * Aborts when the work has to stop: with a {@link LeaseholdError} `TIMEOUT` after `atMost`, `LOST` when the
   * session was lost, `ABORTED` by the signal that was given to `run`, `CLOSED` when the client is closed.
   */
  readonly signal: AbortSignal;
}

/** How a run ended. */
export interface End<T> {
  readonly outcome: RunOutcome;
  /** What the work threw, or why it had to stop. */
  readonly error: unknown;
  readonly value: T | undefined;
}

/** A run that has begun here, until its work has ended or had the time to. */
export class LiveRun implements ScheduledRun {
  readonly name: string;
  readonly tick: Date;
  readonly fence: bigint;
  readonly #begun: Begun;
  readonly #clock: Clock;
  readonly #until: number;
  readonly #controller = new AbortController();
  #abandon: () => void = () => undefined;
  #isOver = false;

  constructor(name: string, begun: Begun, clock: Clock) {
    this.name = name;
    this.tick = new Date(begun.run.tick);
    this.fence = begun.run.fence;
    this.#begun = begun;
    this.#clock = clock;
    // As for a session, from before the request was sent by which others know of it.
    this.#until = begun.sentAt + begun.run.atMost;
  }

  get valid(): boolean {
    return !this.#isOver && this.#whyNot() === undefined;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Does not wait for the work any longer. */
  abandon(): void {
    this.#abandon();
  }

  /**
   * Does the work, and resolves when it has ended; a while after its time was up, whether or not it has.
   *
   * @param stop - aborts when the program wants it to stop
   */
  async perform<T>(
    work: (run: ScheduledRun) => T | Promise<T>,
    stop: AbortSignal,
  ): Promise<End<T>> {
    const { session } = this.#begun;
    const look = (): void => this.#look(stop);
    const left = this.#until - this.#clock.now();
    const cancels = [
      this.#clock.schedule(Math.max(0, left), look),
      this.#clock.schedule(Math.max(0, left + GRACE_MS), () => this.#abandon()),
    ];
    const signals = [stop, session.signal];
    for (const signal of signals) signal.addEventListener('abort', look, { once: true });
    try {
      const abandoned = new Promise<void>((resolve) => (this.#abandon = resolve));
      look();
      // It may have taken so long to begin that nothing may be done any more.
      if (this.signal.aborted) return this.#end<T>(undefined, undefined);
      const working = (async () => work(this))();
      const ended = working.then(
        (value) => this.#end(value, undefined),
        (error: unknown) => this.#end<T>(undefined, { error }),
      );
      return await Promise.race([ended, abandoned.then(() => this.#end<T>(undefined, undefined))]);
    } finally {
      this.#isOver = true;
      for (const cancel of cancels) cancel();
      for (const signal of signals) signal.removeEventListener('abort', look);
    }
  }

  #look(stop: AbortSignal): void {
    const why = this.#whyNot() ?? (stop.aborted ? stoppedBy(stop, this.name) : undefined);
    if (why) this.#controller.abort(why);
  }

  #whyNot(): LeaseholdError | undefined {
    if (!this.#begun.session.valid) {
      return new LeaseholdError(
        'LOST',
        `the run of ${this.name} was lost with the session of its process: stop its work, as another run may begin`,
      );
    }
    if (this.#clock.now() < this.#until) return undefined;
    return new LeaseholdError(
      'TIMEOUT',
      `the run of ${this.name} has taken longer than atMost (${String(this.#begun.run.atMost)} ms): stop its work, as another run may begin; give more time if it needs that`,
    );
  }

  #end<T>(value: T | undefined, thrown: { readonly error: unknown } | undefined): End<T> {
    const told: unknown = this.signal.aborted ? this.signal.reason : this.#whyNot();
    this.#isOver = true;
    if (told === undefined) {
      return { outcome: thrown ? 'failed' : 'done', error: thrown?.error, value };
    }
    const outcome = isLeaseholdError(told, 'LOST')
      ? 'lost'
      : isLeaseholdError(told, 'TIMEOUT')
        ? 'timed-out'
        : 'stopped';
    return { outcome, error: thrown?.error ?? told, value };
  }
}

function stoppedBy(stop: AbortSignal, name: string): LeaseholdError {
  const cause: unknown = stop.reason;
  if (isLeaseholdError(cause, 'CLOSED')) return cause;
  return new LeaseholdError('ABORTED', `the run of ${name} was told to stop`, { cause });
}
