import { describe, expect, it } from 'vitest';
import { isLeaseholdError } from '../../src/core/errors.ts';
import { planOf } from '../../src/schedule/options.ts';
import type { OnceOptions } from '../../src/schedule/options.ts';

const NOW = Date.UTC(2026, 10, 21);
const plan = (options: OnceOptions) => planOf('job', options, NOW).plan;

function refusal(options: object): string {
  try {
    planOf('job', options as OnceOptions, NOW);
  } catch (error) {
    if (isLeaseholdError(error, 'INVALID_ARGUMENT')) return error.message;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('the options of a job', () => {
  it('say when it is due and for how long it may run', () => {
    expect(plan({ every: '10m', atMost: '5m', atLeast: '30s' })).toEqual({
      every: 600_000,
      cron: undefined,
      timeZone: undefined,
      atMost: 300_000,
      atLeast: 30_000,
      catchUp: 'skip',
    });
    const nightly = { cron: '0 3 * * *', timeZone: 'Europe/Berlin', atMost: '10m' } as const;
    expect(plan({ ...nightly, catchUp: 'last' })).toMatchObject({ ...nightly, atMost: 600_000 });
  });

  it.each<[string, object, RegExp]>([
    ['neither every nor cron', { atMost: '1m' }, /one of them/],
    ['both', { every: '1m', cron: '* * * * *', atMost: '1m' }, /one of them/],
    ['a time zone without cron', { every: '1m', timeZone: 'UTC', atMost: '1m' }, /goes with cron/],
    ['a cron expression of four fields', { cron: '0 3 * *', atMost: '1m' }, /minute, hour/],
    ['one out of range', { cron: '61 * * * *', atMost: '1m' }, /minute, hour/],
    ['one that never comes', { cron: '0 0 30 2 *', atMost: '1m' }, /never comes/],
    [
      'a time zone that there is not',
      { cron: '0 3 * * *', timeZone: 'Mars/Olympus', atMost: '1m' },
      /IANA/,
    ],
    ['no atMost', { every: '1m' }, /atMost/],
    ['an atMost of nothing', { every: '1m', atMost: 0 }, /atMost is from 1s/],
    ['an atMost of months', { every: '1m', atMost: '500h' }, /168h/],
    ['an interval below a second', { every: 10, atMost: '1m' }, /every is from 1s/],
    ['an atLeast of an interval', { every: '1m', atMost: '1m', atLeast: '60s' }, /60000 ms apart/],
    [
      'an atLeast longer than the shortest time between ticks',
      { cron: '0 9,10 * * *', atMost: '1m', atLeast: '2h' },
      /3600000 ms apart/,
    ],
    ['another way to catch up', { every: '1m', atMost: '1m', catchUp: 'all' }, /catchUp/],
  ])('are refused: %s', (_, options, message) => {
    expect(refusal(options)).toMatch(message);
  });
});
