import os from 'node:os';
import { syncBuiltinESMExports } from 'node:module';

/** What is wrong with the clocks of a worker's machine. */
export interface ClockSettings {
  /** How fast they run: 1.02 gains 20 ms a second. */
  readonly rate: number;
  /** What the wall clock is ahead, in milliseconds. */
  readonly offset: number;
}

/**
 * Gives this process the clocks of another machine: all that the library reads runs at another rate,
 * as of another oscillator, and the wall clock says another time. `process.hrtime` stays true, for the
 * history. (A preloaded libfaketime can do one of the two only, and takes the true clock away.)
 */
export class WorkerClock {
  readonly #rate: number;
  readonly #setTimeout = globalThis.setTimeout;
  #offset: number;

  constructor({ rate, offset }: ClockSettings) {
    this.#rate = rate;
    this.#offset = offset;
    this.#shiftDate();
    this.#scaleTimers();
  }

  /** True milliseconds that pass while this clock counts so many. */
  trueLength(milliseconds: number): number {
    return milliseconds / this.#rate;
  }

  /** Steps the wall clock, as an administrator or NTP would. */
  jump(milliseconds: number): void {
    this.#offset += milliseconds;
  }

  #shiftDate(): void {
    const TrueDate = Date;
    const beginning = TrueDate.now();
    const wall = (): number => beginning + (TrueDate.now() - beginning) * this.#rate + this.#offset;
    globalThis.Date = class extends TrueDate {
      constructor(...words: [] | [number | string | Date]) {
        super(words[0] ?? wall());
      }

      static override now(): number {
        return wall();
      }
    } as DateConstructor;
  }

  #scaleTimers(): void {
    const now = performance.now.bind(performance);
    const { uptime } = os;
    Object.defineProperty(performance, 'now', { value: () => now() * this.#rate });
    os.uptime = () => uptime() * this.#rate;
    syncBuiltinESMExports();
    const slow = (task: () => void, delay = 0): NodeJS.Timeout =>
      this.#setTimeout(task, delay / this.#rate);
    globalThis.setTimeout = Object.assign(slow, this.#setTimeout);
  }
}
