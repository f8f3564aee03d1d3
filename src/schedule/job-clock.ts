import type { Clock } from '../core/clock.ts';

/** The server's clock comes in whole seconds; and those of API servers differ a little. */
const TOLERANCE_MS = 2_000;
const WHOLE_SECOND_MS = 1_000;

/**
 * What time it is for schedules: that of this machine, as long as the API server's clock agrees within two
 * seconds, and else that of the API server. So a process whose clock is wrong by an hour neither runs what is
 * not due for an hour, nor keeps others from running what is.
 */
export class JobClock {
  readonly #clock: Clock;
  #offset = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#clock.wall() + this.#offset;
  }

  /**
   * An answer has told what time it was on the server between two moments of this machine.
   *
   * @param sentAt - and until now: milliseconds since the epoch, by this machine's own clock
   */
  learn(serverTime: number | undefined, sentAt: number): void {
    if (serverTime === undefined) return;
    const ahead = serverTime - this.#clock.wall();
    const behind = serverTime + WHOLE_SECOND_MS - sentAt;
    // As little as the answer leaves open: it may have been on its way for long.
    this.#offset = ahead > TOLERANCE_MS ? ahead : behind < -TOLERANCE_MS ? behind : 0;
  }
}
