import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ticksOf } from '../../src/core/ticks.ts';
import type { Ticks } from '../../src/core/ticks.ts';

const cron = (expression: string, timeZone = 'Europe/Berlin'): Ticks =>
  ticksOf({ every: undefined, cron: expression, timeZone });
const every = (interval: number): Ticks =>
  ticksOf({ every: interval, cron: undefined, timeZone: undefined });

/** All that are later than the first moment, up to the last. */
function between(ticks: Ticks, from: string, to: string): string[] {
  const found: string[] = [];
  let next = ticks.next(Date.parse(from));
  while (next !== undefined && next <= Date.parse(to)) {
    found.push(new Date(next).toISOString().slice(0, 16));
    next = ticks.next(next);
  }
  return found;
}

describe('ticks at an interval', () => {
  it('are its multiples since 1970, whenever one looks', () => {
    const hours = every(3_600_000);
    const at = Date.parse('2026-11-21T09:30:00Z');
    expect(hours.next(at)).toBe(Date.parse('2026-11-21T10:00:00Z'));
    expect(hours.latest(at)).toBe(Date.parse('2026-11-21T09:00:00Z'));
    expect(hours.latest(Date.parse('2026-11-21T10:00:00Z'))).toBe(
      Date.parse('2026-11-21T10:00:00Z'),
    );
  });
});

describe('ticks of a cron expression', () => {
  it('are in its time zone, and follow it through the year', () => {
    expect(between(cron('0 3 * * *'), '2026-03-27T12:00Z', '2026-03-30T12:00Z')).toEqual([
      '2026-03-28T02:00',
      '2026-03-29T01:00',
      '2026-03-30T01:00',
    ]);
  });

  it('come once on the day on which their time of day is left out, at the end of the gap', () => {
    expect(between(cron('30 2 * * *'), '2026-03-28T12:00Z', '2026-03-30T12:00Z')).toEqual([
      '2026-03-29T01:00',
      '2026-03-30T00:30',
    ]);
  });

  it('come once on the day on which their time of day comes twice, and then the first time', () => {
    expect(between(cron('30 2 * * *'), '2026-10-24T12:00Z', '2026-10-26T12:00Z')).toEqual([
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ]);
  });

  it('go on at their interval through both', () => {
    const half = cron('*/30 * * * *');
    expect(between(half, '2026-10-25T00:00Z', '2026-10-25T02:00Z')).toHaveLength(4);
    expect(between(half, '2026-03-29T00:00Z', '2026-03-29T02:00Z')).toHaveLength(4);
  });

  it('have seconds if there are six fields, names of days, and UTC by default', () => {
    const plain = ticksOf({ every: undefined, cron: '15 0 9 * * MON', timeZone: undefined });
    expect(plain.next(Date.parse('2026-11-21T00:00:00Z'))).toBe(Date.parse('2026-11-23T09:00:15Z'));
  });

  const AROUND_CHANGES = [
    ['Europe/Berlin', '2026-03-28T22:00Z'],
    ['Europe/Berlin', '2026-10-24T22:00Z'],
    ['America/New_York', '2026-11-01T03:00Z'],
    ['Australia/Lord_Howe', '2026-04-04T12:00Z'],
    ['America/Havana', '2026-03-08T02:00Z'],
  ] as const;

  it('are the same for all, whenever each looked last', () => {
    const expression = fc.constantFrom(
      '30 2 * * *',
      '0 2 * * *',
      '*/30 * * * *',
      '15 1-3 * * *',
      '30 2,3 * * *',
      '0 */2 * * *',
      '0 0 * * *',
      '59 23 * * SUN',
    );
    const place = fc.constantFrom(...AROUND_CHANGES);
    fc.assert(
      fc.property(expression, place, fc.nat(8 * 3_600_000), (pattern, [zone, begin], offset) => {
        const ticks = cron(pattern, zone);
        const all: number[] = [];
        const start = Date.parse(begin);
        const last = start + 9 * 86_400_000;
        for (
          let next = ticks.next(start - 9 * 86_400_000);
          next !== undefined && next < last;
          next = ticks.next(next)
        ) {
          all.push(next);
        }
        const at = start + offset;
        expect(ticks.next(at)).toBe(all.find((tick) => tick > at));
        expect(ticks.latest(at)).toBe(all.findLast((tick) => tick <= at));
      }),
      { numRuns: 60 },
    );
  });
});
