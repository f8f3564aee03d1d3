import { expect } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { now } from './attacks.ts';
import type { Answer, Pod } from './guarded.ts';

/** Leases as pods of a guarded namespace make them. */

export const PRINCIPAL = 'leasehold.dev/holder-principal';
export const SESSION = { labels: { 'leasehold.dev/role': 'session' } };
export const NEVER_LAPSES = 2_147_483_647;

let count = 0;

export function fresh(kind = 'lease'): string {
  count += 1;
  return `${kind}-${String(count)}`;
}

interface Changes {
  readonly metadata?: object;
  readonly spec?: object;
}

/** An election that the pod leads; with other metadata a session of it. */
export function held(pod: Pod, changes: Changes = {}): object {
  return {
    metadata: {
      name: fresh(),
      annotations: { [PRINCIPAL]: pod.principal },
      ...changes.metadata,
    },
    spec: { ...heldSpec(pod.name), ...changes.spec },
  };
}

export function heldSpec(holderIdentity: string, leaseDurationSeconds = 15): object {
  return {
    holderIdentity,
    leaseDurationSeconds,
    acquireTime: now(),
    renewTime: now(),
    leaseTransitions: 0,
  };
}

export function lock(entries: object, changes: Changes = {}): object {
  return {
    metadata: {
      name: fresh(),
      labels: { 'leasehold.dev/role': 'lock' },
      annotations: entries,
      ...changes.metadata,
    },
    spec: {
      holderIdentity: 'x',
      leaseDurationSeconds: NEVER_LAPSES,
      renewTime: now(),
      ...changes.spec,
    },
  };
}

/** An entry of a lock. */
export function entry(
  pod: Pod,
  session: string,
  { uid = session, principal = pod.principal }: { uid?: string; principal?: string } = {},
): string {
  return `v=1 session=${session} uid=${uid} ttl=15 mode=exclusive principal=${principal} seen=1 since=x`;
}

/** The entry with the fencing token of a grant decided on this version of the lock. */
export function granted(locked: Lease, text: string): string {
  return `${text} fence=${String(Number(locked.metadata.resourceVersion) + 1)}`;
}

export async function create(pod: Pod, lease: object): Promise<Lease> {
  const answer = await pod.send('POST', '', lease);
  expect(answer.body.message).toBeUndefined();
  return answer.body;
}

/** The rule by which the guard refuses, or what else was answered. */
export function refusal(answer: Answer): string {
  const rule = /leasehold-guard\/([a-z]+):/.exec(answer.body.message ?? '')?.[1];
  return rule ?? `${String(answer.status)} ${answer.body.message ?? ''}`;
}
