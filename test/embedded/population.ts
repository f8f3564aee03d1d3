import { formatEntry } from '../../src/core/entry.ts';
import { LEASE_API_VERSION, microTime } from '../../src/core/lease.ts';
import { HOLDER_PREFIX, NEVER_LAPSES } from '../../src/core/record.ts';
import { newSessionLease } from '../../src/core/session-lease.ts';
import type { ApiServer } from '../../src/testing/index.ts';

export const SESSIONS = 5_000;
export const LOCKS = 10_000;
export const PODS = 1_000;
export const NAMESPACE = 'default';

type Store = ApiServer['handler']['store'];

const podName = (at: number): string => `pod-${String(at)}`;
export const podUid = (at: number): string =>
  `00000000-0000-0000-0000-${String(at).padStart(12, '0')}`;
const sessionUid = (at: number): string => `session-${String(at)}`;
const hex = (at: number): string => at.toString(16).padStart(8, '0');

const second = (wall: number): string => new Date(wall).toISOString().replace(/\.\d+Z$/, 'Z');

/** What a real cluster notes of who wrote what, and when, is half of a Lease. */
function managedFields(fields: object, wall: number, apiVersion = LEASE_API_VERSION): object[] {
  return [
    {
      manager: 'node',
      operation: 'Update',
      apiVersion,
      time: second(wall),
      fieldsType: 'FieldsV1',
      fieldsV1: fields,
    },
  ];
}

/** Fills a server with Pods, five sessions in each, and the two locks that each session holds. */
export function populate(store: Store): void {
  const put = (storage: string, object: object): void => {
    store.put(storage, object as Parameters<typeof store.put>[1]);
  };
  const began = Date.now() - 60_000;
  const now = microTime(began);
  const creationTimestamp = second(began);
  for (let at = 0; at < PODS; at += 1) {
    putPod(store, at);
  }
  const sessionFields = { 'f:spec': { 'f:holderIdentity': {}, 'f:renewTime': {} } };
  for (let at = 0; at < SESSIONS; at += 1) {
    const pod = at % PODS;
    const { metadata, spec } = newSessionLease({
      name: `${podName(pod)}-${hex(at)}`,
      namespace: NAMESPACE,
      identity: podName(pod),
      ttl: 3_600,
      now,
      owner: { apiVersion: 'v1', kind: 'Pod', name: podName(pod), uid: podUid(pod) },
      container: 'main',
    });
    put('leases', {
      apiVersion: LEASE_API_VERSION,
      kind: 'Lease',
      metadata: {
        ...metadata,
        uid: sessionUid(at),
        creationTimestamp,
        managedFields: managedFields(sessionFields, began),
      },
      spec,
    });
  }
  for (let at = 0; at < LOCKS; at += 1) {
    const session = at % SESSIONS;
    const name = `${podName(session % PODS)}-${hex(session)}`;
    const key = `${HOLDER_PREFIX}${hex(session)}-${String(at)}`;
    put('leases', {
      apiVersion: LEASE_API_VERSION,
      kind: 'Lease',
      metadata: {
        name: `lock-${String(at)}`,
        namespace: NAMESPACE,
        uid: `lock-${String(at)}`,
        creationTimestamp,
        labels: { 'leasehold.dev/role': 'lock' },
        annotations: {
          [key]: formatEntry({
            session: name,
            sessionUid: sessionUid(session),
            ttl: 3_600,
            mode: 'exclusive',
            since: now,
          }),
        },
        managedFields: managedFields(
          { 'f:metadata': { 'f:annotations': { '.': {}, [`f:${key}`]: {} } } },
          began,
        ),
      },
      spec: { holderIdentity: name, leaseDurationSeconds: NEVER_LAPSES, renewTime: now },
    });
  }
}

/** What the kubelet reports of a container that has ended just now. */
export function terminated(at: number): object {
  return {
    terminated: {
      containerID: `containerd://${String(at)}`,
      exitCode: 137,
      reason: 'OOMKilled',
      startedAt: '2020-01-01T00:00:00Z',
      finishedAt: second(Date.now()),
    },
  };
}

export function putPod(store: Store, at: number, state?: object): void {
  store.put('pods', podObject(at, state));
}

/** As large as Pods are: some 4 KB, most of which the operator does not keep. */
function podObject(at: number, state: object = { running: { startedAt: '2020-01-01T00:00:00Z' } }) {
  const environment = Array.from({ length: 40 }, (_, index) => {
    return { name: `VARIABLE_${String(index)}`, value: 'x'.repeat(60) };
  });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: podName(at),
      namespace: NAMESPACE,
      uid: podUid(at),
      managedFields: managedFields({ 'f:status': { 'f:containerStatuses': {} } }, Date.now(), 'v1'),
    },
    spec: { nodeName: 'node', containers: [{ name: 'main', image: 'x', env: environment }] },
    status: {
      phase: 'Running',
      containerStatuses: [
        { name: 'main', containerID: `containerd://${String(at)}`, restartCount: 0, state },
      ],
    },
  };
}
