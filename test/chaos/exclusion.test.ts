import { describe, expect, test } from 'vitest';
import type { Fault } from './history.ts';
import { history, hold, killed, rules } from './recorded.ts';

const steal: Fault = { kind: 'delete-lock', target: 'a', at: 1_500, until: 1_502 };

describe('exclusion', () => {
  test('holds one after the other are fine', () => {
    const first = history('w0.1', hold(1, 10, 1_000, 3_000, 1_100));
    const second = history('w1.1', hold(1, 11, 1_101, 3_000, 1_200));
    expect(rules([first, second])).toEqual([]);
  });

  test('two holds that overlap are found', () => {
    const first = history('w0.1', hold(1, 10, 1_000, 3_000, 1_100));
    const second = history('w1.1', hold(1, 11, 1_099, 3_000, 1_200));
    expect(rules([first, second])).toEqual(['exclusion']);
  });

  test('a hold in the middle of a long one is found, though another came between', () => {
    const long = history('w0.1', hold(1, 10, 1_000, 3_000));
    const others = history(
      'w1.1',
      hold(1, 11, 1_100, 3_000, 1_200),
      hold(2, 12, 1_300, 3_000, 1_400),
    );
    expect(rules([long, others])).toEqual(['exclusion', 'exclusion']);
  });

  test('the claim of a killed process lasts until its validity has run out', () => {
    const dead = killed(history('w0.1', hold(1, 10, 1_000, 2_600)), 1_050, 'alone');
    const early = history('w1.1', hold(1, 11, 2_599, 4_000, 2_700));
    const late = history('w1.1', hold(1, 11, 2_601, 4_000, 2_700));
    expect(rules([dead, early])).toEqual(['exclusion']);
    expect(rules([dead, late])).toEqual([]);
  });

  test('and until it was killed where its supervisor saw that', () => {
    const dead = killed(history('w0.1', hold(1, 10, 1_000, 2_600)), 1_050, 'supervised');
    const early = history('w1.1', hold(1, 11, 1_049, 4_000, 2_700));
    const late = history('w1.1', hold(1, 11, 1_051, 4_000, 2_700));
    expect(rules([dead, early])).toEqual(['exclusion']);
    expect(rules([dead, late])).toEqual([]);
  });

  test('what a process left open ends when its worker has been started again', () => {
    const dead = killed(history('w0.1', hold(1, 10, 1_000, 2_600)), 1_050, 'alone');
    const next = history(
      'w0.2',
      [{ type: 'begin', at: 1_500, pid: 1, ttl: 2_000 }],
      hold(1, 11, 2_599, 4_000, 2_700),
    );
    expect(rules([dead, next])).toEqual(['exclusion']);
  });

  test('renewed validity counts, and a hold that was invalid when it was seen does not', () => {
    const renewed = hold(1, 10, 1_000, 2_600, 4_500);
    renewed.splice(2, 0, { type: 'still', at: 2_000, call: 1, until: 4_000 });
    const stale = history('w1.1', hold(1, 11, 3_500, 3_400, 3_600));
    const young = history('w1.1', hold(1, 11, 3_500, 5_000, 3_600));
    expect(rules([history('w0.1', renewed), stale])).toEqual([]);
    expect(rules([history('w0.1', renewed), young])).toEqual(['exclusion']);
  });

  test('one that a renewal under way made good after all counts like any other', () => {
    const paused = hold(1, 10, 1_000, 900, 2_000);
    paused.splice(2, 0, { type: 'still', at: 1_100, call: 1, until: 3_000 });
    const other = history('w1.1', hold(1, 11, 1_500, 3_000, 1_600));
    const later = history('w1.1', hold(1, 9, 2_001, 3_000, 2_100));
    expect(rules([history('w0.1', paused), other])).toEqual(['exclusion']);
    expect(rules([history('w0.1', paused), later])).toEqual(['fence']);
    const earlier = history('w1.1', hold(1, 11, 800, 990, 900));
    expect(rules([history('w0.1', paused), earlier])).toEqual(['fence']);
    expect(rules([history('w0.1', hold(1, 10, 1_000, 900, 2_000)), earlier])).toEqual([]);
  });

  test('a claim ends when the holder learns that it was lost', () => {
    const lost = hold(1, 10, 1_000, 3_000);
    lost.push({ type: 'lost', at: 1_400, call: 1, reason: 'revoked' });
    const next = history('w1.1', hold(1, 11, 1_401, 3_000, 1_500));
    expect(rules([history('w0.1', lost), next])).toEqual([]);
  });
});

describe('a steal by hand', () => {
  const older = history('w0.1', hold(1, 10, 1_000, 3_000, 2_000));
  const younger = history('w1.1', hold(1, 20, 1_510, 3_000, 1_600));

  test('excuses the holder from whom the lock was taken', () => {
    expect(rules([older, younger], { faults: [steal] })).toEqual([]);
  });

  test.each<[string, Fault]>([
    ['of another lock', { ...steal, target: 'b' }],
    ['after the second grant', { ...steal, at: 1_511, until: 1_512 }],
    ['that was a label', { ...steal, kind: 'label-lock' }],
    ['of a session', { ...steal, kind: 'delete-session' }],
    ['that was a stall of the machine', { ...steal, kind: 'machine-stall', target: 'machine' }],
  ])('does not excuse one %s', (_, fault) => {
    expect(rules([older, younger], { faults: [fault] })).toContain('exclusion');
  });

  test('does not excuse a holder that was granted the lock long after it', () => {
    const late = history('w0.1', hold(1, 10, 9_000, 11_000, 10_000));
    const overlapping = history('w1.1', hold(1, 20, 9_100, 11_000, 9_200));
    expect(rules([late, overlapping], { faults: [steal] })).toEqual(['exclusion']);
  });

  test('does not excuse a holder that goes on for ever', () => {
    const stubborn = hold(1, 10, 1_000, 3_000, 60_000);
    stubborn.splice(2, 0, { type: 'still', at: 3_000, call: 1, until: 60_000 });
    expect(rules([history('w0.1', stubborn), younger], { faults: [steal] })).toEqual(['exclusion']);
  });

  describe('in a version that is known', () => {
    const struck = (version: bigint): Fault => ({
      ...{ ...steal, kind: 'strike-holders', version: { first: version, last: version } },
    });
    const second = history('w2.1', hold(1, 30, 1_550, 3_000, 1_600));

    test('excuses the grant before it', () => {
      expect(rules([older, younger], { faults: [struck(15n)] })).toEqual([]);
    });

    test('does not excuse two grants that both came after it, however soon', () => {
      expect(rules([younger, second], { faults: [steal] })).toEqual([]);
      expect(rules([younger, second], { faults: [struck(15n)] })).toEqual(['exclusion']);
    });

    test('does not excuse two grants that both came before it', () => {
      expect(rules([older, younger], { faults: [struck(25n)] })).toEqual(['exclusion']);
    });

    test('excuses what a deletion between two versions may have caused', () => {
      const deleted = (first: bigint, last: bigint): Fault => ({
        ...{ ...steal, version: { first, last } },
      });
      expect(rules([older, younger], { faults: [deleted(9n, 21n)] })).toEqual([]);
      expect(rules([older, younger], { faults: [deleted(20n, 24n)] })).toEqual(['exclusion']);
      expect(rules([younger, second], { faults: [deleted(9n, 19n)] })).toEqual(['exclusion']);
    });
  });

  test('excuses the lower token of a local turn on the stolen grant', () => {
    const turns = history(
      'w0.1',
      hold(1, 10, 1_000, 3_000, 1_700),
      hold(2, 10, 1_700, 3_000, 1_800),
    );
    expect(rules([turns, younger], { faults: [steal] })).toEqual([]);
  });
});

describe('fencing tokens', () => {
  test('must grow strictly', () => {
    const first = history('w0.1', hold(1, 10, 1_000, 3_000, 1_100));
    const same = history('w1.1', hold(1, 10, 1_200, 3_000, 1_300));
    const lower = history('w1.1', hold(1, 9, 1_200, 3_000, 1_300));
    expect(rules([first, same])).toEqual(['fence']);
    expect(rules([first, lower])).toEqual(['fence']);
  });
});
