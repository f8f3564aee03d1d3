import type { Clock } from '../../core/clock.ts';
import type { VirtualTime } from './time.ts';

/** Milliseconds since the epoch at which virtual time begins. */
const EPOCH = Date.UTC(2026, 0, 1);

const ROUNDING_MS = 1e-6;

/** The machine below one simulated process: it may be stopped, killed or cut off. */
export class Host implements Clock {
  readonly #time: VirtualTime;
  /** Where each timer that is set comes from. */
  readonly #timers = new Set<{ source: Error | undefined }>();
  #state: 'running' | 'paused' | 'crashed' = 'running';
  #deferred: (() => void)[] = [];
  /** Until when what runs now keeps it busy. */
  #busyUntil = 0;
  /** Whether somebody only looks at it. */
  #watched = false;
  /** How far its wall clock is off. */
  skew = 0;
  /** How fast its clocks run: 1.1 gains six seconds a minute. */
  rate = 1;
  /** No packet reaches it or leaves it. */
  cut = false;
  /** Asked whenever the process looks at its clock or sends: milliseconds that it stands still there. */
  hesitation: (() => number) | undefined;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  get state(): 'running' | 'paused' | 'crashed' {
    return this.#state;
  }

  /** Timers that are set and have not fired. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Where the timers that are left were set, for the message of a failure. */
  get timerSources(): string {
    return [...this.#timers].map(({ source }) => source?.stack ?? '').join('\n');
  }

  /** Whether the sources of timers are recorded, which is slow. */
  static tracing = false;

  now(): number {
    this.hesitate();
    return this.localOf(this.reached);
  }

  wall(): number {
    return EPOCH + this.localOf(this.reached) + this.skew;
  }

  /** What its monotonic clock shows at this moment of true time. */
  localOf(moment: number): number {
    return moment * this.rate;
  }

  /** The moment of true time at which what runs now has arrived: later than now after a stall. */
  get reached(): number {
    return this.#watched ? this.#time.now : Math.max(this.#time.now, this.#busyUntil);
  }

  /** Whether it would react to something at once. */
  get awake(): boolean {
    return this.#state === 'running' && this.#busyUntil <= this.#time.now;
  }

  /** Asks the process something in passing: as of now, even if it stands still. */
  peek<T>(ask: () => T): T {
    this.#watched = true;
    try {
      return ask();
    } finally {
      this.#watched = false;
    }
  }

  /**
   * The process stands still for so long, in the midst of what it does: that goes on with a later clock,
   * what it sends leaves later, and all else waits.
   */
  stall(duration: number): void {
    this.#busyUntil = this.reached + duration;
  }

  /** Here the process may stand still. */
  hesitate(): void {
    if (this.#watched || !this.hesitation) return;
    const duration = this.hesitation();
    if (duration > 0) this.stall(duration);
  }

  schedule(delay: number, task: () => void): () => void {
    const timer = { source: Host.tracing ? new Error('set here') : undefined };
    this.#timers.add(timer);
    const cancel = this.#time.schedule(this.#trueDelay(delay), () => {
      this.run(() => {
        if (this.#timers.delete(timer)) task();
      });
    });
    return () => {
      this.#timers.delete(timer);
      cancel();
    };
  }

  /** Lets the process do something: now, when it goes on, or never. */
  run(task: () => void): void {
    if (this.#state === 'crashed') return;
    if (this.#state === 'paused') this.#deferred.push(task);
    else if (this.#busyUntil <= this.#time.now) task();
    else this.#time.schedule(this.#busyUntil - this.#time.now, () => this.run(task));
  }

  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    for (const task of this.#deferred) this.#time.schedule(0, () => this.run(task));
    this.#deferred = [];
  }

  crash(): void {
    this.#state = 'crashed';
    this.#timers.clear();
  }

  #trueDelay(delay: number): number {
    const late = this.reached - this.#time.now;
    // A timer never fires before its time by the clock of its process.
    return this.rate === 1 ? late + delay : late + Math.max(0, delay) / this.rate + ROUNDING_MS;
  }
}

export function wallOf(time: VirtualTime): number {
  return EPOCH + time.now;
}
