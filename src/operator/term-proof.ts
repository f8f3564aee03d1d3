import { isFree } from '../core/election.ts';
import { CONTAINER_ANNOTATION, ENABLED, ROLE_LABEL } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { renewedAtServer } from '../core/session-lease.ts';
import { judge } from './agreement.ts';
import type { Judgement } from './agreement.ts';
import { endSince, timeToRenew } from './death.ts';
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

/** What the end of containers says of a term, with the evidence. */
export type TermVerdict = Judgement & { readonly proof: TermEnd };

/** How long a renewal may have taken: clocks that agree no better prove nothing. */
const LATENCY_MS = 2_000;

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
 * Whether the leader has ended, where its Pod tells of an end: its identity names exactly one Pod, of the
 * Lease's namespace, in whose containers everything has ended that ran when the term began, and it has
 * not renewed since, by the clocks of the node and of the server. Undefined for whatever is equal or
 * unclear: then the duration of the Lease decides.
 *
 * @param serverTime - of the answer that showed the Lease; undefined for one whose time is not known
 */
export function verdictOnTerm(
  lease: Lease,
  known: KnownPods,
  patterns: readonly RegExp[],
  serverTime: number | undefined,
): TermVerdict | undefined {
  const { spec, metadata } = lease;
  const holder = spec?.holderIdentity ?? '';
  const acquireTime = Date.parse(spec?.acquireTime ?? '');
  const renewTime = Date.parse(spec?.renewTime ?? '');
  const renewedAt = renewedAtServer(lease);
  // Also when one is missing: then they cannot be compared.
  if (!(acquireTime <= renewTime) || renewedAt === undefined) return undefined;
  const { candidates, elsewhere, isUnique } = holdersOf(holder, known, patterns);
  const [pod, another] = [...candidates, ...elsewhere].filter((one) => !isYounger(one, renewedAt));
  if (!pod || another || pod.namespace !== metadata.namespace) return undefined;
  // A Pod of the same name somewhere else must not be there yet.
  if (!isUnique && !known.isPresent(pod.uid)) return undefined;
  const container = metadata.annotations?.[CONTAINER_ANNOTATION] ?? pod.holdingContainer;
  // Only one process has ever had a unique identity: when its term began, it ran. Any other is that of the
  // next process, too, which takes the term for its own, with the time at which it began. So the last
  // renewal must be from before the end: then whoever renews later meets the release.
  const since = endSince(pod, container, isUnique ? acquireTime : renewTime);
  if (!since) return undefined;
  // All have ended; and a run that was over before the last renewal, as a sidecar's, has not written that. The
  // process that goes on with a name may run where another has ended: there every end has to be later.
  const later = since.ends.filter(({ finishedAt }) => isUnique && finishedAt >= renewedAt);
  const judgement = judge({
    ends: later.length > 0 ? later : since.ends,
    seen: renewedAt,
    mayBeSameSecond: isUnique,
    renewTime,
    renewedAt,
    latency: LATENCY_MS,
    serverTime,
    silence: timeToRenew((spec?.leaseDurationSeconds ?? Infinity) * 1_000),
  });
  const proof = { ...since.end, holder, acquireTime, renewTime };
  return judgement && { ...judgement, proof };
}

/** A Pod that was created after the last renewal has not written it: both on the server's clock. */
function isYounger({ createdAt }: ObservedPod, renewedAt: number): boolean {
  return createdAt !== undefined && createdAt > renewedAt;
}
