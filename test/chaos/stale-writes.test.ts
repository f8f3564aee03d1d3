import { describe, expect, test } from 'vitest';
import type { Line, StoreRow } from './history.ts';
import { fenceOf, history, hold, killed, read, rules } from './recorded.ts';
import type { Recorded } from './recorded.ts';

describe('writes to the protected resource', () => {
  const writes = (call: number, number: number, at: number, accepted?: boolean): Line[] => [
    { type: 'write', at, call, number },
    { type: 'written', at: at + 2, call, number, accepted },
  ];
  const row = (process: string, number: number, fence: number, version?: number): StoreRow => ({
    ...{ type: 'row', at: 1_200, lock: 'a', fence: fenceOf(fence), process, number, version },
  });
  /** Holds, and writes again after the next holder has written. */
  const older = (accepted?: boolean): Recorded =>
    history('w0.1', [
      ...hold(1, 10, 1_000, 1_050),
      ...writes(1, 1, 1_001, true),
      ...writes(1, 2, 1_150, accepted),
    ]);
  const younger = history('w1.1', [...hold(1, 11, 1_100, 2_000), ...writes(1, 1, 1_101, true)]);
  const first = row('w0.1', 1, 10, 1);
  const second = row('w1.1', 1, 11, 2);
  const stored = [{ lock: 'a', fence: fenceOf(11), version: 2 }];

  test('a stale one that is refused is counted', () => {
    const rows = [first, second, row('w0.1', 2, 10)];
    const { checker, found } = read([older(false), younger], { rows, stored });
    expect(found).toEqual([]);
    expect(checker.staleWrites.counts).toMatchObject({ accepted: 2, refused: 1, staleAccepted: 0 });
  });

  test('a stale one that is accepted is found, by the log and by what the process was told', () => {
    const rows = [first, second, row('w0.1', 2, 10, 3)];
    const after = [{ lock: 'a', fence: fenceOf(11), version: 3 }];
    const { checker, found } = read([older(true), younger], { rows, stored: after });
    expect(found).toEqual(['store', 'store']);
    expect(checker.staleWrites.counts.staleAccepted).toBe(2);
  });

  test('one that comes to nobody who waits for an answer is judged by the log', () => {
    const rows = [first, second, row('w0.1', 2, 10)];
    const dead = killed(
      history('w0.1', [
        ...hold(1, 10, 1_000, 1_050),
        ...writes(1, 1, 1_001, true),
        { type: 'write', at: 1_040, call: 1, number: 2 },
      ]),
      1_041,
      'supervised',
    );
    const { checker, found } = read([dead, younger], { rows, stored });
    expect(found).toEqual([]);
    expect(checker.staleWrites.counts).toMatchObject({ refused: 1, refusedOfDead: 1 });
  });

  test.each<[string, readonly StoreRow[]]>([
    ['that was answered and is not in the log', [first, second]],
    ['that the log has otherwise than it was answered', [first, second, row('w0.1', 2, 11, 3)]],
    ['that nobody sent', [first, second, row('w0.1', 2, 10), row('w9.1', 1, 9)]],
    ['that was refused for no reason', [row('w0.1', 1, 10), second, row('w0.1', 2, 10)]],
    ['that the log has left out', [first, { ...second, version: 3 }, row('w0.1', 2, 10)]],
  ])('one %s is found', (_, rows) => {
    expect(rules([older(false), younger], { rows, stored })).toContain('store');
  });

  test('a resource that says another fence than its log is found', () => {
    const rows = [first, second, row('w0.1', 2, 10)];
    const other = [{ lock: 'a', fence: fenceOf(10), version: 2 }];
    expect(rules([older(false), younger], { rows, stored: other })).toEqual(['store']);
  });
});
