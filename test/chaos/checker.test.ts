import { describe, expect, test } from 'vitest';
import { check } from './checker.ts';
import type { Evidence } from './checker.ts';
import type { Fault, Line, ProcessHistory } from './history.ts';

const FENCE_SCALE = 65_536;

/** A history from a few words: what one call did and when. */
function hold(
  call: number,
  version: number,
  from: number,
  until: number,
  release?: number,
): Line[] {
  const fence = String(version * FENCE_SCALE);
  return [
    { type: 'wait', at: from - 1, call, lock: 'a', how: 'patient' },
    { type: 'held', at: from, call, lock: 'a', until, fence },
    ...(release === undefined ? [] : [{ type: 'release', at: release, call } as const]),
  ];
}

function history(process: string, ...lines: Line[][]): ProcessHistory {
  return { process, ttl: 2_000, lines: lines.flat() };
}

function evidence(processes: ProcessHistory[], faults: Fault[] = []): Evidence {
  return { processes, faults, leases: [], healedAt: 100_000, ttl: 2_000 };
}

function rules(of: Evidence): string[] {
  return check(of).map((violation) => violation.rule);
}

const steal: Fault = { kind: 'delete-lock', target: 'a', at: 1_500, until: 1_502 };

describe('exclusion', () => {
  test('holds one after the other are fine', () => {
    const first = history('w0.1', hold(1, 10, 1_000, 3_000, 1_100));
    const second = history('w1.1', hold(1, 11, 1_101, 3_000, 1_200));
    expect(rules(evidence([first, second]))).toEqual([]);
  });

  test('two holds that overlap are found', () => {
    const first = history('w0.1', hold(1, 10, 1_000, 3_000, 1_100));
    const second = history('w1.1', hold(1, 11, 1_099, 3_000, 1_200));
    expect(rules(evidence([first, second]))).toEqual(['exclusion']);
  });

  test('a hold in the middle of a long one is found, though another came between', () => {
    const long = history('w0.1', hold(1, 10, 1_000, 3_000));
    const others = history(
      'w1.1',
      hold(1, 11, 1_100, 3_000, 1_200),
      hold(2, 12, 1_300, 3_000, 1_400),
    );
    expect(rules(evidence([long, others]))).toEqual(['exclusion', 'exclusion']);
  });

  test('the claim of a killed process lasts until its validity has run out', () => {
    const killed = { ...history('w0.1', hold(1, 10, 1_000, 2_600)), killedAt: 1_050 };
    const early = history('w1.1', hold(1, 11, 2_599, 4_000, 2_700));
    const late = history('w1.1', hold(1, 11, 2_601, 4_000, 2_700));
    expect(rules(evidence([killed, early]))).toEqual(['exclusion']);
    expect(rules(evidence([killed, late]))).toEqual([]);
  });

  test('renewed validity counts, and a hold that was invalid when it was seen does not', () => {
    const renewed = hold(1, 10, 1_000, 2_600, 4_500);
    renewed.splice(2, 0, { type: 'still', at: 2_000, call: 1, until: 4_000 });
    const stale = history('w1.1', hold(1, 11, 3_500, 3_400, 3_600));
    const young = history('w1.1', hold(1, 11, 3_500, 5_000, 3_600));
    expect(rules(evidence([history('w0.1', renewed), stale]))).toEqual([]);
    expect(rules(evidence([history('w0.1', renewed), young]))).toEqual(['exclusion']);
  });

  test('a claim ends when the holder learns that it was lost', () => {
    const lost = hold(1, 10, 1_000, 3_000);
    lost.push({ type: 'lost', at: 1_400, call: 1, reason: 'revoked' });
    const next = history('w1.1', hold(1, 11, 1_401, 3_000, 1_500));
    expect(rules(evidence([history('w0.1', lost), next]))).toEqual([]);
  });
});

describe('a steal by hand', () => {
  const older = history('w0.1', hold(1, 10, 1_000, 3_000, 2_000));
  const younger = history('w1.1', hold(1, 20, 1_510, 3_000, 1_600));

  test('excuses the holder from whom the lock was taken', () => {
    expect(rules(evidence([older, younger], [steal]))).toEqual([]);
  });

  test.each<[string, Fault]>([
    ['of another lock', { ...steal, target: 'b' }],
    ['after the second grant', { ...steal, at: 1_511, until: 1_512 }],
    ['that was a label', { ...steal, kind: 'label-lock' }],
    ['of a session', { ...steal, kind: 'delete-session' }],
  ])('does not excuse one %s', (_, fault) => {
    expect(rules(evidence([older, younger], [fault]))).toContain('exclusion');
  });

  test('does not excuse a holder that was granted the lock long after it', () => {
    const late = history('w0.1', hold(1, 10, 9_000, 11_000, 10_000));
    const overlapping = history('w1.1', hold(1, 20, 9_100, 11_000, 9_200));
    expect(rules(evidence([late, overlapping], [steal]))).toEqual(['exclusion']);
  });

  test('does not excuse a holder that goes on for ever', () => {
    const stubborn = hold(1, 10, 1_000, 3_000, 60_000);
    stubborn.splice(2, 0, { type: 'still', at: 3_000, call: 1, until: 60_000 });
    expect(rules(evidence([history('w0.1', stubborn), younger], [steal]))).toEqual(['exclusion']);
  });

  test('excuses the lower token of a local turn on the stolen grant', () => {
    const turns = history(
      'w0.1',
      hold(1, 10, 1_000, 3_000, 1_700),
      hold(2, 10, 1_700, 3_000, 1_800),
    );
    expect(rules(evidence([turns, younger], [steal]))).toEqual([]);
  });
});

describe('fencing tokens', () => {
  test('must grow strictly', () => {
    const first = history('w0.1', hold(1, 10, 1_000, 3_000, 1_100));
    const same = history('w1.1', hold(1, 10, 1_200, 3_000, 1_300));
    const lower = history('w1.1', hold(1, 9, 1_200, 3_000, 1_300));
    expect(rules(evidence([first, same]))).toEqual(['fence']);
    expect(rules(evidence([first, lower]))).toEqual(['fence']);
  });
});

describe('turns', () => {
  const wait: Line = { type: 'wait', at: 1_000, call: 1, lock: 'a', how: 'patient' };

  test('a waiter that stays alive must get its turn', () => {
    expect(rules(evidence([history('w0.1', [wait])]))).toEqual(['turn']);
    expect(rules(evidence([{ ...history('w0.1', [wait]), killedAt: 5_000 }]))).toEqual([]);
  });

  test('a turn must come soon after the last fault', () => {
    const held = (at: number): Line => ({
      type: 'held',
      at,
      call: 1,
      lock: 'a',
      until: at,
      fence: '9',
    });
    expect(rules(evidence([history('w0.1', [wait, held(106_999)])]))).toEqual([]);
    expect(rules(evidence([history('w0.1', [wait, held(107_001)])]))).toEqual(['turn']);
  });

  test('a timeout must be kept, except by a frozen process', () => {
    const call = { ...wait, timeout: 100 };
    const late: Line = { type: 'unheld', at: 5_000, call: 1, outcome: 'TIMEOUT' };
    const freeze: Fault = { kind: 'freeze', target: 'w0', at: 1_050, until: 4_900 };
    expect(rules(evidence([history('w0.1', [call, late])]))).toEqual(['turn']);
    expect(rules(evidence([history('w0.1', [call, late])], [freeze]))).toEqual([]);
  });

  test('an outcome that no caller should see is found', () => {
    const failed: Line = { type: 'unheld', at: 1_100, call: 1, outcome: 'API_UNREACHABLE' };
    expect(rules(evidence([history('w0.1', [wait, failed])]))).toEqual(['error']);
  });
});

describe('leftovers', () => {
  const session = 'w0-1-12345678';
  const lines: Line[] = [{ type: 'closed', at: 2_000 }];
  const left = (role: string, name: string, holderIdentity: string): Evidence => ({
    ...evidence([history('w0.1', lines)]),
    leases: [
      { metadata: { name, labels: { 'leasehold.dev/role': role } }, spec: { holderIdentity } },
    ],
  });

  test('a lock is never left', () => {
    expect(rules(left('lock', 'a', session))).toEqual(['leftover']);
  });

  test('a session is left only by a process that was killed, or by revocation', () => {
    expect(rules(left('session', session, 'w0'))).toEqual(['leftover']);
    expect(rules(left('session', session, ''))).toEqual([]);
    expect(rules(left('session', 'w9-1-87654321', 'w9'))).toEqual([]);
  });
});
