import {
  CHALLENGE_ANNOTATION,
  CONTAINER_ANNOTATION,
  HOLDER_PRINCIPAL_ANNOTATION,
  POD_UID_LABEL,
  ROLE_LABEL,
  VOID_ANNOTATION,
} from './lease.ts';
import type { Lease, OwnerReference } from './lease.ts';

/** The Lease with which a session begins. */
export function newSessionLease(session: {
  name: string;
  namespace: string;
  identity: string;
  ttl: number;
  now: string;
  owner: OwnerReference | undefined;
  principal?: string | undefined;
  container?: string | undefined;
}): Lease {
  const { owner, container, principal } = session;
  const annotations = {
    ...(container === undefined ? {} : { [CONTAINER_ANNOTATION]: container }),
    ...(principal === undefined ? {} : { [HOLDER_PRINCIPAL_ANNOTATION]: principal }),
  };
  return {
    metadata: {
      name: session.name,
      namespace: session.namespace,
      // The Pod as a label, so that its sessions can be selected without reading all others.
      labels: { [ROLE_LABEL]: 'session', ...(owner ? { [POD_UID_LABEL]: owner.uid } : {}) },
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      ...(owner ? { ownerReferences: [owner] } : {}),
    },
    spec: {
      holderIdentity: session.identity,
      leaseDurationSeconds: session.ttl,
      acquireTime: session.now,
      renewTime: session.now,
    },
  };
}

/** Whether leasehold may revoke this Lease: a session, and no Lease of anything else. */
export function isSession(lease: Lease): boolean {
  return lease.metadata.labels?.[ROLE_LABEL] === 'session' && !lease.spec?.strategy;
}

/** A revoked session: dead for everybody, for all of its locks, for good. */
export function isBlank(lease: Lease): boolean {
  return !lease.spec?.holderIdentity;
}

/** The session, revoked. */
export function blanked(lease: Lease, now: string): Lease {
  const { [CHALLENGE_ANNOTATION]: _, ...annotations } = lease.metadata.annotations ?? {};
  return {
    ...lease,
    metadata: { ...lease.metadata, annotations },
    spec: { ...lease.spec, holderIdentity: '', renewTime: now },
  };
}

/** The attempts that the session's owner has disowned. */
export function voidAttempts(lease: Lease): ReadonlySet<string> {
  const text = lease.metadata.annotations?.[VOID_ANNOTATION] ?? '';
  return new Set(text.split(' ').filter((id) => id !== ''));
}

/**
 * When the server last stored a renewal, by its own clock: the time of the managedFields entry
 * that owns `spec.renewTime`. Milliseconds since the epoch, to the second.
 */
export function renewedAtServer(lease: Lease): number | undefined {
  return lastWrite(lease, 'f:renewTime')?.at;
}

/** Which field manager wrote `spec.holderIdentity` last: of a blank session, whoever revoked it. */
export function revokerOf(lease: Lease): string | undefined {
  return lastWrite(lease, 'f:holderIdentity')?.manager;
}

function lastWrite(
  lease: Lease,
  field: string,
): { at: number; manager: string | undefined } | undefined {
  let latest: { at: number; manager: string | undefined } | undefined;
  for (const { fieldsV1, time, manager } of lease.metadata.managedFields ?? []) {
    const spec = fieldsV1?.['f:spec'];
    if (typeof spec !== 'object' || spec === null || !(field in spec)) continue;
    const at = Date.parse(time ?? '');
    if (!Number.isNaN(at) && (latest === undefined || at > latest.at)) latest = { at, manager };
  }
  return latest;
}
