import { describe, expect, test } from 'vitest';
import type { Fault, Line } from './history.ts';
import { history, killed, rules } from './recorded.ts';

describe('turns', () => {
  const wait: Line = { type: 'wait', at: 1_000, call: 1, lock: 'a', how: 'patient' };

  test('a waiter that stays alive must get its turn', () => {
    expect(rules([history('w0.1', [wait])])).toEqual(['turn']);
    expect(rules([killed(history('w0.1', [wait]), 5_000, 'alone')])).toEqual([]);
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
    expect(rules([history('w0.1', [wait, held(106_999)])])).toEqual([]);
    const late = rules([history('w0.1', [wait, held(107_001)])]);
    expect(late).toEqual(['turn', 'recovery']);
    const campaign = { ...wait, how: 'campaign' };
    expect(rules([history('w0.1', [campaign, held(107_001)])])).toEqual(['recovery']);
  });

  test('a timeout must be kept, except by a frozen process', () => {
    const call = { ...wait, timeout: 100 };
    const late: Line = { type: 'unheld', at: 5_000, call: 1, outcome: 'TIMEOUT' };
    const freeze: Fault = { kind: 'freeze', target: 'w0', at: 1_050, until: 4_900 };
    expect(rules([history('w0.1', [call, late])])).toEqual(['turn']);
    expect(rules([history('w0.1', [call, late])], { faults: [freeze] })).toEqual([]);
  });

  test('the time in which the machine stood still is added to both limits', () => {
    const stall: Fault = { kind: 'machine-stall', target: 'machine', at: 1_050, until: 4_900 };
    const call = { ...wait, timeout: 100 };
    const late: Line = { type: 'unheld', at: 5_000, call: 1, outcome: 'TIMEOUT' };
    const later: Line = { ...late, at: 9_000 };
    expect(rules([history('w0.1', [call, late])], { faults: [stall] })).toEqual([]);
    expect(rules([history('w0.1', [call, later])], { faults: [stall] })).toEqual(['turn']);

    const after = { ...stall, at: 103_000, until: 104_000 };
    const held = (at: number): Line => ({
      ...{ type: 'held', at, call: 1, lock: 'a', until: at, fence: '9' },
    });
    const turn = (at: number): string[] =>
      rules([history('w0.1', [wait, held(at)])], { faults: [after] });
    expect(turn(107_900)).toEqual([]);
    expect(turn(108_100)).toEqual(['turn', 'recovery']);
  });

  test('an outcome that no caller should see is found', () => {
    const failed: Line = { type: 'unheld', at: 1_100, call: 1, outcome: 'API_UNREACHABLE' };
    expect(rules([history('w0.1', [wait, failed])])).toEqual(['error']);
  });
});
