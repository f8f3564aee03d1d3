import type { Clock } from '../core/clock.ts';
import { Bell } from './bell.ts';

/** Twice as long each time, so for a minute in all. */
const FIRST_RETRY_MS = 125;
const MOST_TRIES = 8;

/** What is to be looked into: each key once however often it is added, and again later if that failed. */
export class Backlog<Value> {
  readonly #clock: Clock;
  readonly #mostTries: number;
  readonly #pending = new Map<string, Value>();
  /** How often it was tried in vain. */
  readonly #tries = new Map<string, number>();
  readonly #timers = new Map<string, { readonly at: number; readonly stop: () => void }>();
  readonly #bell = new Bell();

  /** @param mostTries - after which one that fails is given up */
  constructor(clock: Clock, mostTries = MOST_TRIES) {
    this.#clock = clock;
    this.#mostTries = mostTries;
  }

  add(key: string, value: Value): void {
    this.#pending.set(key, value);
    this.#bell.ring();
  }

  /**
   * Works off what is added until the signal aborts. What belongs to one lane is worked off together, and one
   * batch after the other; no lane waits for another.
   */
  async run(
    signal: AbortSignal,
    laneOf: (value: Value) => string,
    work: (values: readonly Value[]) => Promise<void>,
  ): Promise<void> {
    const lanes = new Map<string, Map<string, Value>>();
    const runLane = async (name: string, waiting: Map<string, Value>): Promise<void> => {
      while (waiting.size > 0 && !signal.aborted) {
        const values = [...waiting.values()];
        waiting.clear();
        await work(values);
      }
      lanes.delete(name);
    };
    const running = new Set<Promise<void>>();
    while (!signal.aborted) {
      const idle = new Map<string, Map<string, Value>>();
      for (const [key, value] of await this.#take(signal)) {
        const name = laneOf(value);
        const lane = lanes.get(name) ?? new Map<string, Value>();
        if (!lanes.has(name)) idle.set(name, lane);
        lanes.set(name, lane.set(key, value));
      }
      for (const [name, lane] of idle) {
        const lasts = runLane(name, lane).finally(() => running.delete(lasts));
        running.add(lasts);
      }
    }
    await Promise.all(running);
  }

  /** All that there is, as soon as there is something; nothing when the signal aborts. */
  async #take(signal: AbortSignal): Promise<Map<string, Value>> {
    while (this.#pending.size === 0 && !signal.aborted) await this.#bell.sleep(signal);
    const taken = new Map(this.#pending);
    this.#pending.clear();
    return taken;
  }

  done(key: string): void {
    this.#tries.delete(key);
  }

  /** Others need not wait for one that fails; past a few tries it is given up. */
  retry(key: string, value: Value, signal: AbortSignal): void {
    const tries = (this.#tries.get(key) ?? 0) + 1;
    if (tries > this.#mostTries) {
      this.#tries.delete(key);
      return;
    }
    this.#tries.set(key, tries);
    this.addLater(key, value, FIRST_RETRY_MS * 2 ** Math.min(tries, MOST_TRIES), signal);
  }

  /** Adds it after so many milliseconds, unless it is to be added sooner anyway. */
  addLater(key: string, value: Value, delay: number, signal: AbortSignal): void {
    const at = this.#clock.now() + delay;
    const planned = this.#timers.get(key);
    if (planned && planned.at <= at) return;
    planned?.stop();
    const stop = (): void => {
      signal.removeEventListener('abort', stop);
      this.#timers.delete(key);
      cancel();
    };
    const cancel = this.#clock.schedule(delay, () => {
      stop();
      // What was added meanwhile is newer.
      if (!this.#pending.has(key)) this.add(key, value);
    });
    this.#timers.set(key, { at, stop });
    signal.addEventListener('abort', stop, { once: true });
  }
}
