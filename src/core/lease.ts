/** The parts of a `coordination.k8s.io/v1` Lease that leasehold reads or writes, as JSON. */
export interface Lease {
  apiVersion?: string;
  kind?: string;
  metadata: LeaseMetadata;
  spec?: LeaseSpec;
}

interface LeaseMetadata {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  creationTimestamp?: string | null;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: readonly OwnerReference[];
  managedFields?: readonly ManagedFields[];
}

/** Times are MicroTime: RFC 3339 with exactly six fraction digits. */
export interface LeaseSpec {
  holderIdentity?: string | null;
  leaseDurationSeconds?: number | null;
  acquireTime?: string | null;
  renewTime?: string | null;
  leaseTransitions?: number | null;
  strategy?: string | null;
  preferredHolder?: string | null;
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
}

export interface ManagedFields {
  manager?: string;
  time?: string;
  fieldsV1?: Record<string, unknown>;
}

export const LEASE_API_VERSION = 'coordination.k8s.io/v1';

/** Labels and annotations that leasehold writes; see `docs/protocol.md`. */
export const ROLE_LABEL = 'leasehold.dev/role';
export const POD_UID_LABEL = 'leasehold.dev/pod-uid';
export const CONTAINER_ANNOTATION = 'leasehold.dev/container';
export const NAME_ANNOTATION = 'leasehold.dev/name';
export const PERMITS_ANNOTATION = 'leasehold.dev/permits';
export const VOID_ANNOTATION = 'leasehold.dev/void';
export const CHALLENGE_ANNOTATION = 'leasehold.dev/challenge';
/** On a session: which waits of its process keep holds meanwhile. */
export const WAITS_ANNOTATION = 'leasehold.dev/waits';
export const TRANSFER_ANNOTATION = 'leasehold.dev/transfer-to';
export const RESIGN_ANNOTATION = 'leasehold.dev/resign';
export const RESIGN_TO_ANNOTATION = 'leasehold.dev/resign-to';
/** Of which term `leasehold.dev/value` and `leasehold.dev/priority` are. */
export const TERM_ANNOTATION = 'leasehold.dev/term';
export const VALUE_ANNOTATION = 'leasehold.dev/value';
export const PRIORITY_ANNOTATION = 'leasehold.dev/priority';
/** On an election's Lease: whether the operator labels its leader's Pod. */
export const LEADER_LABEL_LABEL = 'leasehold.dev/leader-label';
/** The value of a label by which something is opted in. */
export const ENABLED = 'enabled';
/** Who holds a session or an election, as the guard knows it; see {@link Principal}. */
export const HOLDER_PRINCIPAL_ANNOTATION = 'leasehold.dev/holder-principal';

/**
 * A moment as Kubernetes' MicroTime: RFC 3339 with exactly six fraction digits (three, as
 * `Date.toISOString()` gives, are refused).
 *
 * @param wall - milliseconds since the epoch; its fraction becomes the microseconds
 */
export function microTime(wall: number): string {
  const whole = Math.floor(wall);
  const micros = Math.floor((wall - whole) * 1_000);
  return new Date(whole).toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`);
}

/** The Lease's resourceVersion as a number that can be compared with others of Leases. */
export function versionOf(lease: Lease): bigint {
  const text = lease.metadata.resourceVersion ?? '';
  return /^\d+$/.test(text) ? BigInt(text) : 0n;
}
