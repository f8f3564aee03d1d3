import type { Lease } from '../../src/core/lease.ts';
import { newSessionLease } from '../../src/core/session-lease.ts';
import { verdictOn } from '../../src/operator/death.ts';
import type { Proof, Verdict } from '../../src/operator/death.ts';
import { observedPod } from '../../src/operator/observed-pod.ts';

export const POD = { namespace: 'billing', name: 'billing-0', uid: 'pod-uid' };
export const OWNER = { apiVersion: 'v1', kind: 'Pod', name: POD.name, uid: POD.uid };

/** A session that was renewed when it began, and never again. */
export function session(start: string, container: string | undefined = 'main'): Lease {
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
export function stored({ metadata, spec }: Lease, created: string, renewed: string): Lease {
  const time = `2026-01-01T${renewed}Z`;
  const managedFields = [{ manager: 'node', time, fieldsV1: { 'f:spec': { 'f:renewTime': {} } } }];
  const creationTimestamp = `2026-01-01T${created}Z`;
  return { metadata: { ...metadata, creationTimestamp, managedFields }, ...(spec && { spec }) };
}

/** Without a container. */
export function unnamed(start: string): Lease {
  const { metadata, ...lease } = session(start);
  const { annotations: _, ...rest } = metadata;
  return { ...lease, metadata: rest };
}

export const ended = (finish: string, more: object = {}): object => ({
  containerID: 'containerd://one',
  exitCode: 137,
  reason: 'OOMKilled',
  startedAt: '2026-01-01T10:00:00Z',
  finishedAt: `2026-01-01T${finish}Z`,
  ...more,
});
export const running = (start: string): object => ({
  running: { startedAt: `2026-01-01T${start}Z` },
});

export interface Status {
  readonly state?: object;
  readonly lastState?: object;
  readonly containerID?: string;
}

/** With these states of containers. */
export function pod(
  statuses: Readonly<Record<string, Status>>,
  more: object = {},
  status = {},
): unknown {
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
export function proof(given: unknown, lease = session('11:00:00.500000')): Proof | undefined {
  const verdict = verdictAt(given, lease, '12:00:00');
  return verdict?.kind === 'dead' ? verdict.proof : undefined;
}

export function verdictAt(given: unknown, lease: Lease, seenAt?: string): Verdict | undefined {
  const observed = observedPod(given);
  const serverTime = seenAt === undefined ? undefined : Date.parse(`2026-01-01T${seenAt}Z`);
  return observed && verdictOn(observed, lease, { serverTime, ttl: 15_000 });
}

export const dead = pod({ main: { state: { terminated: ended('11:30:00') } } });
