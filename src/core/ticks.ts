import { Cron } from 'croner';
import { LeaseholdError } from './errors.ts';

/** The moments at which something is due: milliseconds since the epoch, the same for all processes. */
export interface Ticks {
  /** The first after this moment; undefined when there is none any more. */
  next(after: number): number | undefined;
  /** The last that is not after this moment. */
  latest(at: number): number | undefined;
}

/** When something is due: one of the two. */
export interface Timing {
  /** Milliseconds. */
  readonly every: number | undefined;
  readonly cron: string | undefined;
  /** Of the cron expression, as IANA calls it. */
  readonly timeZone: string | undefined;
}

/** @throws LeaseholdError `INVALID_ARGUMENT` for what is no cron expression or no time zone */
export function ticksOf({ every, cron = '', timeZone = 'UTC' }: Timing): Ticks {
  return every === undefined ? cronTicks(cron, timeZone) : intervalTicks(every);
}

/** Multiples of the interval since the epoch, so that nobody has to know when it began. */
function intervalTicks(every: number): Ticks {
  return {
    next: (after) => (Math.floor(after / every) + 1) * every,
    latest: (at) => Math.floor(at / every) * every,
  };
}

function cronTicks(expression: string, timeZone: string): Ticks {
  const cron = parse(expression, checkedZone(timeZone));
  const ticks = {
    next: (after: number) => cron.nextRun(new Date(after))?.getTime(),
    latest: (at: number) => {
      // The parser looks before a whole second, and not at it.
      const reference = (Math.floor(at / 1_000) + 1) * 1_000;
      return cron.previousRuns(1, new Date(reference))[0]?.getTime();
    },
  };
  return ticks;
}

function parse(expression: string, timeZone: string): Cron {
  try {
    // Without a function it is a parser only, which starts nothing.
    return new Cron(expression, { timezone: timeZone, mode: '5-or-6-parts' });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LeaseholdError(
      'INVALID_ARGUMENT',
      `cron is ${JSON.stringify(expression)} (${why}): give minute, hour, day of the month, month and day of the week, such as '0 3 * * *', or a second before these`,
      { cause },
    );
  }
}

function checkedZone(timeZone: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone;
  } catch (cause) {
    throw new LeaseholdError(
      'INVALID_ARGUMENT',
      `timeZone is ${JSON.stringify(timeZone)}: give a name of the IANA time zone database, such as 'UTC' or 'Europe/Berlin'`,
      { cause },
    );
  }
}
