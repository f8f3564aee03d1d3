import { describe, expect, test } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { Checker } from './checker.ts';
import type { Evidence } from './evidence.ts';
import type { Entry, Fault, Line, StoreRow, WorkerProcess } from './history.ts';
import { STORE_LAG_MS } from './merge.ts';

const FENCE_SCALE = 65_536;

interface Recorded {
  readonly process: WorkerProcess;
  readonly lines: readonly Line[];
}

interface Run extends Partial<Omit<Evidence, 'processes'>> {
  readonly rows?: readonly StoreRow[];
}

/** A history from a few words: what one call did and when. */
function hold(
  call: number,
  version: number,
  from: number,
  until: number,
  release?: number,
): Line[] {
  const fence = fenceOf(version);
  return [
    { type: 'wait', at: from - 1, call, lock: 'a', how: 'patient' },
    { type: 'held', at: from, call, lock: 'a', until, fence },
    ...(release === undefined ? [] : [{ type: 'release', at: release, call } as const]),
  ];
}

function fenceOf(version: number): string {
  return String(version * FENCE_SCALE);
}

function history(process: string, ...lines: Line[][]): Recorded {
  return { process: { process, ttl: 2_000 }, lines: lines.flat() };
}

function killed(recorded: Recorded, at: number, how: 'alone' | 'supervised'): Recorded {
  return { ...recorded, process: { ...recorded.process, killed: { at, how } } };
}

/** Has the histories read in the order of time, and returns the checker and what it has found. */
function read(recorded: readonly Recorded[], run: Run = {}): { checker: Checker; found: string[] } {
  const { rows = [], faults = [], storms = [{ at: 0, until: 100_000 }], ...rest } = run;
  const processes = recorded.map(({ process }) => process);
  const checker = new Checker({
    ...{ processes, faults, storms, leases: [], stored: [], ttl: 2_000 },
    ...rest,
  });
  const entries: Entry[] = [
    ...recorded.flatMap(({ process, lines }) => lines.map((line) => ({ from: process, line }))),
    ...rows.map((line) => ({ from: undefined, line })),
  ];
  const due = ({ from, line }: Entry): number => line.at + (from ? 0 : STORE_LAG_MS);
  for (const entry of entries.toSorted((a, b) => due(a) - due(b))) checker.see(entry);
  return { checker, found: checker.finish().map((violation) => violation.rule) };
}

function rules(recorded: readonly Recorded[], run?: Run): string[] {
  return read(recorded, run).found;
}

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

  test('an outcome that no caller should see is found', () => {
    const failed: Line = { type: 'unheld', at: 1_100, call: 1, outcome: 'API_UNREACHABLE' };
    expect(rules([history('w0.1', [wait, failed])])).toEqual(['error']);
  });
});

describe('recovery', () => {
  const storms = [
    { at: 0, until: 10_000 },
    { at: 60_000, until: 70_000 },
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
      { lock: 'a', cause: 'killed alone', at: 9_100, length: 2_000, ttl: 2_000 },
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

describe('leftovers', () => {
  const session = 'w0-1-12345678';
  const lines: Line[] = [{ type: 'closed', at: 2_000 }];
  const left = (role: string, name: string, holderIdentity: string): string[] => {
    const lease: Lease = {
      metadata: { name, labels: { 'leasehold.dev/role': role } },
      spec: { holderIdentity },
    };
    return rules([history('w0.1', lines)], { leases: [lease] });
  };

  test('a lock is never left', () => {
    expect(left('lock', 'a', session)).toEqual(['leftover']);
  });

  test('a session is left only by a process that was killed, or by revocation', () => {
    expect(left('session', session, 'w0')).toEqual(['leftover']);
    expect(left('session', session, '')).toEqual([]);
    expect(left('session', 'w9-1-87654321', 'w9')).toEqual([]);
  });
});
