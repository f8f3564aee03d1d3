import { describe, expect, test } from 'vitest';
import type { Company, Fault, Line } from './history.ts';
import { fenceOf, history, hold, killed, rules } from './recorded.ts';

/** A hold of so many of four permits. */
function take(
  weight: number,
  ...[call, version, from, until, release]: [number, number, number, number, number?]
): Line[] {
  const permits: Company = { mode: 'permit', weight, limit: 4 };
  return hold(call, version, from, until, release, permits);
}

describe('permits', () => {
  const three = history('w0.1', take(3, 1, 10, 1_000, 3_000, 1_500));

  test('as many as there are may be held at the same time, of one process and of others', () => {
    const one = history('w1.1', take(1, 1, 11, 1_100, 3_000, 1_600));
    const all = history('w0.1', [
      ...take(2, 1, 10, 1_000, 3_000, 1_500),
      ...take(2, 2, 11, 1_100, 3_000, 1_500),
    ]);
    const later = history('w1.1', take(4, 1, 12, 1_501, 3_000, 1_600));
    expect(rules([three, one])).toEqual([]);
    expect(rules([all, later])).toEqual([]);
  });

  test('more are found, by one process as by others', () => {
    const two = history('w1.1', take(2, 1, 11, 1_499, 3_000, 1_600));
    const own = history(
      'w0.1',
      take(3, 1, 10, 1_000, 3_000, 1_500),
      take(2, 2, 11, 1_100, 3_000, 1_200),
    );
    expect(rules([three, two])).toEqual(['permits']);
    expect(rules([own])).toEqual(['permits']);
  });

  test('it is the sum at one moment that counts, not of all that overlap', () => {
    const others = history(
      'w1.1',
      take(1, 1, 11, 1_050, 3_000, 1_100),
      take(1, 2, 12, 1_150, 3_000, 1_200),
      take(1, 3, 14, 1_250, 3_000),
    );
    expect(rules([three, others])).toEqual([]);
    const more = history('w2.1', take(1, 1, 13, 1_160, 3_000, 1_170));
    expect(rules([three, others, more])).toEqual(['permits']);
  });

  test('one that is found to overlap only when all have ended is found, too', () => {
    const long = history('w0.1', take(2, 1, 10, 1_000, 3_000, 2_900));
    const short = history(
      'w1.1',
      take(2, 1, 11, 1_100, 3_000, 1_200),
      take(3, 2, 12, 1_300, 3_000, 1_400),
      take(2, 3, 13, 1_500, 3_000, 1_600),
    );
    expect(rules([long, short])).toEqual(['permits']);
  });

  test('those of a killed process are held until their validity has run out', () => {
    const dead = killed(history('w0.1', take(3, 1, 10, 1_000, 2_600)), 1_050, 'alone');
    const early = history('w1.1', take(2, 1, 11, 2_599, 4_000, 2_700));
    const late = history('w1.1', take(2, 1, 11, 2_601, 4_000, 2_700));
    expect(rules([dead, early])).toEqual(['permits']);
    expect(rules([dead, late])).toEqual([]);
  });

  test('those that were void when they were seen count when a renewal has made them good', () => {
    const void_ = take(3, 1, 10, 1_000, 900, 2_000);
    const two = history('w1.1', take(2, 1, 11, 1_500, 3_000, 1_600));
    expect(rules([history('w0.1', void_), two])).toEqual([]);
    void_.splice(2, 0, { type: 'still', at: 1_100, call: 1, until: 3_000 });
    expect(rules([history('w0.1', void_), two])).toEqual(['permits']);
  });

  describe('that were stolen', () => {
    const steal = (version: bigint, target = 'a'): Fault => ({
      ...{ kind: 'strike-holders', target, at: 1_050, until: 1_052 },
      version: { first: version, last: version },
    });
    const two = history('w1.1', take(2, 1, 20, 1_100, 3_000, 1_600));

    test('do not count beside those that were granted afterwards', () => {
      expect(rules([three, two], { faults: [steal(15n)] })).toEqual([]);
    });

    test('count where the steal was of another, or before, or after both', () => {
      expect(rules([three, two], { faults: [steal(15n, 'b')] })).toEqual(['permits']);
      expect(rules([three, two], { faults: [steal(9n)] })).toEqual(['permits']);
      expect(rules([three, two], { faults: [steal(25n)] })).toEqual(['permits']);
    });

    test('do not excuse too many of those that were granted afterwards', () => {
      const others = history('w2.1', take(3, 1, 21, 1_200, 3_000, 1_300));
      expect(rules([three, two, others], { faults: [steal(15n)] })).toEqual(['permits']);
    });

    test('count when their holder goes on for ever', () => {
      const stubborn = take(3, 1, 10, 1_000, 3_000, 60_000);
      stubborn.splice(2, 0, { type: 'still', at: 3_000, call: 1, until: 60_000 });
      const found = rules([history('w0.1', stubborn), two], { faults: [steal(15n)] });
      expect(found).toEqual(['permits']);
    });
  });
});

describe('fencing tokens of permits', () => {
  const first = history('w0.1', take(1, 1, 10, 1_000, 3_000, 1_200));

  test('must be higher than all that were held when they were asked for', () => {
    const higher = history('w1.1', take(1, 1, 11, 1_100, 3_000, 1_200));
    const same = history('w1.1', take(1, 1, 10, 1_100, 3_000, 1_200));
    const lower = history('w1.1', take(1, 1, 9, 1_300, 3_000, 1_400));
    expect(rules([first, higher])).toEqual([]);
    expect(rules([first, same])).toEqual(['fence']);
    expect(rules([first, lower])).toEqual(['fence']);
  });

  test('may be the same, or lower, of those that were asked for together', () => {
    const beside: Company = { mode: 'permit', weight: 1, limit: 4 };
    const asked = (version: number): Line[] => [
      { type: 'wait', at: 900, call: 1, lock: 'a', how: 'patient', beside },
      {
        type: 'held',
        at: 1_010,
        call: 1,
        lock: 'a',
        until: 3_000,
        fence: fenceOf(version),
        beside,
      },
      { type: 'release', at: 1_020, call: 1 },
    ];
    expect(rules([first, history('w1.1', asked(10))])).toEqual([]);
    expect(rules([first, history('w1.1', asked(9))])).toEqual([]);
  });
});
