import { LeaseholdError } from './errors.ts';

/** A number of milliseconds, or a string such as `'500ms'`, `'30s'`, `'5m'`, `'2h'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h'}` | (string & {});

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** The longest delay that a timer of Node can wait for: about 24.8 days. */
export const LONGEST_MS = 2_147_483_647;

/**
 * Milliseconds of a duration.
 *
 * @param what - the option's name, for the message
 * @throws LeaseholdError `INVALID_ARGUMENT` when it is negative, not finite, longer than 24 days,
 * or not in one of the forms of {@link Duration}
 */
export function milliseconds(duration: Duration, what: string): number {
  const value = typeof duration === 'number' ? duration : parse(duration);
  if (value === undefined || !Number.isFinite(value) || value < 0 || value > LONGEST_MS) {
    throw new LeaseholdError(
      'INVALID_ARGUMENT',
      `${what} is ${JSON.stringify(duration)}: give milliseconds as a number from 0 to ${String(LONGEST_MS)}, or a string such as '500ms', '30s', '5m' or '2h'`,
    );
  }
  return value;
}

/**
 * Whole seconds of a time to live: a Lease holds nothing finer.
 *
 * @throws LeaseholdError `INVALID_ARGUMENT` when it is not whole seconds, less than 2 or more than
 * an hour
 */
export function ttlSeconds(duration: Duration, what: string): number {
  const seconds = milliseconds(duration, what) / 1_000;
  if (!Number.isInteger(seconds) || seconds < 2 || seconds > 3_600) {
    throw new LeaseholdError(
      'INVALID_ARGUMENT',
      `${what} is ${JSON.stringify(duration)}: a Lease holds whole seconds, so give 2s to 3600s without a fraction`,
    );
  }
  return seconds;
}

function parse(text: unknown): number | undefined {
  const match = typeof text === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) : null;
  if (!match) return undefined;
  return Number(match[1]) * (UNITS[match[2] ?? ''] ?? Number.NaN);
}
