import { LeaseholdError } from './errors.ts';
import {
  ENABLED,
  HOLDER_PRINCIPAL_ANNOTATION,
  LEADER_LABEL_LABEL,
  PRIORITY_ANNOTATION,
  RESIGN_ANNOTATION,
  RESIGN_TO_ANNOTATION,
  TERM_ANNOTATION,
  TRANSFER_ANNOTATION,
  VALUE_ANNOTATION,
} from './lease.ts';
import type { Lease, LeaseSpec } from './lease.ts';

/**
 * The election Lease, field for field as client-go's `tools/leaderelection` writes it, so that
 * candidates in other languages can share it. Every function keeps what it does not know.
 */

const REQUESTS = [TRANSFER_ANNOTATION, RESIGN_ANNOTATION, RESIGN_TO_ANNOTATION];
const PUBLISHED = [TERM_ANNOTATION, VALUE_ANNOTATION, PRIORITY_ANNOTATION];
const NOTES = [...REQUESTS, ...PUBLISHED];

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
  return withSpec(without(lease, NOTES), {
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
  const next = withSpec(without(lease, NOTES), {
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

/** What a leader tells of itself in the Lease, for as long as its term lasts. */
export interface Published {
  /** For the application: an address, a version. */
  readonly value?: string | undefined;
  readonly priority?: number | undefined;
}

const PRIORITY = /^-?[0-9]{1,7}$/;

/** The Lease of this leader's term with what it tells of itself, in place of what was there. */
export function withPublished(lease: Lease, { value, priority }: Published): Lease {
  const next = without(lease, PUBLISHED);
  if (value === undefined && priority === undefined) return next;
  const annotations = {
    ...next.metadata.annotations,
    [TERM_ANNOTATION]: exactTermOf(lease),
    ...(value === undefined ? {} : { [VALUE_ANNOTATION]: value }),
    ...(priority === undefined ? {} : { [PRIORITY_ANNOTATION]: String(priority) }),
  };
  return { ...next, metadata: { ...next.metadata, annotations } };
}

/**
 * What the leader of the present term tells of itself. What another has left there does not count:
 * candidates of other libraries keep annotations that they do not know.
 */
export function publishedIn(lease: Lease): Published {
  const annotations = lease.metadata.annotations ?? {};
  if (isFree(lease) || annotations[TERM_ANNOTATION] !== exactTermOf(lease)) return {};
  const priority = annotations[PRIORITY_ANNOTATION] ?? '';
  return {
    value: annotations[VALUE_ANNOTATION],
    priority: PRIORITY.test(priority) ? Number(priority) : undefined,
  };
}

/** The moment of the acquisition tells two terms apart if the Lease was made anew. */
function exactTermOf(lease: Lease): string {
  return `${termOf(lease)}/${lease.spec?.acquireTime ?? ''}`;
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
  const { metadata } = without(lease, REQUESTS);
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

/** Notes are for one term, or for one change of hands: they go with it. */
function without(lease: Lease, notes: readonly string[]): Lease {
  const { annotations = {} } = lease.metadata;
  const kept = Object.entries(annotations).filter(([key]) => !notes.includes(key));
  if (kept.length === Object.keys(annotations).length) return lease;
  return { ...lease, metadata: { ...lease.metadata, annotations: Object.fromEntries(kept) } };
}
