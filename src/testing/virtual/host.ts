import type { Clock } from '../../core/clock.ts';
import type { VirtualTime } from './time.ts';

/** Milliseconds since the epoch at which virtual time begins. */
const EPOCH = Date.UTC(2026, 0, 1);

/** The machine below one simulated process: it may be stopped, killed or cut off. */
export class Host implements Clock {
  readonly #time: VirtualTime;
  /** Where each timer that is set comes from. */
  readonly #timers = new Set<{ source: Error | undefined }>();
  #state: 'running' | 'paused' | 'crashed' = 'running';
  #deferred: (() => void)[] = [];
  /** How far its wall clock is off. */
  skew = 0;
  /** No packet reaches it or leaves it. */
  cut = false;

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
    return this.#time.now;
  }

  wall(): number {
    return wallOf(this.#time) + this.skew;
  }

  schedule(delay: number, task: () => void): () => void {
    const timer = { source: Host.tracing ? new Error('set here') : undefined };
    this.#timers.add(timer);
    const cancel = this.#time.schedule(delay, () => {
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
    else task();
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
}

export function wallOf(time: VirtualTime): number {
  return EPOCH + time.now;
}
