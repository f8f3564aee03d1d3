import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { formatEntry } from '../../src/core/entry.ts';
import type { Lease } from '../../src/core/lease.ts';
import { ChangeTracker } from '../../src/inspect/changes.ts';
import { factsOf } from '../../src/inspect/facts.ts';

const START = Date.parse('2026-11-21T10:00:00Z');

/** A tracker, time that is set by hand, and what was told since it was last asked. */
function world(): {
  tracker: ChangeTracker;
  wait: (seconds: number) => void;
  list: (...leases: Lease[]) => void;
  write: (lease: Lease) => void;
  remove: (lease: Lease) => void;
  session: (name: string, holder?: string) => Lease;
  told: () => object[];
} {
  let now = 0;
  const clock: Clock = { now: () => now, wall: () => START + now, schedule: () => () => undefined };
  let changes: object[] = [];
  const tracker = new ChangeTracker(clock, (change) => {
    const { kind: _, time: __, namespace: ___, lease: ____, ...rest } = change;
    changes.push(Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null)));
  });
  return {
    tracker,
    wait: (seconds) => (now += seconds * 1_000),
    list: (...leases) => {
      tracker.listed({ facts: leases.map(factsOf), at: START + now, resourceVersion: '1' });
    },
    write: (lease) => tracker.written(factsOf(lease)),
    remove: (lease) => tracker.deleted(factsOf(lease)),
    session: (name, holder = `pod-${name}`) => ({
      metadata: {
        name,
        namespace: 'ns',
        uid: `uid-${name}`,
        labels: { 'leasehold.dev/role': 'session' },
      },
      spec: {
        holderIdentity: holder,
        leaseDurationSeconds: 15,
        renewTime: new Date(START + now).toISOString(),
      },
    }),
    told: () => {
      const all = changes;
      changes = [];
      return all;
    },
  };
}

function lock(holder: string | undefined, ...queue: string[]): Lease {
  const value = (session: string): string =>
    formatEntry({
      session,
      sessionUid: `uid-${session}`,
      ttl: 15,
      mode: 'exclusive',
      seen: 1n,
      since: new Date(START - 60_000).toISOString(),
    });
  return {
    metadata: {
      name: 'lock',
      namespace: 'ns',
      uid: 'uid-lock',
      labels: { 'leasehold.dev/role': 'lock' },
      annotations: Object.fromEntries([
        ...(holder === undefined ? [] : [[`holder.leasehold.dev/${holder}-1`, value(holder)]]),
        ...queue.map((session) => [`queue.leasehold.dev/${session}-1`, value(session)]),
      ]) as Record<string, string>,
    },
  };
}

function election(leader: string, transitions = 1): Lease {
  return {
    metadata: { name: 'election', namespace: 'ns', uid: 'uid-election' },
    spec: {
      holderIdentity: leader,
      leaseDurationSeconds: 15,
      leaseTransitions: transitions,
      acquireTime: new Date(START - 60_000).toISOString(),
      renewTime: new Date(START).toISOString(),
    },
  };
}

describe('of a lock is told', () => {
  it('who acquires, waits, is granted, gives up and releases, with how long', () => {
    const { list, write, remove, session, wait, told } = world();
    list(session('a'), session('b'), session('c'));
    write(lock('a'));
    wait(1);
    write(lock('a', 'b'));
    write(lock('a', 'b', 'c'));
    wait(2);
    write(lock('b', 'c'));
    wait(1);
    write(lock('b'));
    remove(lock('b'));
    const of = (id: string): object => ({
      name: 'lock',
      attempt: `${id}-1`,
      session: id,
      process: `pod-${id}`,
      mode: 'exclusive',
    });
    expect(told()).toEqual([
      { type: 'acquired', ...of('a') },
      { type: 'waiting', ...of('b'), position: 1 },
      { type: 'waiting', ...of('c'), position: 2 },
      { type: 'released', ...of('a'), heldSeconds: 3 },
      { type: 'granted', ...of('b'), from: 'a', waitedSeconds: 2 },
      { type: 'gave-up', ...of('c'), waitedSeconds: 3 },
      { type: 'released', ...of('b'), heldSeconds: 1 },
    ]);
  });

  it('that it was lost, and why', () => {
    const { list, write, remove, session, told } = world();
    list(session('a'), session('b'), lock('a', 'b'));
    write(session('a', ''));
    write(lock('b'));
    remove(session('b'));
    remove(lock('b'));
    expect(told()).toMatchObject([
      { type: 'session-revoked', session: 'a', process: 'pod-a' },
      { type: 'lost', session: 'a', reason: 'session revoked', heldSeconds: 60 },
      { type: 'granted', session: 'b', from: 'a', waitedSeconds: 60 },
      { type: 'session-ended', session: 'b' },
      { type: 'lost', session: 'b', reason: 'session missing', heldSeconds: 0 },
    ]);
  });

  it('nothing twice, by an event or by a list after a gap', () => {
    const { list, write, session, told } = world();
    list(session('a'));
    write(lock('a'));
    told();
    write(lock('a'));
    list(lock('a'), session('a'));
    list(lock('a'), session('a'));
    expect(told()).toEqual([]);
  });

  it('after a gap what is new, and nobody is blamed for what was missed', () => {
    const { list, session, told } = world();
    list(session('a'), session('b'), lock('a', 'b'));
    list(session('b'), session('c'), lock('b', 'c'));
    expect(told()).toMatchObject([
      { type: 'session-began', session: 'c' },
      { type: 'released', session: 'a' },
      { type: 'granted', session: 'b', from: 'a' },
      { type: 'waiting', session: 'c' },
      { type: 'session-ended', session: 'a' },
    ]);
  });

  it('an entry that blocks it', () => {
    const { list, write, told } = world();
    list();
    const unreadable = lock(undefined);
    unreadable.metadata.annotations = { 'holder.leasehold.dev/x-1': '?' };
    write(unreadable);
    write(unreadable);
    expect(told()).toMatchObject([{ type: 'unreadable', attempt: 'x-1' }]);
  });
});

describe('of a session is told', () => {
  it('its beginning and its end, and of a revoked one not its deletion', () => {
    const { list, write, remove, session, wait, told } = world();
    list();
    write(session('a'));
    wait(2);
    remove(session('a'));
    write(session('b'));
    write(session('b', ''));
    remove(session('b', ''));
    expect(told()).toMatchObject([
      { type: 'session-began', session: 'a' },
      { type: 'session-ended', session: 'a', heldSeconds: 2 },
      { type: 'session-began', session: 'b' },
      { type: 'session-revoked', session: 'b' },
    ]);
  });

  it('once that it is overdue, and that it renewed after all', () => {
    const { tracker, list, write, session, wait, told } = world();
    list();
    write(session('a'));
    told();
    wait(15);
    tracker.tick();
    expect(told()).toEqual([]);
    wait(1);
    tracker.tick();
    tracker.tick();
    expect(told()).toMatchObject([{ type: 'session-overdue', session: 'a' }]);
    write(session('a'));
    expect(told()).toMatchObject([{ type: 'session-renewed', session: 'a' }]);
  });

  it('not that it is overdue when that is no news, or when nothing could be heard', () => {
    const { tracker, list, session, wait, told } = world();
    const stale = session('stale');
    wait(20);
    list(stale, session('a'));
    tracker.tick();
    wait(20);
    tracker.resumed();
    tracker.tick();
    expect(told()).toEqual([]);
  });
});

describe('of an election is told', () => {
  it('who leads after whom, and who resigned or was asked to', () => {
    const { list, write, remove, told } = world();
    list(election('a'));
    write(election('b', 2));
    const asked = election('b', 2);
    asked.metadata.annotations = { 'leasehold.dev/resign': 'b/2', 'leasehold.dev/resign-to': 'c' };
    write(asked);
    write(election('', 2));
    write(election('c', 3));
    remove(election('c', 3));
    expect(told()).toMatchObject([
      { type: 'leading', process: 'b', from: 'a', heldSeconds: 60 },
      { type: 'resign-requested', process: 'b', reason: 'in favour of c' },
      { type: 'resigned', process: 'b' },
      { type: 'leading', process: 'c' },
      { type: 'resigned', process: 'c', reason: 'the Lease was deleted' },
    ]);
  });

  it('that its leader is overdue', () => {
    const { tracker, list, wait, told } = world();
    list(election('a'));
    wait(16);
    tracker.tick();
    expect(told()).toMatchObject([{ type: 'leader-overdue', process: 'a' }]);
  });
});
