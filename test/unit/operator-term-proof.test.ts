import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLeaseholdError } from '../../src/core/errors.ts';
import type { Lease } from '../../src/core/lease.ts';
import { holderPatterns } from '../../src/operator/holder.ts';
import type { ObservedPod } from '../../src/operator/observed-pod.ts';
import { isReclaimable } from '../../src/operator/term-proof.ts';
import { UUID, ended, held, pod, proof, restarted, running, time } from './operator-term-given.ts';

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
