import { isFree } from '../core/election.ts';
import { CONTAINER_ANNOTATION, ENABLED, ROLE_LABEL } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { renewedAtServer } from '../core/session-lease.ts';
import { endSince } from './death.ts';
import type { ContainerEnd } from './death.ts';
import { holdersOf } from './holder.ts';
import type { KnownPods } from './holder.ts';
import type { ObservedPod } from './observed-pod.ts';

/** On a Lease or a namespace: whether the operator releases what leaders leave behind. */
export const RECLAIM_LABEL = 'leasehold.dev/reclaim';
export const DISABLED = 'disabled';

/** Why the leader of an election is known to have ended; it is logged with each release. */
export interface TermEnd extends ContainerEnd {
  /** As it stood in the Lease. */
  readonly holder: string;
  /** Both on the node's clock: milliseconds since the epoch. */
  readonly acquireTime: number;
  readonly renewTime: number;
}

/** The kubelet cuts its times to the second. */
const RESOLUTION_MS = 1_000;

/** Whether the operator may release this Lease at all: a held election that is opted in. */
export function isReclaimable(lease: Lease, isNamespaceOptedIn: boolean): boolean {
  const labels = lease.metadata.labels ?? {};
  // Sessions, locks and states of leasehold; and elections that the API server decides itself.
  if (labels[ROLE_LABEL] !== undefined || lease.spec?.strategy) return false;
  // One that counts no terms is the heartbeat of something.
  if (typeof lease.spec?.leaseTransitions !== 'number') return false;
  const choice = labels[RECLAIM_LABEL];
  const isOptedIn = choice === ENABLED || (choice !== DISABLED && isNamespaceOptedIn);
  return isOptedIn && !isFree(lease);
}

/**
 * The proof that the leader has ended, if there is one: its identity names exactly one Pod, of the
 * Lease's namespace, in whose containers everything has ended that ran when the term began, and it has
 * not renewed since. Whatever is equal or unclear is no proof: then the duration of the Lease decides.
 */
export function proofOfTermEnd(
  lease: Lease,
  known: KnownPods,
  patterns: readonly RegExp[],
): TermEnd | undefined {
  const { spec, metadata } = lease;
  const holder = spec?.holderIdentity ?? '';
  const acquireTime = Date.parse(spec?.acquireTime ?? '');
  const renewTime = Date.parse(spec?.renewTime ?? '');
  // Also when one is missing: then they cannot be compared.
  if (!(acquireTime <= renewTime)) return undefined;
  const { candidates, elsewhere, isUnique } = holdersOf(holder, known, patterns);
  const renewedAt = renewedAtServer(lease);
  const [pod, another] = [...candidates, ...elsewhere].filter((one) => !isYounger(one, renewedAt));
  if (!pod || another || pod.namespace !== metadata.namespace) return undefined;
  const container = metadata.annotations?.[CONTAINER_ANNOTATION] ?? pod.holdingContainer;
  const ended = isUnique
    ? endOfProcess(pod, container, acquireTime, renewTime)
    : endOfName(pod, container, renewTime, known);
  return ended && { ...ended, holder, acquireTime, renewTime };
}

/** A Pod that was created after the last renewal has not written it: both on the server's clock. */
function isYounger({ createdAt }: ObservedPod, renewedAt: number | undefined): boolean {
  return createdAt !== undefined && renewedAt !== undefined && createdAt > renewedAt;
}

/** Only one process has ever had this identity: when its term began, it ran. */
function endOfProcess(
  pod: ObservedPod,
  container: string | undefined,
  acquireTime: number,
  renewTime: number,
): ContainerEnd | undefined {
  const ended = endSince(pod, container, acquireTime);
  if (!ended) return undefined;
  // A renewal after the end of all contradicts it. In the same second it may have come before.
  const last = Math.max(
    ...pod.containers
      .filter(({ name, isInit }) => (container === undefined ? !isInit : name === container))
      .map(({ terminations: [latest] }) => latest?.finishedAt ?? 0),
  );
  return renewTime < last + RESOLUTION_MS ? ended : undefined;
}

/**
 * The container that runs next has the same identity and takes the term for its own, with the time at
 * which it began. So the last renewal must be from before the end: then whoever renews later does not
 * know of it yet, and meets the release. A Pod of the same name somewhere else must not be there yet.
 */
function endOfName(
  pod: ObservedPod,
  container: string | undefined,
  renewTime: number,
  { isPresent }: KnownPods,
): ContainerEnd | undefined {
  return isPresent(pod.uid) ? endSince(pod, container, renewTime) : undefined;
}
