import { LeaseholdError } from './errors.ts';
import { TRANSFER_ANNOTATION } from './lease.ts';
import type { Lease, LeaseSpec } from './lease.ts';

/**
 * The election Lease, field for field as client-go's `tools/leaderelection` writes it, so that
 * candidates in other languages can share it. Every function keeps what it does not know.
 */

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
  return withSpec(withoutTransfer(lease), {
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
  const next = withSpec(withoutTransfer(lease), {
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

/** Milliseconds that the Lease's holder may go unseen; never less than one second. */
export function statedDuration(lease: Lease, fallbackSeconds: number): number {
  const seconds = lease.spec?.leaseDurationSeconds ?? fallbackSeconds;
  return Math.max(1, seconds) * 1_000;
}

function withSpec(lease: Lease, spec: LeaseSpec): Lease {
  return { ...lease, spec: { ...lease.spec, ...spec } };
}

function withoutTransfer(lease: Lease): Lease {
  if (lease.metadata.annotations?.[TRANSFER_ANNOTATION] === undefined) return lease;
  const { [TRANSFER_ANNOTATION]: _, ...annotations } = lease.metadata.annotations;
  return { ...lease, metadata: { ...lease.metadata, annotations } };
}
