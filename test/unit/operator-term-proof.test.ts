import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLeaseholdError } from '../../src/core/errors.ts';
import type { Lease } from '../../src/core/lease.ts';
import { holderPatterns } from '../../src/operator/holder.ts';
import { observedPod } from '../../src/operator/observed-pod.ts';
import type { ObservedPod } from '../../src/operator/observed-pod.ts';
import { PodIndex } from '../../src/operator/pod-index.ts';
import { isReclaimable, verdictOnTerm } from '../../src/operator/term-proof.ts';
import type { TermEnd, TermVerdict } from '../../src/operator/term-proof.ts';

const UUID = '6f1c1c6a-8d5b-4a53-9a0e-2f3f6f0b7f11';
const time = (clock: string): string => `2026-01-01T${clock}Z`;

interface Held {
  readonly holder?: string;
  readonly acquired?: string;
  readonly renewed?: string;
  /** On the server's clock; at once if not given. */
  readonly stored?: string;
  readonly annotations?: Record<string, string>;
  readonly labels?: Record<string, string>;
  readonly spec?: object;
}

function held(given: Held = {}): Lease {
  const { annotations = {}, labels = {}, spec } = given;
  return {
    metadata: {
      name: 'controller',
      namespace: 'billing',
      annotations,
      labels,
      managedFields: [
        {
          manager: 'controller',
          time: time(given.stored ?? given.renewed?.slice(0, 8) ?? '11:29:58'),
          fieldsV1: { 'f:spec': { 'f:renewTime': {} } },
        },
      ],
    },
    spec: {
      holderIdentity: given.holder ?? `controller-0_${UUID}`,
      leaseDurationSeconds: 15,
      acquireTime: time(given.acquired ?? '11:00:00.500000'),
      renewTime: time(given.renewed ?? '11:29:58.500000'),
      leaseTransitions: 3,
      ...spec,
    },
  };
}

const ended = (finish = '11:30:00', more: object = {}): object => ({
  terminated: {
    containerID: 'containerd://one',
    exitCode: 137,
    reason: 'Error',
    startedAt: time('10:00:00'),
    finishedAt: time(finish),
    ...more,
  },
});
const running = (start: string): object => ({ running: { startedAt: time(start) } });

interface Given {
  readonly metadata?: object;
  readonly spec?: object;
  readonly statuses?: Readonly<Record<string, object>>;
}

function pod(given: Given = {}): ObservedPod {
  const statuses = given.statuses ?? { main: { state: ended() } };
  const observed = observedPod({
    metadata: {
      namespace: 'billing',
      name: 'controller-0',
      uid: 'pod-uid',
      creationTimestamp: time('09:59:00'),
      ...given.metadata,
    },
    spec: {
      nodeName: 'node-1',
      containers: Object.keys(statuses).map((name) => ({ name })),
      ...given.spec,
    },
    status: {
      containerStatuses: Object.entries(statuses).map(([name, status]) => ({ name, ...status })),
    },
  });
  if (!observed) throw new Error('no Pod');
  return observed;
}

/** As it is long after the end. */
function proof(
  lease: Lease,
  pods: readonly ObservedPod[] = [pod()],
  patterns = holderPatterns(),
): TermEnd | undefined {
  const index = new PodIndex();
  for (const one of pods) index.written(one);
  return proven(
    verdictOnTerm(lease, index.known('billing'), patterns, Date.parse(time('12:00:00'))),
  );
}

function proven(verdict: TermVerdict | undefined): TermEnd | undefined {
  return verdict?.kind === 'dead' ? verdict.proof : undefined;
}

const restarted = pod({
  statuses: {
    main: {
      containerID: 'containerd://two',
      state: running('11:30:00'),
      lastState: ended('11:30:00'),
    },
  },
});

describe('what proves that the leader of any election has ended', () => {
  it('is the end of all containers of the one Pod that its identity names', () => {
    expect(proof(held())).toEqual({
      holder: `controller-0_${UUID}`,
      pod: 'controller-0',
      podUid: 'pod-uid',
      container: 'main',
      containerID: 'containerd://one',
      reason: 'Error',
      exitCode: 137,
      acquireTime: Date.UTC(2026, 0, 1, 11, 0, 0, 500),
      renewTime: Date.UTC(2026, 0, 1, 11, 29, 58, 500),
      finishedAt: Date.UTC(2026, 0, 1, 11, 30),
    });
  });

  it.each([
    ['client-go and controller-runtime', `controller-0_${UUID}`],
    ['leasehold', 'controller-0_1f9a3c21'],
    ['operator-sdk', 'controller-0'],
  ])('is known by the identity that %s writes', (_, holder) => {
    expect(proof(held({ holder }))).toBeDefined();
  });

  it('is found by the hostname that the kubelet gives to a Pod', () => {
    const name = `controller-${'x'.repeat(51)}-0`;
    expect(name).toHaveLength(64);
    const long = pod({ metadata: { name } });
    const holder = `${name.slice(0, 62)}_${UUID}`;
    expect(proof(held({ holder }), [long])).toBeDefined();
    const called = pod({ spec: { hostname: 'elected' } });
    expect(proof(held({ holder: `elected_${UUID}` }), [called])).toBeDefined();
  });

  it('is found by a pattern of your own', () => {
    const holder = 'controller-0-external-cert-manager-controller';
    expect(proof(held({ holder }))).toBeUndefined();
    const own = holderPatterns(['^(?<pod>.+)-external-cert-manager-controller$']);
    expect(proof(held({ holder }), [pod()], own)).toBeDefined();
  });

  it('is the end of the container that the Lease or the Pod names', () => {
    const statuses = { main: { state: ended() }, proxy: { state: running('10:00:00') } };
    expect(proof(held(), [pod({ statuses })])).toBeUndefined();
    const annotations = { 'leasehold.dev/container': 'main' };
    expect(proof(held({ annotations }), [pod({ statuses })])).toBeDefined();
    expect(proof(held(), [pod({ statuses, metadata: { annotations } })])).toBeDefined();
    const other = { 'leasehold.dev/container': 'proxy' };
    expect(proof(held({ annotations: other }), [pod({ statuses })])).toBeUndefined();
    const missing = { 'leasehold.dev/container': 'another' };
    expect(proof(held({ annotations: missing }), [pod({ statuses })])).toBeUndefined();
  });

  it('counts a renewal in the second of the end for one before it, if the identity is unique', () => {
    expect(proof(held({ renewed: '11:30:00.900000' }))).toBeDefined();
    expect(proof(held({ renewed: '11:30:01.000000' }))).toBeUndefined();
  });

  it('is the end before the restart, as the next process has another identity', () => {
    expect(proof(held(), [restarted])).toBeDefined();
    expect(proof(held({ acquired: '11:30:00.100000' }), [restarted])).toBeUndefined();
    const later = { acquired: '11:30:05.000000', renewed: '11:30:05.000000' };
    expect(proof(held(later), [restarted])).toBeUndefined();
  });

  it('is of the Pod that was there at the last renewal, not of the next one of its name', () => {
    const next = pod({
      metadata: { uid: 'next', creationTimestamp: time('11:30:02') },
      spec: { nodeName: 'node-2' },
      statuses: { main: { state: running('11:30:04') } },
    });
    expect(proof(held(), [pod(), next])).toMatchObject({ podUid: 'pod-uid' });
    expect(proof(held({ stored: '11:30:02' }), [pod(), next])).toBeUndefined();
    const { metadata, ...lease } = held();
    const { managedFields: _, ...undated } = metadata;
    expect(proof({ ...lease, metadata: undated }, [pod(), next])).toBeUndefined();
  });
});

describe('a name that the next process has too', () => {
  const holder = 'controller-0';

  it('needs a renewal before the second of the end', () => {
    expect(proof(held({ holder, renewed: '11:29:59.999999' }))).toBeDefined();
    expect(proof(held({ holder, renewed: '11:30:00.000000' }))).toBeUndefined();
  });

  it.each([
    ['the uid of the Pod', `controller-0_${UUID}`, UUID],
    ['the uid of the Pod in capitals', `controller-0_${UUID}`, UUID.toUpperCase()],
    ['the beginning of the uid', `controller-0_${UUID.slice(0, 8)}`, UUID],
  ])('is also what has %s for its unique part', (_, identity, uid) => {
    const metadata = { uid };
    const main = {
      containerID: 'containerd://two',
      state: running('11:30:00'),
      lastState: ended('11:30:00'),
    };
    const again = pod({ metadata, statuses: { main } });
    // The next process has gone on with the term of the one before.
    expect(proof(held({ holder: identity, renewed: '11:30:00.900000' }), [again])).toBeUndefined();
    expect(proof(held({ holder: identity }), [again])).toBeDefined();
  });

  it('is also what a pattern of your own takes for unique, and is of the Pod', () => {
    const own = holderPatterns(['^(?<pod>.+)/(?<unique>.+)$']);
    const renewed = '11:30:00.900000';
    const unique = (text: string): TermEnd | undefined =>
      proof(held({ holder: `controller-0/${text}`, renewed }), [restarted], own);
    expect(unique('a1b2c3')).toBeDefined();
    expect(unique('pod-uid')).toBeUndefined();
    expect(unique('0')).toBeUndefined();
    const namesake = pod({ metadata: { name: 'another', uid: 'a1b2c3' } });
    const holder = 'controller-0/a1b2c3';
    expect(proof(held({ holder, renewed }), [restarted, namesake], own)).toBeUndefined();
  });

  it('is not the old term that the next process goes on with', () => {
    // It keeps the time at which the term began.
    expect(proof(held({ holder, renewed: '11:30:01.200000' }), [restarted])).toBeUndefined();
    expect(proof(held({ holder }), [restarted])).toBeDefined();
  });

  it('may be that of a Pod elsewhere once its own is gone', () => {
    const index = new PodIndex();
    index.written(pod());
    index.deleted(pod());
    const known = index.known('billing');
    const at = Date.parse(time('12:00:00'));
    expect(verdictOnTerm(held({ holder }), known, holderPatterns(), at)).toBeUndefined();
    expect(proven(verdictOnTerm(held(), known, holderPatterns(), at))).toBeDefined();
  });
});

describe('what proves nothing about a leader', () => {
  const cases: Readonly<Record<string, [Lease, ObservedPod[]]>> = {
    'a Pod that runs': [held(), [pod({ statuses: { main: { state: running('10:00:00') } } })]],
    'an eviction, a deletion and a failed phase without an end': [
      held(),
      [
        pod({
          metadata: { deletionTimestamp: time('11:29:00') },
          statuses: { main: { state: running('10:00:00') } },
        }),
      ],
    ],
    'a container whose status was lost': [
      held(),
      [
        pod({
          statuses: { main: { state: ended('11:30:00', { reason: 'ContainerStatusUnknown' }) } },
        }),
      ],
    ],
    'an end without a time': [
      held(),
      [pod({ statuses: { main: { state: ended('11:30:00', { finishedAt: null }) } } })],
    ],
    'a missing Pod': [held(), []],
    'two Pods of that hostname': [
      held({ holder: `elected_${UUID}` }),
      [
        pod({ spec: { hostname: 'elected' } }),
        pod({ metadata: { name: 'b', uid: 'b' }, spec: { hostname: 'elected' } }),
      ],
    ],
    'a Pod of that name in another namespace, too': [
      held(),
      [pod(), pod({ metadata: { namespace: 'shop', uid: 'namesake' } })],
    ],
    'another Pod that was given its name as hostname': [
      held(),
      [
        pod(),
        pod({ metadata: { name: 'b', uid: 'b' }, spec: { hostnameOverride: 'controller-0' } }),
      ],
    ],
    'the hostname of a node': [
      held({ holder: `node-1_${UUID}` }),
      [pod({ metadata: { name: 'node-1' } })],
    ],
    'the name of a node': [held({ holder: 'node-1' }), [pod({ metadata: { name: 'node-1' } })]],
    'the hostname of a Pod that has that of its node': [
      held({ holder: `elected_${UUID}` }),
      [pod({ spec: { hostNetwork: true, hostname: 'elected' } })],
    ],
    'a term that began in the second of the end': [
      held({ acquired: '11:30:00.000000', renewed: '11:30:00.000000' }),
      [pod()],
    ],
    'a term that began before the container': [held({ acquired: '09:59:59.000000' }), [pod()]],
    'a renewal before the term began': [held({ renewed: '10:59:00.000000' }), [pod()]],
    'a renewal after the end': [held({ renewed: '11:31:00.000000' }), [pod()]],
    'a term without times': [held({ spec: { acquireTime: null } }), [pod()]],
    'a term that was never renewed': [held({ spec: { renewTime: 'soon' } }), [pod()]],
    'an identity that is only a uuid': [held({ holder: UUID }), [pod()]],
    'a part that is not unique': [held({ holder: 'controller-0_1' }), [pod()]],
    'an identity of a thousand characters': [held({ holder: 'x'.repeat(1_000) }), [pod()]],
    'a Pod in another namespace': [held(), [pod({ metadata: { namespace: 'shop' } })]],
  };

  it.each(Object.entries(cases))('%s', (_, [lease, pods]) => {
    expect(proof(lease, pods)).toBeUndefined();
  });

  it('whatever is in a Lease, and a proof is never of a term after the end', () => {
    const moment = fc.oneof(
      fc
        .constantFrom('11:00:00.500000', '11:29:59.000000', '11:30:00.500000', '12:00:00.000000')
        .map(time),
      fc.string(),
      fc.constant(null),
    );
    const spec = fc.record({
      holderIdentity: fc.constantFrom('controller-0', `controller-0_${UUID}`, '', 'x'),
      acquireTime: moment,
      renewTime: moment,
    });
    fc.assert(
      fc.property(spec, fc.constantFrom(pod(), restarted), (given, one) => {
        const found = proof({ ...held(), spec: given }, [one]);
        if (!found) return;
        expect(found.acquireTime).toBeLessThan(found.finishedAt + 1_000);
        expect(found.renewTime).toBeLessThan(found.finishedAt + 1_000);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('clocks that do not agree about a term', () => {
  const fieldsV1 = { 'f:status': { 'f:containerStatuses': {} } };
  /** Told by the watch at this time of the server. */
  const heard = (status: object, storedAt: string): PodIndex => {
    const index = new PodIndex();
    index.written(pod({ statuses: { main: { state: running('10:00:00') } } }));
    const managedFields = [{ manager: 'kubelet', time: time(storedAt), fieldsV1 }];
    index.written(pod({ statuses: { main: status }, metadata: { managedFields } }));
    return index;
  };
  const verdict = (lease: Lease, index: PodIndex, at?: string): TermVerdict | undefined => {
    const serverTime = at === undefined ? undefined : Date.parse(time(at));
    return verdictOnTerm(lease, index.known('billing'), holderPatterns(), serverTime);
  };

  it('need no silence for an end that was heard when it was reported', () => {
    const index = heard({ state: ended() }, '11:30:00');
    expect(verdict(held(), index)).toMatchObject({ kind: 'dead', isHeard: true });
    expect(verdict(held({ holder: 'controller-0' }), index)).toMatchObject({ isHeard: true });
    expect(verdict(held(), heard({ state: ended() }, '11:29:58'))).toBeUndefined();
  });

  it('are asked for silence otherwise', () => {
    const index = new PodIndex();
    index.listed([pod()], undefined);
    expect(verdict(held(), index)).toBeUndefined();
    expect(verdict(held(), index, '11:30:00')).toMatchObject({ kind: 'early', wait: 6_500 });
    expect(verdict(held(), index, '11:30:06')).toMatchObject({ kind: 'dead', isHeard: false });
    const undated = held({ spec: { leaseDurationSeconds: null } });
    expect(verdict(undated, index, '12:00:00')).toBeUndefined();
  });

  it('are seen at the last renewal, and at the end', () => {
    const index = heard({ state: ended() }, '11:30:00');
    const doubtful = { kind: 'doubtful', why: 'renewal' };
    expect(verdict(held({ stored: '11:29:56' }), index)).toMatchObject(doubtful);
    expect(verdict(held({ stored: '11:30:01' }), index)).toMatchObject(doubtful);
    const ahead = heard({ state: ended('11:40:00') }, '11:30:00');
    expect(verdict(held(), ahead, '11:30:10')).toMatchObject({ kind: 'doubtful', why: 'end' });
  });
});

describe('which Leases may be released', () => {
  it('are held elections that are opted in, by themselves or by their namespace', () => {
    const labelled = (value: string): Lease => held({ labels: { 'leasehold.dev/reclaim': value } });
    expect(isReclaimable(held(), false)).toBe(false);
    expect(isReclaimable(held(), true)).toBe(true);
    expect(isReclaimable(labelled('enabled'), false)).toBe(true);
    expect(isReclaimable(labelled('disabled'), true)).toBe(false);
    expect(isReclaimable(labelled('yes'), false)).toBe(false);
  });

  it('are none of leasehold, none that are free, and no heartbeats', () => {
    for (const role of ['lock', 'session', 'state', 'other']) {
      expect(isReclaimable(held({ labels: { 'leasehold.dev/role': role } }), true)).toBe(false);
    }
    expect(isReclaimable(held({ holder: '' }), true)).toBe(false);
    expect(isReclaimable(held({ spec: { holderIdentity: null } }), true)).toBe(false);
    expect(isReclaimable(held({ spec: { leaseTransitions: undefined } }), true)).toBe(false);
  });

  it('are none whose leader the API server picks', () => {
    const spec = { strategy: 'OldestEmulationVersion', preferredHolder: 'controller-1' };
    expect(isReclaimable(held({ spec }), true)).toBe(false);
    const labels = { 'leasehold.dev/reclaim': 'enabled' };
    expect(isReclaimable(held({ labels, spec }), false)).toBe(false);
  });
});

describe('patterns of holders', () => {
  it.each(['(?<pod>', 'no-group', '(?<host>.+)'])('refuses %s', (source) => {
    expect.assertions(1);
    try {
      holderPatterns([source]);
    } catch (error) {
      expect(isLeaseholdError(error, 'INVALID_ARGUMENT')).toBe(true);
    }
  });
});
