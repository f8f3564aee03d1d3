import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { description } from '../../src/cli/output/description.ts';
import { candidateFields, candidatesOf } from '../../src/core/candidates.ts';
import { withPublished } from '../../src/core/election.ts';
import { formatEntry } from '../../src/core/entry.ts';
import { leaseName } from '../../src/core/names.ts';
import type { Lease } from '../../src/core/lease.ts';
import { factsOf } from '../../src/inspect/facts.ts';
import { findNamed, nearNames } from '../../src/inspect/find.ts';
import { Snapshot } from '../../src/inspect/snapshot.ts';
import type { ElectionView, LockView, SessionView, View } from '../../src/inspect/views.ts';
import { lockLeases } from './arbitraries.ts';

const AT = Date.parse('2026-11-21T10:00:00Z');

/** So many seconds before the snapshot. */
function ago(seconds: number): string {
  return new Date(AT - seconds * 1_000).toISOString().replace('Z', '000Z');
}

function lease(name: string, rest: Partial<Lease['metadata']> = {}, spec?: Lease['spec']): Lease {
  const metadata = { name, namespace: 'ns', uid: `uid-${name}`, ...rest };
  return { metadata, ...(spec ? { spec } : {}) };
}

function session(name: string, renewed: number, rest: Partial<Lease['metadata']> = {}): Lease {
  const labels = { 'leasehold.dev/role': 'session' };
  return lease(
    name,
    { labels, creationTimestamp: ago(100), ...rest },
    { holderIdentity: 'billing-x2kq4', leaseDurationSeconds: 15, renewTime: ago(renewed) },
  );
}

function entry(of: string, since: number, seen?: bigint): string {
  return formatEntry({
    session: of,
    sessionUid: `uid-${of}`,
    ttl: 15,
    mode: 'exclusive',
    since: ago(since),
    ...(seen === undefined ? {} : { seen }),
  });
}

function lock(annotations: Record<string, string>, spec?: Lease['spec']): Lease {
  return lease('lock', { labels: { 'leasehold.dev/role': 'lock' }, annotations }, spec);
}

function views(...leases: Lease[]): View[] {
  const snapshot = new Snapshot(leases.map(factsOf), AT);
  return [...snapshot.views(snapshot.facts)];
}

function lockView(...leases: Lease[]): LockView {
  return views(...leases).find((view) => view.kind === 'Lock') as LockView;
}

describe('any Lease', () => {
  const text = fc.oneof(fc.string(), fc.constantFrom('', 'x', ago(5), 'session', 'lock', 'state'));
  const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
    fc.option(value, { nil: undefined });
  const key = fc.oneof(
    text,
    text.map((id) => `holder.leasehold.dev/${id}`),
    text.map((id) => `queue.leasehold.dev/${id}`),
    fc.constantFrom(
      'leasehold.dev/name',
      'leasehold.dev/void',
      'leasehold.dev/challenge',
      'leasehold.dev/resign',
      'leasehold.dev/transfer-to',
      'schedule.leasehold.dev/plan',
      'schedule.leasehold.dev/run',
      'schedule.leasehold.dev/last',
    ),
  );
  const value = fc.oneof(
    text,
    fc
      .record(
        {
          v: fc.nat(2),
          everyMs: fc.integer(),
          cron: text,
          timeZone: text,
          atMostMs: fc.nat(),
          atLeastMs: fc.nat(),
          attempt: text,
          tick: text,
          outcome: text,
        },
        { requiredKeys: [] },
      )
      .map((fields) => JSON.stringify(fields)),
    fc
      .tuple(text, text, fc.nat())
      .map(
        ([name, since, ttl]) =>
          `v=1 session=${name} uid=u ttl=${String(ttl)} mode=m since=${since}`,
      ),
  );
  const malformed = fc.record({
    metadata: fc.record({
      name: fc.constantFrom('a', 'b'),
      namespace: optional(fc.constantFrom('ns', 'kube-node-lease')),
      uid: optional(text),
      creationTimestamp: optional(fc.option(text)),
      labels: optional(fc.dictionary(fc.constantFrom('leasehold.dev/role', 'x'), text)),
      annotations: optional(fc.dictionary(key, value)),
      ownerReferences: optional(fc.constant([])),
      managedFields: optional(
        fc.array(
          fc.record({ time: text, fieldsV1: fc.constant({ 'f:spec': { 'f:renewTime': {} } }) }),
        ),
      ),
    }),
    spec: optional(
      fc.record(
        {
          holderIdentity: fc.option(text),
          leaseDurationSeconds: fc.option(fc.integer()),
          acquireTime: fc.option(text),
          renewTime: fc.option(text),
          leaseTransitions: fc.option(fc.integer()),
          strategy: fc.option(text),
        },
        { requiredKeys: [] },
      ),
    ),
  });

  it('is shown as something, and as JSON, however it is written', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(malformed, lockLeases(3)), { maxLength: 5 }), (leases) => {
        const shown = views(...(leases as Lease[]));
        expect(shown).toHaveLength(leases.length);
        expect(JSON.parse(JSON.stringify(shown))).toEqual(shown);
      }),
    );
  });
});

describe('a lock', () => {
  const held = { 'holder.leasehold.dev/aa-1': entry('s-aa', 60) };

  it('is held by a session that renews, and is waited for in order', () => {
    const view = lockView(
      lock({
        ...held,
        'queue.leasehold.dev/cc-1': entry('s-cc', 5, 9n),
        'queue.leasehold.dev/bb-1': entry('s-bb', 20, 8n),
      }),
      session('s-aa', 4),
      session('s-bb', 16),
      session('s-cc', 0, { annotations: { 'leasehold.dev/void': 'x-1 cc-1' } }),
    );
    expect(view).toMatchObject({ state: 'held', longestWaitSeconds: 20 });
    expect(view.holders).toMatchObject([
      {
        session: 's-aa',
        sessionState: 'live',
        sessionRemainingSeconds: 11,
        sessionAgeSeconds: 100,
        process: 'billing-x2kq4',
        heldSeconds: 60,
      },
    ]);
    expect(view.queue).toMatchObject([
      { session: 's-bb', sessionState: 'overdue', sessionRemainingSeconds: -1, waitedSeconds: 20 },
      { session: 's-cc', sessionState: 'live', void: true, waitedSeconds: 5 },
    ]);
  });

  it.each([
    ['overdue', [session('s-aa', 16)]],
    ['blank', [{ ...session('s-aa', 1), spec: { holderIdentity: '' } }]],
    ['missing', []],
    ['missing', [session('s-aa', 1, { uid: 'another' })]],
    ['void', [session('s-aa', 1, { annotations: { 'leasehold.dev/void': 'aa-1' } })]],
  ] as const)('is %s', (state, sessions) => {
    expect(lockView(lock(held), ...sessions).state).toBe(state);
  });

  it('is blocked by a holder that cannot be read, and nothing else is', () => {
    const view = lockView(
      lock({ ...held, 'holder.leasehold.dev/bb-1': 'v=0' }),
      session('s-aa', 1),
    );
    expect(view).toMatchObject({ state: 'unreadable', unreadableHolders: ['bb-1'] });
    const queue = lockView(lock({ ...held, 'queue.leasehold.dev/bb-1': '?' }), session('s-aa', 1));
    expect(queue).toMatchObject({ state: 'held', unreadableQueue: ['bb-1'] });
  });

  it('without its label is one by its entries', () => {
    expect(views(lease('x', { annotations: held }))).toMatchObject([{ kind: 'Lock' }]);
  });

  it('of an older leasehold says since when by the time of its last grant', () => {
    const old = (id: string): string => entry(id, 0).replace(/ since=.*/, '');
    const spec = { acquireTime: ago(30) };
    const one = lockView(lock({ 'holder.leasehold.dev/aa-1': old('s-aa') }, spec));
    expect(one.holders[0]?.heldSeconds).toBe(30);
    const waiter = lockView(lock({ ...held, 'queue.leasehold.dev/bb-1': old('s-bb') }, spec));
    expect(waiter.queue[0]?.waitedSeconds).toBeNull();
  });

  it('counts no negative time, as clocks of others may be ahead', () => {
    const view = lockView(lock({ 'holder.leasehold.dev/aa-1': entry('s-aa', -30) }));
    expect(view.holders[0]?.heldSeconds).toBe(0);
  });
});

describe('a session', () => {
  it('tells what it holds and waits for, in its namespace only', () => {
    const [view] = views(
      session('s-aa', 1),
      lock({ 'holder.leasehold.dev/aa-1': entry('s-aa', 1) }),
      lease('Name', {
        annotations: {
          'queue.leasehold.dev/aa-2': entry('s-aa', 1),
          'leasehold.dev/name': 'N / N',
        },
      }),
      lease('elsewhere', {
        namespace: 'other',
        annotations: { 'holder.leasehold.dev/aa-3': entry('s-aa', 1) },
      }),
    ) as [SessionView];
    expect(view).toMatchObject({ holds: ['lock'], waitsFor: ['N / N'], remainingSeconds: 14 });
  });

  it('is timed by what the server noted, not by the clock of its owner', () => {
    const managedFields = [
      { time: ago(3), fieldsV1: { 'f:spec': { 'f:renewTime': {} } } },
      { time: ago(1), fieldsV1: { 'f:metadata': {} } },
    ];
    const [view] = views(session('s-aa', 5_000, { managedFields })) as [SessionView];
    expect(view).toMatchObject({ state: 'live', remainingSeconds: 12 });
  });
});

describe('an election', () => {
  const led = {
    holderIdentity: 'a',
    leaseDurationSeconds: 15,
    acquireTime: ago(50),
    renewTime: ago(2),
    leaseTransitions: 3,
  };

  it.each([
    ['led', led],
    ['overdue', { ...led, renewTime: ago(16) }],
    ['free', { ...led, holderIdentity: '' }],
    ['free', { ...led, holderIdentity: null }],
  ] as const)('is %s', (state, spec) => {
    const [view] = views(lease('e', {}, spec)) as [ElectionView];
    expect(view).toMatchObject({ kind: 'Election', state, transitions: 3 });
    expect(view.leader).toBe(state === 'free' ? null : 'a');
  });

  it('tells of what its leader was asked', () => {
    const annotations = { 'leasehold.dev/resign': 'a/3', 'leasehold.dev/resign-to': 'b' };
    expect(views(lease('e', { annotations }, led))).toMatchObject([
      { resignRequested: true, resignTo: 'b' },
    ]);
  });

  it('tells what its leader publishes in this term, and who else stands', () => {
    const told = withPublished(lease('e', {}, led), { value: 'v', priority: 2 });
    const candidates = [
      { identity: 'a', priority: 2, session: 's' },
      { identity: 'b c', priority: 7, session: 'gone' },
    ];
    const annotations = Object.fromEntries(
      candidates.map(({ session: of, ...candidate }, index) => [
        `holder.leasehold.dev/x-${String(index + 1)}`,
        `${entry(of, 5)} ${candidateFields(candidate)}`,
      ]),
    );
    const labels = { 'leasehold.dev/role': 'lock' };
    const { lease: name } = leaseName(candidatesOf('e'));
    const list = lease(name, { labels, annotations });
    const [view] = views(told, list, session('s', 2)) as [ElectionView];
    expect(view).toMatchObject({ value: 'v', priority: 2 });
    expect(view.candidates).toEqual([
      { ...candidates[1], sessionState: 'missing' },
      { ...candidates[0], sessionState: 'live' },
    ]);
    const lines = [...description(view, { nodes: new Map(), events: [], at: AT }, 80)].join('\n');
    expect(lines).toMatch(/^ {2}b c: priority 7, session gone: missing$/m);
    expect(lines).toMatch(/^ {2}a: priority 2, leads, session s$/m);
    const followed = { ...told, spec: { ...led, holderIdentity: 'b', leaseTransitions: 4 } };
    expect(views(followed)).toMatchObject([{ value: null, priority: null, candidates: [] }]);
  });

  const heartbeat = { holderIdentity: 'n', leaseDurationSeconds: 40, renewTime: ago(2) };
  it.each([
    ['heartbeat of a node', lease('n', { namespace: 'kube-node-lease' }, heartbeat)],
    [
      'identity of an API server',
      lease('a', { labels: { 'apiserver.kubernetes.io/identity': 'kube-apiserver' } }, heartbeat),
    ],
    ['heartbeat', lease('h', {}, heartbeat)],
    ['empty', lease('e')],
    [
      'of leasehold, with role state',
      lease('s', { labels: { 'leasehold.dev/role': 'state' } }, led),
    ],
  ])('is not the %s', (description, other) => {
    expect(views(other)).toMatchObject([{ kind: 'Other', description }]);
  });

  it('is one of the API server by its strategy', () => {
    expect(
      views(lease('kcm', {}, { ...heartbeat, strategy: 'OldestEmulationVersion' })),
    ).toMatchObject([{ kind: 'Election', strategy: 'OldestEmulationVersion' }]);
  });
});

describe('a name', () => {
  const facts = [
    session('invoices', 1),
    lease('nightly-report-eu-acd0a7fc7fe82791', {
      labels: { 'leasehold.dev/role': 'lock' },
      annotations: { 'leasehold.dev/name': 'nightly report / EU' },
    }),
    lease('invoices', { labels: { 'leasehold.dev/role': 'lock' } }),
    lease('billing', {}, { leaseTransitions: 1 }),
  ].map(factsOf);

  it('is the original one, or that of the Lease; a lock goes first', () => {
    for (const name of ['nightly report / EU', 'nightly-report-eu-acd0a7fc7fe82791']) {
      expect(findNamed(facts, name)?.lease).toBe('nightly-report-eu-acd0a7fc7fe82791');
    }
    expect(findNamed(facts, 'invoices')?.kind).toBe('lock');
    expect(findNamed(facts, 'nobody')).toBeUndefined();
  });

  it.each([
    ['invoces', ['invoices']],
    ['night', ['nightly report / EU']],
    ['Biling', ['billing']],
    ['x', []],
    ['something else', []],
  ])('%s is near to %j', (name, near) => {
    expect(nearNames(facts, name)).toEqual(near);
  });
});
