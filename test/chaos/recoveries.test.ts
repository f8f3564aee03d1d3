import { describe, expect, test } from 'vitest';
import type { Fault } from './history.ts';
import { history, hold, killed, read, rules } from './recorded.ts';
import type { Recorded } from './recorded.ts';

describe('recovery', () => {
  const storms = [
    { at: 0, until: 10_000, single: true },
    { at: 60_000, until: 70_000, single: false },
  ];
  const dead = killed(history('w0.1', hold(1, 10, 9_000, 10_600)), 9_100, 'alone');
  const waiter = (at: number): Recorded =>
    history(
      'w1.1',
      [{ type: 'wait', at: 9_050, call: 1, lock: 'a', how: 'patient' }],
      hold(1, 11, at, at + 2_000, at + 1).slice(1),
      // Somebody else is busy elsewhere, so that time is seen to pass.
      [{ type: 'wait', at: at + 5, call: 2, lock: 'b', how: 'try' }],
      [{ type: 'unheld', at: at + 6, call: 2, outcome: 'TAKEN' }],
    );

  test('each lock must be granted again within two ttls and three seconds of each storm', () => {
    expect(rules([dead, waiter(16_900)], { storms })).toEqual([]);
    expect(rules([dead, waiter(17_100)], { storms })).toEqual(['recovery']);
  });

  test('a lock that nobody wants need not be granted', () => {
    const late = history('w1.1', hold(1, 11, 30_000, 32_000, 30_001));
    expect(rules([dead, late], { storms })).toEqual([]);
  });

  test('is counted from the fault that hit the holder, by its cause', () => {
    const faults: Fault[] = [
      { kind: 'label-lock', target: 'b', at: 9_060, until: 9_061 },
      { kind: 'kill', target: 'w0', at: 9_100, until: 9_105 },
      { kind: 'freeze', target: 'w1', at: 9_200, until: 9_300 },
    ];
    const { recoveries } = read([dead, waiter(11_100)], { storms, faults }).checker;
    expect(recoveries.byCause).toEqual([
      { lock: 'a', cause: 'killed alone', at: 9_100, length: 2_000, ttl: 2_000, single: true },
    ]);
    expect(recoveries.afterStorms).toEqual([
      { lock: 'a', cause: 'killed alone', at: 10_000, length: 1_100 },
    ]);
  });

  test('a fault that was over when the lock was released in order has hit nobody', () => {
    const faults: Fault[] = [{ kind: 'link-latency', target: 'w0', at: 9_100, until: 9_150 }];
    const holder = history('w0.1', hold(1, 10, 9_000, 10_600, 9_200));
    const { recoveries } = read([holder, waiter(11_100)], { storms, faults }).checker;
    expect(recoveries.byCause).toEqual([]);
  });

  test('a server that is away is counted from when it is back', () => {
    const faults: Fault[] = [
      { kind: 'etcd-kill', target: 'server:etcd', at: 9_100, until: 11_000 },
    ];
    const { recoveries } = read([dead, waiter(11_100)], { storms, faults }).checker;
    expect(recoveries.byCause).toMatchObject([{ cause: 'etcd-kill', length: 100 }]);
  });
});
