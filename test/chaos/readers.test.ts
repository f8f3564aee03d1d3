import { describe, expect, test } from 'vitest';
import type { Company, Fault, Line } from './history.ts';
import { fenceOf, history, hold, killed, read, rules } from './recorded.ts';
import type { Recorded } from './recorded.ts';

const beside: Company = { mode: 'shared' };

type Times = [call: number, version: number, from: number, until: number, release?: number];

function reading(...[call, version, from, until, release]: Times): Line[] {
  return hold(call, version, from, until, release, beside);
}

/** A write that ends with the call of `downgrade`, and what comes of it. */
function downgrade(calledAt: number, fence: string | undefined, readFrom: number): Line[] {
  return [
    { type: 'release', at: calledAt, call: 1 },
    { type: 'wait', at: calledAt, call: 2, lock: 'a', how: 'downgrade', beside },
    fence === undefined
      ? { type: 'unheld', at: readFrom, call: 2, outcome: 'LOST' }
      : { type: 'held', at: readFrom, call: 2, lock: 'a', until: 3_000, fence, beside },
    ...(fence === undefined ? [] : [{ type: 'release', at: readFrom + 100, call: 2 } as const]),
  ];
}

describe('readers', () => {
  const first = history('w0.1', reading(1, 10, 1_000, 3_000, 1_500));

  test('may be beside each other', () => {
    const others = history(
      'w1.1',
      reading(1, 11, 1_100, 3_000, 1_200),
      reading(2, 11, 1_150, 3_000, 1_200),
    );
    expect(rules([first, others])).toEqual([]);
  });

  test('never beside a writer, whoever came first', () => {
    const late = history('w1.1', hold(1, 11, 1_499, 3_000, 1_600));
    const early = history('w1.1', hold(1, 9, 900, 3_000, 1_001));
    const between = history('w1.1', hold(1, 11, 1_501, 3_000, 1_600));
    expect(rules([first, late])).toEqual(['exclusion']);
    expect(rules([early, first])).toEqual(['exclusion']);
    expect(rules([first, between])).toEqual([]);
  });

  test('each of several counts, also of the own process', () => {
    const other = history('w1.1', reading(1, 11, 1_100, 3_000, 1_200));
    const own = history(
      'w0.1',
      reading(1, 10, 1_000, 3_000, 1_500),
      hold(2, 12, 1_110, 3_000, 1_120),
    );
    expect(rules([own, other])).toEqual(['exclusion', 'exclusion']);
  });

  test('that were killed read until their validity has run out', () => {
    const dead = killed(history('w0.1', reading(1, 10, 1_000, 2_600)), 1_050, 'alone');
    const early = history('w1.1', hold(1, 11, 2_599, 4_000, 2_700));
    const late = history('w1.1', hold(1, 11, 2_601, 4_000, 2_700));
    const reader = history('w1.1', reading(1, 11, 1_100, 4_000, 1_200));
    expect(rules([dead, early])).toEqual(['exclusion']);
    expect(rules([dead, late])).toEqual([]);
    expect(rules([dead, reader])).toEqual([]);
  });

  test('whose lock was stolen by hand are excused', () => {
    const steal: Fault = { kind: 'delete-lock', target: 'a', at: 1_200, until: 1_202 };
    const writer = history('w1.1', hold(1, 20, 1_210, 3_000, 1_300));
    expect(rules([first, writer])).toEqual(['exclusion']);
    expect(rules([first, writer], { faults: [steal] })).toEqual([]);
  });

  test('one that was granted long ago, and is shared beside a younger one, stays as old', () => {
    const steal: Fault = { kind: 'delete-lock', target: 'a', at: 1_200, until: 1_202 };
    const own = history(
      'w0.1',
      reading(1, 10, 1_000, 3_000, 3_900),
      reading(2, 12, 1_100, 3_000, 3_900),
      [{ type: 'still', at: 3_000, call: 1, until: 5_000 }],
      reading(3, 10, 3_800, 5_000, 3_850),
    );
    const writer = history('w1.1', hold(1, 20, 3_810, 5_000, 3_820));
    expect(rules([own, writer], { faults: [steal] })).toEqual([]);
  });
});

describe('fencing tokens of readers and writers', () => {
  const writer = history('w0.1', hold(1, 10, 1_000, 3_000, 1_100));

  test('a writer’s is higher than those of all readers before it', () => {
    const readers = history(
      'w1.1',
      reading(1, 12, 1_200, 3_000, 1_300),
      reading(2, 11, 1_210, 3_000, 1_310),
    );
    const next = (version: number): Recorded =>
      history('w2.1', hold(1, version, 1_400, 3_000, 1_500));
    expect(rules([writer, readers, next(13)])).toEqual([]);
    expect(rules([writer, readers, next(12)])).toEqual(['fence']);
    expect(rules([writer, readers, next(11)])).toEqual(['fence']);
  });

  test('a reader’s is higher than those of all writers before it, and says nothing of readers', () => {
    const high = history('w1.1', reading(1, 15, 1_200, 3_000, 1_300));
    const later = (version: number): Recorded =>
      history('w2.1', reading(1, version, 1_210, 3_000, 1_310));
    expect(rules([writer, high, later(11)])).toEqual([]);
    expect(rules([writer, high, later(10)])).toEqual(['fence']);
    expect(rules([writer, high, later(9)])).toEqual(['fence']);
  });
});

describe('a downgrade', () => {
  const next = String(BigInt(fenceOf(10)) + 1n);
  const written = hold(1, 10, 1_000, 3_000);
  const good = history('w0.1', written, downgrade(1_100, next, 1_300));

  test('is a read from its call on: others may read, and nobody may write', () => {
    const reader = history('w1.1', reading(1, 11, 1_200, 3_000, 1_350));
    const within = history('w1.1', hold(1, 11, 1_150, 3_000, 1_160));
    const after = history('w1.1', hold(1, 11, 1_401, 3_000, 1_500));
    expect(rules([good, reader])).toEqual([]);
    expect(rules([good, within])).toEqual(['exclusion']);
    expect(rules([good, after])).toEqual([]);
  });

  test('that has failed claims nothing', () => {
    const failed = history('w0.1', written, downgrade(1_100, undefined, 1_300));
    const within = history('w1.1', hold(1, 11, 1_150, 3_000, 1_160));
    expect(rules([failed, within])).toEqual([]);
  });

  test('that a kill has cut short claims nothing', () => {
    const lines = downgrade(1_100, undefined, 1_300).slice(0, 2);
    const dead = killed(history('w0.1', written, lines), 1_120, 'alone');
    const within = history('w1.1', hold(1, 11, 1_150, 3_000, 1_160));
    expect(rules([dead, within])).toEqual([]);
  });

  test('must end, as any other call, and only with the loss of the lock', () => {
    const lines = downgrade(1_100, undefined, 1_300);
    const endless = history('w0.1', written, lines.slice(0, 2));
    const refused = lines.with(2, { type: 'unheld', at: 1_300, call: 2, outcome: 'TIMEOUT' });
    expect(rules([endless])).toEqual(['turn']);
    expect(rules([history('w0.1', written, refused)])).toEqual(['error']);
  });

  test('has a fencing token that is higher than that of its write', () => {
    const same = history('w0.1', written, downgrade(1_100, fenceOf(10), 1_300));
    const writer = (version: number): Recorded =>
      history('w1.1', hold(1, version, 1_401, 3_000, 1_500));
    expect(rules([same])).toEqual(['fence']);
    expect(rules([good, writer(10)])).toEqual(['fence']);
  });
});

describe('recovery of what is read', () => {
  const faults: Fault[] = [{ kind: 'kill', target: 'w0', at: 1_100, until: 1_105 }];
  const dead = killed(history('w0.1', reading(1, 10, 1_000, 2_900)), 1_100, 'alone');
  const waiter = (at: number): Line[] => [
    { type: 'wait', at: 1_050, call: 1, lock: 'a', how: 'patient' },
    ...hold(1, 12, at, at + 2_000, at + 1).slice(1),
  ];
  const measured = (...others: Recorded[]): unknown =>
    read([dead, ...others], { faults }).checker.recoveries.byCause.map(({ at, length }) => ({
      ...{ at, length },
    }));

  test('ends when somebody may write, not when others go on to read', () => {
    const reader = history('w1.1', reading(1, 11, 1_300, 3_000, 1_500));
    const writer = history('w2.1', waiter(3_000));
    expect(measured(reader, writer)).toEqual([{ at: 1_500, length: 1_500 }]);
    expect(measured(reader)).toEqual([]);
  });

  test('is counted once, however many readers of the process were hit', () => {
    const both = killed(
      history('w0.1', reading(1, 10, 1_000, 2_900), reading(2, 10, 1_010, 2_900)),
      ...([1_100, 'alone'] as const),
    );
    const { recoveries } = read([both, history('w2.1', waiter(3_000))], { faults }).checker;
    expect(recoveries.byCause).toMatchObject([{ at: 1_100, length: 1_900 }]);
  });

  test('begins when somebody waits to write', () => {
    const reader = history('w1.1', [
      { type: 'wait', at: 1_050, call: 1, lock: 'a', how: 'patient', beside },
    ]);
    const writer = history('w2.1', hold(1, 12, 3_000, 5_000, 3_001));
    expect(measured(reader, writer)).toEqual([{ at: 2_999, length: 1 }]);
  });

  test('of a writer ends with a reader', () => {
    const writer = killed(history('w0.1', hold(1, 10, 1_000, 2_900)), 1_100, 'alone');
    const reader = history('w1.1', [
      { type: 'wait', at: 1_050, call: 1, lock: 'a', how: 'patient', beside },
      ...reading(1, 12, 3_000, 5_000, 3_001).slice(1),
    ]);
    const { recoveries } = read([writer, reader], { faults }).checker;
    expect(recoveries.byCause).toMatchObject([{ at: 1_100, length: 1_900 }]);
  });

  test('of permits is not measured', () => {
    const permits = { mode: 'permit', weight: 1, limit: 4 } as const;
    const holder = killed(
      history('w0.1', hold(1, 10, 1_000, 2_900, undefined, permits)),
      ...([1_100, 'alone'] as const),
    );
    const other = history('w1.1', hold(1, 11, 1_200, 3_000, 1_300, permits));
    const { recoveries } = read([holder, other], { faults }).checker;
    expect(recoveries.byCause).toEqual([]);
  });

  test('of permits is demanded after a storm where nobody holds any', () => {
    const permits = { mode: 'permit', weight: 4, limit: 4 } as const;
    const storms = [
      { at: 0, until: 2_000, single: false },
      { at: 60_000, until: 70_000, single: false },
    ];
    const asked: Line = {
      ...{ type: 'wait', at: 1_500, call: 1, lock: 'a', how: 'patient', beside: permits },
    };
    const late = (at: number, other: Line[]): string[] =>
      rules(
        [
          history('w1.1', [asked, ...hold(1, 11, at, at + 2_000, at + 1, permits).slice(1)]),
          history('w2.1', other),
        ],
        { storms },
      );
    const holder = hold(1, 10, 1_000, 8_900, 8_500, { ...permits, weight: 1 });
    expect(late(8_900, [])).toEqual([]);
    expect(late(9_100, [])).toEqual(['recovery']);
    expect(late(9_100, holder)).toEqual([]);
  });
});
