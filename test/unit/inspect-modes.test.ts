import { describe, expect, it } from 'vitest';
import { description } from '../../src/cli/output/description.ts';
import { changeLine } from '../../src/cli/output/change-line.ts';
import { listing } from '../../src/cli/output/listing.ts';
import { formatEntry } from '../../src/core/entry.ts';
import type { Clock } from '../../src/core/clock.ts';
import { microTime } from '../../src/core/lease.ts';
import type { Lease } from '../../src/core/lease.ts';
import type { Mode } from '../../src/core/mode.ts';
import { ChangeTracker } from '../../src/inspect/changes.ts';
import { factsOf } from '../../src/inspect/facts.ts';
import type { LockFacts } from '../../src/inspect/facts.ts';
import { Snapshot } from '../../src/inspect/snapshot.ts';
import type { LockView } from '../../src/inspect/views.ts';

const NOW = Date.parse('2026-11-21T09:30:13Z');
const PODS = { a: 'train-x2kq4-1f9a3c21', b: 'train-9pl2c-5e0c44aa', c: 'train-m8w6j-0d91b7f2' };

interface Ask {
  readonly who: keyof typeof PODS;
  readonly mode: Mode;
  readonly weight?: number;
  readonly of?: number;
  /** What a member of a group says of itself. */
  readonly more?: string;
  /** Seconds. */
  readonly for: number;
}

function session(who: keyof typeof PODS): Lease {
  const name = PODS[who];
  const renewed = microTime(NOW - 3_000);
  return {
    metadata: {
      name,
      namespace: 'ns',
      uid: `uid-${name}`,
      creationTimestamp: new Date(NOW - 120_000).toISOString(),
      labels: { 'leasehold.dev/role': 'session' },
    },
    spec: { holderIdentity: name.slice(0, 11), leaseDurationSeconds: 15, renewTime: renewed },
  };
}

function entry({ who, for: seconds, ...ask }: Ask, seen?: bigint): string {
  const text = formatEntry({
    session: PODS[who],
    sessionUid: `uid-${PODS[who]}`,
    ttl: 15,
    since: microTime(NOW - seconds * 1_000),
    ...ask,
    ...(seen === undefined ? {} : { seen }),
  });
  return seen === undefined ? `${text} fence=8123${String(seconds)}` : text;
}

function lock(name: string, holders: readonly Ask[], queue: readonly Ask[], permits?: string) {
  const idOf = ({ who }: Ask, index: number): string =>
    `${PODS[who].slice(-8)}-${String(index + 1)}`;
  const lease: Lease = {
    metadata: {
      name,
      namespace: 'ns',
      uid: `uid-${name}`,
      labels: { 'leasehold.dev/role': 'lock' },
      annotations: Object.fromEntries([
        ...holders.map((ask, index) => [`holder.leasehold.dev/${idOf(ask, index)}`, entry(ask)]),
        ...queue.map((ask, index) => [
          `queue.leasehold.dev/${idOf(ask, index)}`,
          entry(ask, BigInt(index)),
        ]),
        ...(permits === undefined ? [] : [['leasehold.dev/permits', permits]]),
      ]) as Record<string, string>,
    },
  };
  return lease;
}

const reader = (who: keyof typeof PODS, seconds: number): Ask => ({
  who,
  mode: 'shared',
  for: seconds,
});
const permits = (who: keyof typeof PODS, weight: number, seconds: number): Ask => ({
  who,
  mode: 'permit',
  weight,
  of: 5,
  for: seconds,
});
const SESSIONS = (['a', 'b', 'c'] as const).map(session);

function listed(...leases: readonly Lease[]): string[] {
  const facts = [...leases, ...SESSIONS].map(factsOf);
  const snapshot = new Snapshot(facts, NOW);
  const locks = facts.filter(({ kind }) => kind === 'lock');
  return [...listing(snapshot, locks, { namespaces: false, wide: false })];
}

function viewOf(lease: Lease): LockView {
  const snapshot = new Snapshot([lease, ...SESSIONS].map(factsOf), NOW);
  return snapshot.view(factsOf(lease) as LockFacts);
}

function described(lease: Lease): string[] {
  return [...description(viewOf(lease), { nodes: new Map(), events: [], at: NOW })];
}

describe('what several hold', () => {
  it('is listed by how many do', () => {
    const lines = listed(
      lock('config', [reader('a', 8), reader('b', 90), reader('c', 1)], []),
      lock('gpu', [permits('a', 2, 8)], [permits('b', 4, 5)]),
      lock('disk', [permits('a', 2, 8), permits('b', 1, 2)], [], 'limit=8 stated=5'),
      lock('idle', [], [], 'limit=1 stated=5'),
      lock('one', [{ who: 'c', mode: 'exclusive', for: 2 }], [reader('a', 1)]),
    );
    expect(lines).toEqual([
      'LOCK    HOLDER                    STATE  HELD  WAITERS  LONGEST',
      'config  3 readers                 held   90s   0        -',
      'gpu     2 of 5 permits            held   8s    1        5s',
      'disk    3 of 8 permits (resized)  held   8s    0        -',
      'idle    0 of 1 permit (resized)   free   -     0        -',
      'one     train-m8w6j-0d91b7f2      held   2s    1        1s',
    ]);
  });

  it('is a group where they say something of themselves', () => {
    const data = '{"address":"10.0.0.7:80","note":"a\\u0020b"}';
    const workers = lock(
      'workers',
      [
        { ...reader('a', 8), more: `data=${data}` },
        { ...reader('b', 2), more: 'data={}' },
      ],
      [],
    );
    expect(listed(workers)).toEqual([
      'LOCK     HOLDER     STATE  HELD  WAITERS  LONGEST',
      'workers  2 members  held   8s    0        -',
    ]);
    const lines = described(workers);
    expect(lines).toContain('Members     2');
    expect(lines).toContain('  Metadata  {"address":"10.0.0.7:80","note":"a b"}');
    const mixed = lock('mixed', [{ ...reader('a', 8), more: `data=${data}` }, reader('b', 2)], []);
    expect(listed(mixed)[1]).toContain('2 readers');
    expect(viewOf(mixed).holders.map(({ metadata }) => metadata)).toEqual([
      { address: '10.0.0.7:80', note: 'a b' },
      null,
    ]);
  });

  it('is described with what each holds and wants', () => {
    const queue = [permits('c', 5, 5)];
    const gpu = lock('gpu', [permits('a', 3, 8), permits('b', 4, 2)], queue, 'limit=3 stated=5');
    expect(described(gpu)).toEqual([
      'Lock        gpu',
      'Namespace   ns',
      'State       held',
      'Permits     7 of 3 held, 4 too many: they are not taken away',
      'Resized     to 3 permits; its programs state 5',
      '',
      'Holder      train-x2kq4-1f9a3c21',
      '  Process   train-x2kq4',
      '  Held      for 8s, since 2026-11-21 09:30:05Z',
      '  Session   live: 12s of its ttl left, 2m old',
      '  Attempt   1f9a3c21-1, 3 permits',
      '  Fence     81238',
      '',
      'Holder      train-9pl2c-5e0c44aa',
      '  Process   train-9pl2c',
      '  Held      for 2s, since 2026-11-21 09:30:11Z',
      '  Session   live: 12s of its ttl left, 2m old',
      '  Attempt   5e0c44aa-2, 4 permits',
      '  Fence     81232',
      '',
      'Queue       1 waiting, the longest for 5s; they go in this order',
      '  #  SESSION               WAITED  MODE       STATE  TTL LEFT  ATTEMPT',
      '  1  train-m8w6j-0d91b7f2  5s      5 permits  live   12s       0d91b7f2-1',
      '',
      'Events      none',
      '',
      'What to do',
      '  There are fewer permits than the next in the queue waits for; to let it in:',
      '  leasehold resize gpu --permits 5 -n ns',
    ]);
    expect(described(gpu).filter((line) => line.length > 80)).toEqual([]);
    const writer: Ask = { who: 'c', mode: 'exclusive', for: 5 };
    const lines = described(lock('config', [reader('a', 8), reader('b', 2)], [writer]));
    expect(lines).toContain('Readers     2; a writer waits until there is none');
    expect(lines).toContain('  Attempt   1f9a3c21-1, mode shared');
    expect(lines.filter((line) => line.includes('exclusive'))).toEqual([
      '  1  train-m8w6j-0d91b7f2  5s      exclusive  live   12s       0d91b7f2-1',
    ]);
  });

  it('is told to programs', () => {
    const view = viewOf(
      lock('gpu', [permits('a', 3, 8)], [permits('b', 1, 1)], 'limit=0 stated=5'),
    );
    expect(view).toMatchObject({
      mode: 'permit',
      permits: { held: 3, limit: 0, stated: 5, resized: true },
      holders: [{ mode: 'permit', permits: 3, statedPermits: 5 }],
      queue: [{ permits: 1 }],
    });
    expect(viewOf(lock('config', [reader('a', 8)], []))).toMatchObject({
      mode: 'shared',
      permits: null,
      holders: [{ mode: 'shared', permits: null, statedPermits: null }],
    });
    expect(viewOf(lock('gpu', [permits('a', 3, 8)], [], 'limit=9 stated=4'))).toMatchObject({
      permits: { limit: 5, stated: 5, resized: false },
    });
  });

  it('counts as one lock of its session, however often that holds it', () => {
    const gpu = lock('gpu', [permits('a', 1, 8), permits('a', 1, 8)], []);
    const facts = [gpu, session('a')].map(factsOf);
    const [, one] = facts;
    if (!one) throw new Error('unreachable');
    expect(new Snapshot(facts, NOW).view(one)).toMatchObject({ holds: ['gpu'], waitsFor: [] });
  });
});

describe('of what several hold is told', () => {
  const clock: Clock = { now: () => 0, wall: () => NOW, schedule: () => () => undefined };

  it('who joins and leaves, with what it holds, and that the number was changed', () => {
    const lines: string[] = [];
    const tracker = new ChangeTracker(clock, (change) => {
      lines.push(changeLine(change, { namespaces: false }).slice('hh:mm:ss.mmm  '.length));
    });
    const write = (lease: Lease): void => tracker.written(factsOf(lease));
    tracker.listed({ facts: SESSIONS.map(factsOf), at: NOW, resourceVersion: '1' });
    const [first, next] = [permits('a', 3, 8), permits('b', 4, 5)];
    write(lock('gpu', [first], []));
    write(lock('gpu', [first], [next]));
    write(lock('gpu', [first], [next], 'limit=8 stated=5'));
    const both = lock('gpu', [first], [], 'limit=8 stated=5');
    write({
      ...both,
      metadata: {
        ...both.metadata,
        annotations: {
          ...both.metadata.annotations,
          'holder.leasehold.dev/5e0c44aa-1': entry(next),
        },
      },
    });
    write(lock('gpu', [], [], 'limit=8 stated=5'));
    write(lock('gpu', [], []));
    write(lock('config', [reader('c', 8)], []));
    expect(lines).toEqual([
      'acquired          gpu                   train-x2kq4-1f9a3c21 (3 permits)',
      'waiting           gpu                   train-9pl2c-5e0c44aa (4 permits), place 1',
      'resized           gpu                   8 permits, its programs state 5',
      'granted           gpu                   train-9pl2c-5e0c44aa (4 permits), after 0ms',
      'released          gpu                   train-x2kq4-1f9a3c21 (3 permits), for 0ms',
      'released          gpu                   train-9pl2c-5e0c44aa (4 permits), for 0ms',
      'resized           gpu                   5 permits, as its programs state',
      'acquired          config                train-m8w6j-0d91b7f2 (reader)',
    ]);
  });
});
