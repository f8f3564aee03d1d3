import { uptime } from 'node:os';
import type { Clock } from '../core/clock.ts';
import { LONGEST_MS } from '../core/duration.ts';

/** The wall clock may drift from the monotonic one by adjustment; more is a step, or a suspend. */
const SKEW_MS = 500;

/**
 * The machine's clocks. The monotonic clock of Linux stands still while the machine is suspended,
 * the uptime does not: what it has gained on the monotonic clock is added. It is read only when
 * the wall clock has jumped as well, as it does after a suspend; a mere step of the wall clock then
 * changes nothing.
 */
export function systemClock(): Clock {
  let suspended = 0;
  let skew = Date.now() - performance.now();
  let uptimeSkew = uptime() * 1_000 - performance.now();
  return {
    now() {
      const monotonic = performance.now();
      const seen = Date.now() - monotonic;
      if (Math.abs(seen - skew) > SKEW_MS) {
        skew = seen;
        const gained = uptime() * 1_000 - monotonic - uptimeSkew;
        if (gained > SKEW_MS) {
          suspended += gained;
          uptimeSkew += gained;
        }
      }
      return monotonic + suspended;
    },
    // Steps with the wall clock; the monotonic fraction tells two moments of one millisecond apart.
    wall: () => Date.now() + (performance.now() % 1),
    schedule(delay, task) {
      let timer: NodeJS.Timeout;
      const wait = (left: number): void => {
        // Node takes a longer delay for one millisecond.
        timer =
          left > LONGEST_MS
            ? setTimeout(() => wait(left - LONGEST_MS), LONGEST_MS)
            : // What is left until a moment that has just passed: Node would warn of it.
              setTimeout(task, Math.max(0, left));
      };
      wait(delay);
      return () => clearTimeout(timer);
    },
  };
}
