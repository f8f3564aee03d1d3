import { milliseconds } from '../core/duration.ts';
import type { Duration } from '../core/duration.ts';
import { LeaseholdError } from '../core/errors.ts';
import type { CatchUp, Plan } from '../core/schedule.ts';
import { ticksOf } from '../core/ticks.ts';
import type { Ticks } from '../core/ticks.ts';

/** When a job runs, and for how long: `every` or `cron`, one of them. */
export interface OnceOptions {
  /**
   * The interval, from 1 s: the job is due at its multiples since 1970 in UTC, so `'1h'` is at each full
   * hour.
   */
  readonly every?: Duration;
  /** Minute, hour, day of the month, month, day of the week; or a second before these. */
  readonly cron?: string;
  /** Of `cron`, as IANA calls it, such as `'Europe/Berlin'`; UTC by default. */
  readonly timeZone?: string;
  /** The longest that a run may last: from 1 s to 168 h. Then its `signal` aborts. */
  readonly atMost: Duration;
  /**
   * For so long after a run began no other does; 0 by default. Shorter than the time between ticks.
   */
  readonly atLeast?: Duration;
  /**
   * What becomes of ticks at which nobody could run: `'skip'` (by default) leaves them out, `'last'` runs
   * the last of them as soon as somebody can.
   */
  readonly catchUp?: CatchUp;
}

const SHORTEST_MS = 1_000;
const LONGEST_RUN_MS = 168 * 3_600_000;
/** Ticks of a cron expression need not be evenly spaced; so many of them are looked at. */
const SAMPLE = 20;

/**
 * @param now - milliseconds since the epoch
 * @throws LeaseholdError `INVALID_ARGUMENT`
 */
export function planOf(
  name: string,
  options: OnceOptions,
  now: number,
): { plan: Plan; ticks: Ticks } {
  const { cron, timeZone, catchUp = 'skip' } = options;
  const refuse = (why: string): never => {
    throw new LeaseholdError('INVALID_ARGUMENT', `job ${name}: ${why}`);
  };
  if ((options.every === undefined) === (cron === undefined)) {
    refuse('say when it is due, by every or by cron: one of them');
  }
  if (timeZone !== undefined && cron === undefined) {
    refuse('timeZone goes with cron: every counts from 1970 in UTC');
  }
  // What comes from a program without types.
  if (!['skip', 'last'].includes(catchUp)) refuse(`catchUp is 'skip' or 'last'`);
  const every = options.every === undefined ? undefined : milliseconds(options.every, 'every');
  if (every !== undefined && (every < SHORTEST_MS || !Number.isInteger(every))) {
    refuse('every is from 1s on, without parts of a millisecond');
  }
  const atMost = Math.ceil(milliseconds(options.atMost, 'atMost'));
  if (atMost < SHORTEST_MS || atMost > LONGEST_RUN_MS) refuse('atMost is from 1s to 168h');
  const atLeast = Math.ceil(milliseconds(options.atLeast ?? 0, 'atLeast'));
  const plan = { every, cron, timeZone, atMost, atLeast, catchUp };
  const ticks = ticksOf(plan);
  const shortest = shortestGap(ticks, now);
  if (shortest === undefined) refuse(`the moment of cron ${JSON.stringify(cron)} never comes`);
  else if (atLeast >= shortest) {
    refuse(
      `atLeast is ${String(atLeast)} ms, and there are ticks ${String(shortest)} ms apart: give a shorter one, or ticks would be left out`,
    );
  }
  return { plan, ticks };
}

/** Undefined when there are no ticks; of a single one it has no end. */
function shortestGap(ticks: Ticks, now: number): number | undefined {
  let last = ticks.next(now);
  let shortest = last === undefined ? undefined : Infinity;
  for (let count = 1; count < SAMPLE && last !== undefined; count += 1) {
    const next = ticks.next(last);
    if (next !== undefined) shortest = Math.min(shortest ?? Infinity, next - last);
    last = next;
  }
  return shortest;
}
