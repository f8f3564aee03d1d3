import { LeaseholdError } from './errors.ts';
import {
  ENABLED,
  HOLDER_PRINCIPAL_ANNOTATION,
  LEADER_LABEL_LABEL,
  RESIGN_ANNOTATION,
  RESIGN_TO_ANNOTATION,
  TRANSFER_ANNOTATION,
} from './lease.ts';
import type { Lease, LeaseSpec } from './lease.ts';

/**
 * The election Lease, field for field as client-go's `tools/leaderelection` writes it, so that
 * candidates in other languages can share it. Every function keeps what it does not know.
 */

const NOTES: ReadonlySet<string> = new Set([
  TRANSFER_ANNOTATION,
  RESIGN_ANNOTATION,
  RESIGN_TO_ANNOTATION,
]);

/** Whether nobody leads: client-go takes null and the empty string for the same. */
export function isFree(lease: Lease): boolean {
  return !lease.spec?.holderIdentity;
}

/**
 * @throws LeaseholdError `FOREIGN_LEASE` when the API server itself picks the leader of this Lease
 */
export function checkElection(lease: Lease): void {
  if (lease.spec?.strategy) {
    throw new LeaseholdError(
      'FOREIGN_LEASE',
      `Lease ${lease.metadata.name} has strategy ${lease.spec.strategy}: it belongs to the coordinated leader election of Kubernetes; use another name`,
    );
  }
}

/** The spec with which a candidate creates the Lease. */
export function createdSpec(identity: string, seconds: number, now: string): LeaseSpec {
  return {
    holderIdentity: identity,
    leaseDurationSeconds: seconds,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: 0,
  };
}

/** A free or expired Lease, taken over. */
export function takenOver(lease: Lease, identity: string, seconds: number, now: string): Lease {
  return withSpec(withoutNotes(lease), {
    holderIdentity: identity,
    leaseDurationSeconds: seconds,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + 1,
  });
}

/** The leader's own Lease, renewed. */
export function renewed(lease: Lease, seconds: number, now: string): Lease {
  return withSpec(lease, { leaseDurationSeconds: seconds, renewTime: now });
}

/** The leader's own Lease, given up; `transferTo` asks other leasehold candidates to stand back. */
export function released(lease: Lease, now: string, transferTo?: string): Lease {
  const next = withSpec(withoutNotes(lease), {
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: lease.spec?.leaseTransitions ?? 0,
  });
  if (transferTo === undefined) return next;
  const annotations = { ...next.metadata.annotations, [TRANSFER_ANNOTATION]: transferTo };
  return { ...next, metadata: { ...next.metadata, annotations } };
}

/** Whom the last leader asked to lead next. */
export function transferTarget(lease: Lease): string | undefined {
  return isFree(lease) ? lease.metadata.annotations?.[TRANSFER_ANNOTATION] : undefined;
}

/** What names one term: who leads, and after how many changes of hands. */
export function termOf(lease: Lease): string {
  const { holderIdentity, leaseTransitions } = lease.spec ?? {};
  return `${holderIdentity ?? ''}/${String(leaseTransitions ?? 0)}`;
}

/** The Lease, with the name of its holder for the guard, where that is known. */
export function withPrincipal(lease: Lease, principal: string | undefined): Lease {
  if (principal === undefined) return lease;
  const annotations = { ...lease.metadata.annotations, [HOLDER_PRINCIPAL_ANNOTATION]: principal };
  return { ...lease, metadata: { ...lease.metadata, annotations } };
}

/** The Lease of an election whose leader's Pod the operator is to label. */
export function withLeaderLabel(lease: Lease): Lease {
  const labels = { ...lease.metadata.labels, [LEADER_LABEL_LABEL]: ENABLED };
  return { ...lease, metadata: { ...lease.metadata, labels } };
}

/** A request to the leader to resign. */
export interface ResignRequest {
  /** Whom it asks to lead next. */
  readonly transferTo: string | undefined;
}

/** The Lease with a request to the leader of its present term to resign, in favour of `to`. */
export function withResignRequest(lease: Lease, to?: string): Lease {
  const { metadata } = withoutNotes(lease);
  const annotations = {
    ...metadata.annotations,
    [RESIGN_ANNOTATION]: termOf(lease),
    ...(to === undefined ? {} : { [RESIGN_TO_ANNOTATION]: to }),
  };
  return { ...lease, metadata: { ...metadata, annotations } };
}

/** What the leader of the present term is asked; a request for another term does not count. */
export function resignRequest(lease: Lease): ResignRequest | undefined {
  const annotations = lease.metadata.annotations ?? {};
  if (isFree(lease) || annotations[RESIGN_ANNOTATION] !== termOf(lease)) return undefined;
  // Empty: written by hand, for nobody in particular.
  return { transferTo: annotations[RESIGN_TO_ANNOTATION] || undefined };
}

/** Milliseconds that the Lease's holder may go unseen; never less than one second. */
export function statedDuration(lease: Lease, fallbackSeconds: number): number {
  const seconds = lease.spec?.leaseDurationSeconds ?? fallbackSeconds;
  return Math.max(1, seconds) * 1_000;
}

function withSpec(lease: Lease, spec: LeaseSpec): Lease {
  return { ...lease, spec: { ...lease.spec, ...spec } };
}

/** Notes are for one change of hands: they go with it. */
function withoutNotes(lease: Lease): Lease {
  const kept = Object.entries(lease.metadata.annotations ?? {}).filter(([key]) => !NOTES.has(key));
  if (kept.length === Object.keys(lease.metadata.annotations ?? {}).length) return lease;
  return { ...lease, metadata: { ...lease.metadata, annotations: Object.fromEntries(kept) } };
}
