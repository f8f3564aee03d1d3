import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { newSessionLease } from '../../src/core/session-lease.ts';
import { verdictOn } from '../../src/operator/death.ts';
import type { Proof, Verdict } from '../../src/operator/death.ts';
import { observedPod } from '../../src/operator/observed-pod.ts';

const POD = { namespace: 'billing', name: 'billing-0', uid: 'pod-uid' };
const OWNER = { apiVersion: 'v1', kind: 'Pod', name: POD.name, uid: POD.uid };

/** A session that was renewed when it began, and never again. */
function session(start: string, container: string | undefined = 'main'): Lease {
  const lease = newSessionLease({
    name: 'billing-0-1f9a3c21',
    namespace: POD.namespace,
    identity: POD.name,
    ttl: 15,
    now: `2026-01-01T${start}Z`,
    owner: OWNER,
    container,
  });
  return stored(lease, start.slice(0, 8), start.slice(0, 8));
}

/** By the server. */
function stored({ metadata, spec }: Lease, created: string, renewed: string): Lease {
  const time = `2026-01-01T${renewed}Z`;
  const managedFields = [{ manager: 'node', time, fieldsV1: { 'f:spec': { 'f:renewTime': {} } } }];
  const creationTimestamp = `2026-01-01T${created}Z`;
  return { metadata: { ...metadata, creationTimestamp, managedFields }, ...(spec && { spec }) };
}

/** Without a container. */
function unnamed(start: string): Lease {
  const { metadata, ...lease } = session(start);
  const { annotations: _, ...rest } = metadata;
  return { ...lease, metadata: rest };
}

const ended = (finish: string, more: object = {}): object => ({
  containerID: 'containerd://one',
  exitCode: 137,
  reason: 'OOMKilled',
  startedAt: '2026-01-01T10:00:00Z',
  finishedAt: `2026-01-01T${finish}Z`,
  ...more,
});
const running = (start: string): object => ({ running: { startedAt: `2026-01-01T${start}Z` } });

interface Status {
  readonly state?: object;
  readonly lastState?: object;
  readonly containerID?: string;
}

function pod(statuses: Readonly<Record<string, Status>>, more: object = {}, status = {}): unknown {
  const names = Object.keys(statuses);
  return {
    metadata: { ...POD, ...more },
    spec: { containers: names.map((name) => ({ name })) },
    status: {
      ...status,
      containerStatuses: names.map((name) => ({ name, ...statuses[name] })),
    },
  };
}

/** As it is long after the end. */
function proof(given: unknown, lease = session('11:00:00.500000')): Proof | undefined {
  const verdict = verdictAt(given, lease, '12:00:00');
  return verdict?.kind === 'dead' ? verdict.proof : undefined;
}

function verdictAt(given: unknown, lease: Lease, seenAt?: string): Verdict | undefined {
  const observed = observedPod(given);
  const serverTime = seenAt === undefined ? undefined : Date.parse(`2026-01-01T${seenAt}Z`);
  return observed && verdictOn(observed, lease, { serverTime, ttl: 15_000 });
}

const dead = pod({ main: { state: { terminated: ended('11:30:00') } } });

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

describe('clocks that do not agree', () => {
  const lease = session('11:29:50.500000');
  /** The kubelet's status, with the time at which the server stored it. */
  const told = (status: Status, storedAt: string): unknown => {
    const fieldsV1 = { 'f:status': { 'f:containerStatuses': {} } };
    const time = `2026-01-01T${storedAt}Z`;
    return pod({ main: status }, { managedFields: [{ manager: 'kubelet', time, fieldsV1 }] });
  };
  const end = (finish: string): Status => ({ state: { terminated: ended(finish) } });

  it('prove nothing, but an end that was heard when it was reported needs no more', () => {
    const heard = { kind: 'dead', isHeard: true };
    expect(verdictAt(told(end('11:30:00'), '11:30:00'), lease)).toMatchObject(heard);
    // The node's clock is a little ahead.
    expect(verdictAt(told(end('11:30:00'), '11:29:59'), lease)).toMatchObject(heard);
    expect(verdictAt(told(end('11:30:00'), '11:29:58'), lease)).toBeUndefined();
    expect(verdictAt(dead, lease)).toBeUndefined();
  });

  it('are asked for silence where the end was not heard when it was reported', () => {
    const late = { lastState: { terminated: ended('11:30:00') }, state: running('11:30:00') };
    const given = told({ ...late, containerID: 'containerd://two' }, '11:30:01');
    const { spec } = lease;
    const renewTime = '2026-01-01T11:29:58.500000Z';
    const renewed = stored({ ...lease, spec: { ...spec, renewTime } }, '11:29:50', '11:29:58');
    expect(verdictAt(given, renewed)).toBeUndefined();
    expect(verdictAt(given, renewed, '11:30:00')).toMatchObject({ kind: 'early', wait: 6_500 });
    expect(verdictAt(given, renewed, '11:30:05')).toMatchObject({ kind: 'early', wait: 1_500 });
    const silent = { kind: 'dead', isHeard: false };
    expect(verdictAt(given, renewed, '11:30:06')).toMatchObject(silent);
  });

  it('are seen at the beginning of the session', () => {
    const doubtful = { kind: 'doubtful', why: 'beginning' };
    const of = (created: string): Verdict | undefined =>
      verdictAt(told(end('11:30:00'), '11:30:00'), stored(lease, created, '11:29:50'));
    expect(of('11:29:48')).toMatchObject(doubtful);
    expect(of('11:29:49')).toMatchObject({ kind: 'dead' });
    // The request may have taken long.
    expect(of('11:29:58')).toMatchObject({ kind: 'dead' });
    expect(of('11:30:01')).toMatchObject(doubtful);
  });

  it('are seen at the last renewal of the session', () => {
    const of = (renewed: string): Verdict | undefined =>
      verdictAt(told(end('11:30:00'), '11:30:00'), stored(lease, '11:29:50', renewed));
    expect(of('11:29:48')).toMatchObject({ kind: 'doubtful', why: 'renewal' });
    expect(of('11:29:50')).toMatchObject({ kind: 'dead' });
    expect(of('11:30:01')).toMatchObject({ kind: 'doubtful', why: 'renewal' });
  });

  it('are seen at the end', () => {
    const doubtful = { kind: 'doubtful', why: 'end' };
    expect(verdictAt(told(end('11:40:00'), '11:30:00'), lease, '11:30:20')).toMatchObject(doubtful);
    const renewed = { ...lease, spec: { ...lease.spec, renewTime: '2026-01-01T11:30:01.000000Z' } };
    const after = stored(renewed, '11:29:50', '11:30:01');
    expect(verdictAt(told(end('11:30:00'), '11:30:00'), after)).toMatchObject(doubtful);
    const within = { ...lease, spec: { ...lease.spec, renewTime: '2026-01-01T11:30:00.900000Z' } };
    const before = stored(within, '11:29:50', '11:30:00');
    expect(verdictAt(told(end('11:30:00'), '11:30:00'), before)).toMatchObject({ kind: 'dead' });
  });

  it('need the times of the server: the second of the end, or of its report, is unclear', () => {
    const young = session('11:29:59.900000');
    expect(verdictAt(told(end('11:30:00'), '11:30:00'), young)).toMatchObject({ kind: 'dead' });
    const unclear = stored(young, '11:30:00', '11:29:59');
    expect(verdictAt(told(end('11:30:00'), '11:30:00'), unclear)).toBeUndefined();
    expect(verdictAt(told(end('11:30:00'), '11:29:59'), young)).toBeUndefined();
    const { metadata, ...rest } = lease;
    const { creationTimestamp: _, ...uncreated } = metadata;
    expect(verdictAt(told(end('11:30:00'), '11:30:00'), { ...rest, metadata: uncreated })).toBe(
      undefined,
    );
    const { managedFields: _fields, ...undated } = metadata;
    expect(verdictAt(told(end('11:30:00'), '11:30:00'), { ...rest, metadata: undated })).toBe(
      undefined,
    );
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
