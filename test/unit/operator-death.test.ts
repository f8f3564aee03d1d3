import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { observedPod } from '../../src/operator/observed-pod.ts';
import {
  OWNER,
  POD,
  dead,
  ended,
  pod,
  proof,
  running,
  session,
  unnamed,
} from './operator-death-given.ts';

describe('what proves that the process of a session has ended', () => {
  it('is the end of its container', () => {
    expect(proof(dead)).toEqual({
      pod: 'billing-0',
      podUid: 'pod-uid',
      container: 'main',
      containerID: 'containerd://one',
      reason: 'OOMKilled',
      exitCode: 137,
      sessionStart: Date.UTC(2026, 0, 1, 11, 0, 0, 500),
      finishedAt: Date.UTC(2026, 0, 1, 11, 30),
    });
  });

  it('is the end of the container before the one that runs now', () => {
    const restarted = pod({
      main: {
        containerID: 'containerd://two',
        state: running('11:30:00'),
        lastState: { terminated: ended('11:30:00') },
      },
    });
    expect(proof(restarted)).toMatchObject({ containerID: 'containerd://one' });
    expect(proof(restarted, session('11:30:00.000001'))).toBeUndefined();
    expect(proof(restarted, session('11:30:05.000000'))).toBeUndefined();
  });

  it('is that of the right one of two ends', () => {
    const second = ended('11:45:00', {
      containerID: 'containerd://two',
      startedAt: '2026-01-01T11:30:01Z',
    });
    const looping = pod({
      main: { state: { terminated: second }, lastState: { terminated: ended('11:30:00') } },
    });
    expect(proof(looping)).toMatchObject({ containerID: 'containerd://one' });
    expect(proof(looping, session('11:31:00.000000'))).toMatchObject({
      containerID: 'containerd://two',
    });
  });

  it('is told by the last state of a Pod that is being deleted, of whatever phase', () => {
    const status = { phase: 'Failed', reason: 'Evicted' };
    const deleted = { deletionTimestamp: '2026-01-01T11:29:00Z' };
    const given = pod({ main: { state: { terminated: ended('11:30:00') } } }, deleted, status);
    expect(proof(given)).toBeDefined();
  });

  it('is the end of all containers where the session does not say in which it is', () => {
    const lease = unnamed('11:00:00.000000');
    const main = { state: { terminated: ended('11:30:00') } };
    expect(proof(pod({ main }), lease)).toBeDefined();
    expect(proof(pod({ main, other: main }), lease)).toBeDefined();
    expect(proof(pod({ main, other: { state: running('10:00:00') } }), lease)).toBeUndefined();
    expect(proof(pod({ main, other: {} }), lease)).toBeUndefined();
    const before = { state: { terminated: ended('10:59:00') } };
    expect(proof(pod({ main, other: before }), lease)).toBeUndefined();
  });

  it('does not wait for containers that were over before the others began', () => {
    const given = pod({ main: { state: { terminated: ended('11:30:00') } } }) as {
      spec: Record<string, unknown>;
    };
    given.spec.initContainers = [{ name: 'setup' }];
    expect(proof(given, unnamed('11:00:00.000000'))).toBeDefined();
    given.spec.initContainers = [{ name: 'sidecar', restartPolicy: 'Always' }];
    expect(proof(given, unnamed('11:00:00.000000'))).toBeUndefined();
  });
});

describe('what proves nothing', () => {
  const alive = { state: running('10:00:00') };
  const nothing: Readonly<Record<string, unknown>> = {
    'a Pod that runs': pod({ main: alive }),
    'an eviction': pod({ main: alive }, {}, { phase: 'Failed', reason: 'Evicted' }),
    'an eviction without any status of containers': pod({ main: {} }, {}, { phase: 'Failed' }),
    'a failure that the garbage collector of Pods wrote': pod(
      { main: alive },
      { deletionTimestamp: '2026-01-01T11:30:00Z' },
      {
        phase: 'Failed',
        conditions: [
          { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC' },
          { type: 'Ready', status: 'False', reason: 'NodeNotReady' },
        ],
      },
    ),
    'a disruption': pod(
      { main: alive },
      {},
      { conditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    ),
    'a Pod that is not ready': pod(
      { main: alive },
      {},
      { conditions: [{ type: 'Ready', status: 'False' }] },
    ),
    'a phase that says it has succeeded': pod({ main: alive }, {}, { phase: 'Succeeded' }),
    'a deletion that was asked for': pod(
      { main: alive },
      { deletionTimestamp: '2026-01-01T11:30:00Z' },
    ),
    'a container whose status was lost': pod({
      main: {
        state: { terminated: ended('11:30:00', { reason: 'ContainerStatusUnknown' }) },
      },
    }),
    'a container whose status was lost before it ran again': pod({
      main: {
        containerID: 'containerd://two',
        state: running('11:30:00'),
        lastState: { terminated: ended('11:30:00', { reason: 'ContainerStatusUnknown' }) },
      },
    }),
    'an end without a time': pod({
      main: { state: { terminated: ended('11:30:00', { finishedAt: null }) } },
    }),
    "an end at Go's zero time": pod({
      main: { state: { terminated: ended('11:30:00', { finishedAt: '0001-01-01T00:00:00Z' }) } },
    }),
    "an end at Unix' zero time": pod({
      main: { state: { terminated: ended('11:30:00', { finishedAt: '1970-01-01T00:00:00Z' }) } },
    }),
    'an end of a container that never started': pod({
      main: { state: { terminated: ended('11:30:00', { startedAt: null }) } },
    }),
    'an end of no container': pod({
      main: { state: { terminated: ended('11:30:00', { containerID: '' }) } },
    }),
    'an end before the session began': pod({ main: { state: { terminated: ended('10:59:59') } } }),
    'an end in the second in which the session began': pod({
      main: { state: { terminated: ended('11:00:00') } },
    }),
    'the end of a container that began after the session': pod({
      main: {
        state: { terminated: ended('11:30:00', { startedAt: '2026-01-01T11:10:00Z' }) },
      },
    }),
    'an end after the start of the container that runs now: the clock was set back': pod({
      main: {
        containerID: 'containerd://two',
        state: running('11:10:00'),
        lastState: { terminated: ended('11:30:00') },
      },
    }),
    'an end after the start of the next run, which has ended too: the clock was set back': pod({
      main: {
        state: {
          terminated: ended('11:20:00', {
            containerID: 'containerd://two',
            startedAt: '2026-01-01T11:10:00Z',
          }),
        },
        lastState: { terminated: ended('11:30:00') },
      },
    }),
    'the end of a container that runs': pod({
      main: {
        containerID: 'containerd://one',
        state: running('11:30:00'),
        lastState: { terminated: ended('11:30:00') },
      },
    }),
    'the end of another container': pod({
      main: alive,
      sidecar: { state: { terminated: ended('11:30:00') } },
    }),
    'the end of another Pod of that name': pod(
      { main: { state: { terminated: ended('11:30:00') } } },
      { uid: 'another' },
    ),
    'the end in another namespace': pod(
      { main: { state: { terminated: ended('11:30:00') } } },
      { namespace: 'another' },
    ),
  };

  it.each(Object.entries(nothing))('%s', (_, given) => {
    expect(observedPod(given)).toBeDefined();
    expect(proof(given)).toBeUndefined();
  });

  it('a session that others own too, that nobody owns, that does not say when it began', () => {
    const lease = session('11:00:00.500000');
    const { metadata, spec } = lease;
    const of = (owners: object[]): Lease => {
      return { ...lease, metadata: { ...metadata, ownerReferences: owners as never } };
    };
    expect(proof(dead, of([OWNER, { ...OWNER, uid: 'x' }]))).toBeUndefined();
    expect(proof(dead, of([{ ...OWNER, kind: 'ReplicaSet' }]))).toBeUndefined();
    expect(proof(dead, of([]))).toBeUndefined();
    expect(proof(dead, { ...lease, spec: { ...spec, acquireTime: null } })).toBeUndefined();
    expect(proof(dead, { ...lease, spec: { ...spec, acquireTime: 'soon' } })).toBeUndefined();
    expect(proof(dead, { ...lease, metadata: { ...metadata, labels: {} } })).toBeUndefined();
  });
});

describe('whatever is in a Pod', () => {
  const anything = fc.anything({ withNullPrototype: false });
  const terminated = fc.record(
    {
      containerID: fc.oneof(fc.constantFrom('', 'containerd://one', 'containerd://two'), anything),
      reason: fc.oneof(fc.constantFrom('Error', 'ContainerStatusUnknown'), anything),
      startedAt: fc.oneof(fc.constantFrom('2026-01-01T10:00:00Z', null), anything),
      finishedAt: fc.oneof(
        fc.constantFrom('2026-01-01T11:30:00Z', '2026-01-01T10:30:00Z', null),
        anything,
      ),
    },
    { requiredKeys: [] },
  );
  const state = fc.oneof(
    anything,
    fc.record({ terminated: fc.oneof(terminated, anything) }),
    fc.record({ running: fc.oneof(fc.record({ startedAt: anything }), anything) }),
  );
  const pods = fc.record({
    metadata: fc.constant(POD),
    spec: fc.oneof(
      anything,
      fc.record({ containers: fc.array(fc.constant({ name: 'main' }), { maxLength: 2 }) }),
    ),
    status: fc.oneof(
      anything,
      fc.record({
        containerStatuses: fc.oneof(
          anything,
          fc.array(
            fc.oneof(anything, fc.record({ name: fc.constant('main'), state, lastState: state })),
            { maxLength: 3 },
          ),
        ),
      }),
    ),
  });

  it('it is read, and a proof is never of an end before the session', () => {
    fc.assert(
      fc.property(fc.oneof(anything, pods), (given) => {
        const found = proof(given);
        if (!found) return;
        expect(found.finishedAt).toBeGreaterThan(found.sessionStart);
        expect(found.containerID).not.toBe('');
        expect(found.reason).not.toBe('ContainerStatusUnknown');
      }),
      { numRuns: 2_000 },
    );
  });
});
