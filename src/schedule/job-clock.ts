import type { Clock } from '../core/clock.ts';

/** The server's clock comes in whole seconds; and those of API servers differ a little. */
const TOLERANCE_MS = 2_000;
const WHOLE_SECOND_MS = 1_000;

/**
 * What time it is for schedules: that of this machine, as long as the API server's clock agrees within two
 * seconds, and else that of the API server. So a process whose clock is wrong by an hour neither runs what is
 * not due for an hour, nor keeps others from running what is; nor does it when its clock is set meanwhile.
 */
export class JobClock {
  readonly #clock: Clock;
  #offset = 0;
  /** By how much the wall clock was ahead of the monotonic one when the server was last heard. */
  #lead: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds since the epoch. */
  now(): number {
    const wall = this.#clock.wall();
    const lead = wall - this.#clock.now();
    const step = lead - (this.#lead ?? lead);
    return wall + this.#offset - (Math.abs(step) > TOLERANCE_MS ? step : 0);
  }

  /**
   * An answer has told what time it was on the server between two moments of this machine.
   *
   * @param sentAt - and until now, on the monotonic clock
   */
  learn(serverTime: number | undefined, sentAt: number): void {
    if (serverTime === undefined) return;
    const before = this.#clock.now();
    const wall = this.#clock.wall();
    const now = this.#clock.now();
    // It stood still between these lines: nothing can be told from them.
    if (now - before > TOLERANCE_MS) return;
    const ahead = serverTime - wall;
    const behind = serverTime + WHOLE_SECOND_MS - (wall - (now - sentAt));
    // As little as the answer leaves open: it may have been on its way for long.
    this.#offset = ahead > TOLERANCE_MS ? ahead : behind < -TOLERANCE_MS ? behind : 0;
    this.#lead = wall - now;
  }
}
