import type { Lease } from '../../src/core/lease.ts';
import { holderPatterns } from '../../src/operator/holder.ts';
import { observedPod } from '../../src/operator/observed-pod.ts';
import type { ObservedPod } from '../../src/operator/observed-pod.ts';
import { PodIndex } from '../../src/operator/pod-index.ts';
import { verdictOnTerm } from '../../src/operator/term-proof.ts';
import type { TermEnd, TermVerdict } from '../../src/operator/term-proof.ts';

/** What a process makes up. */
export const UUID = '6f1c1c6a-8d5b-4a53-9a0e-2f3f6f0b7f11';
export const time = (clock: string): string => `2026-01-01T${clock}Z`;

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

/** The Lease of a leader in the namespace `billing`. */
export function held(given: Held = {}): Lease {
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

export const ended = (finish = '11:30:00', more: object = {}): object => ({
  terminated: {
    containerID: 'containerd://one',
    exitCode: 137,
    reason: 'Error',
    startedAt: time('10:00:00'),
    finishedAt: time(finish),
    ...more,
  },
});
export const running = (start: string): object => ({ running: { startedAt: time(start) } });

interface Given {
  readonly metadata?: object;
  readonly spec?: object;
  readonly statuses?: Readonly<Record<string, object>>;
}

/** Its Pod, whose container has ended if nothing else is given. */
export function pod(given: Given = {}): ObservedPod {
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
export function proof(
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

export function proven(verdict: TermVerdict | undefined): TermEnd | undefined {
  return verdict?.kind === 'dead' ? verdict.proof : undefined;
}

/** The same Pod, in which the container runs again. */
export const restarted = pod({
  statuses: {
    main: {
      containerID: 'containerd://two',
      state: running('11:30:00'),
      lastState: ended('11:30:00'),
    },
  },
});
