/** What was waited for did not come true. */
export class NotInTime extends Error {
  override readonly name = 'NotInTime';
  /** What should have come true. */
  readonly what: string;

  constructor(what: string, most: number) {
    super(`${what}: not so within ${String(most)} ms of virtual time`);
    this.what = what;
  }
}

/** Time that moves only when told to, and only when nothing is left to do at the present moment. */
export class VirtualTime {
  readonly #timers = new TimerHeap();
  readonly #afterStep: (() => void)[] = [];
  readonly #drain: () => Promise<void>;
  #now = 1_000_000;
  #sequence = 0;
  #stepsAtOnce = 0;

  /** @param drain - lets everything run that is ready: by default also what needs the event loop */
  constructor(drain = byEventLoop) {
    this.#drain = drain;
  }

  get now(): number {
    return this.#now;
  }

  /** Calls `task` once after `delay` milliseconds, unless the returned function is called first. */
  schedule(delay: number, task: () => void): () => void {
    this.#sequence += 1;
    const timer: Timer = { at: this.#now + Math.max(0, delay), order: this.#sequence, task };
    this.#timers.push(timer);
    return () => (timer.task = undefined);
  }

  /** Calls `check` after every step. What it throws ends the run. */
  afterStep(check: () => void): void {
    this.#afterStep.push(check);
  }

  async advance(delay: number): Promise<void> {
    const until = this.#now + delay;
    await this.#drain();
    while (await this.#step(until));
    this.#now = Math.max(this.#now, until);
  }

  /** Moves on until `holds`; fails when it does not within `most` milliseconds. */
  async runUntil(holds: () => boolean, most: number, what = 'condition'): Promise<void> {
    const until = this.#now + most;
    await this.#drain();
    while (!holds()) {
      if (!(await this.#step(until))) {
        throw new NotInTime(what, most);
      }
    }
  }

  /** Moves on until the promise is settled. */
  async settled<T>(promise: Promise<T>, most = 600_000): Promise<T> {
    let over = false;
    const finish = (): void => void (over = true);
    promise.then(finish, finish);
    await this.runUntil(() => over, most, 'promise settled');
    return promise;
  }

  async #step(until: number): Promise<boolean> {
    const timer = this.#timers.pop(until);
    if (!timer) return false;
    this.#stepsAtOnce = timer.at > this.#now ? 0 : this.#stepsAtOnce + 1;
    if (this.#stepsAtOnce > 20_000) throw new Error('virtual time stands still: an endless loop');
    this.#now = timer.at;
    timer.task?.();
    await this.#drain();
    for (const check of this.#afterStep) check();
    return true;
  }
}

/** The microtasks are done before an immediate is called. */
function byEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface Timer {
  readonly at: number;
  readonly order: number;
  task: (() => void) | undefined;
}

/** A binary heap, earliest first, in the order of scheduling at the same moment. */
class TimerHeap {
  readonly #heap: Timer[] = [];

  push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(timer);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (!above || !before(timer, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = timer;
  }

  /** The first timer that was not cancelled, if it is due by `until`. */
  pop(until: number): Timer | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (!first || (first.task && first.at > until)) return undefined;
      this.#removeFirst();
      if (first.task) return first;
    }
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const left = heap[child];
      if (!left) break;
      const right = heap[child + 1];
      if (right && before(right, left)) child += 1;
      const least = heap[child];
      if (!least || !before(least, last)) break;
      heap[index] = least;
      index = child;
    }
    heap[index] = last;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at;
}
