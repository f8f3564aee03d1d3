import { microTime } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { blanked } from '../core/session-lease.ts';
import { REVOKER } from '../kube/lease-api.ts';
import { compareAndSwap } from '../repair/compare-and-swap.ts';
import type { Workshop } from '../repair/compare-and-swap.ts';
import type { Revoked } from '../repair/revoke.ts';
import { sessionState } from '../repair/session-state.ts';
import { heartbeat } from '../session/sighting.ts';
import { verdictOn } from './death.ts';
import type { Proof } from './death.ts';
import type { SessionRef } from './lock-index.ts';
import type { ObservedPod } from './observed-pod.ts';
import type { PodIndex } from './pod-index.ts';

/** A session whose process has ended, and how that is known. */
export interface Victim {
  readonly lease: Lease;
  readonly session: SessionRef;
  readonly pod: ObservedPod;
  readonly proof: Proof;
  /** Whether the end was heard when it was reported; if not, silence is part of the proof. */
  readonly isHeard: boolean;
}

/** What became of it; one that has lost its label is there, and nobody can tell for whom. */
type RevokedByProof = Revoked | { readonly kind: 'foreign' };

/**
 * Blanks the session of a process that has ended. A renewal that was on its way at that moment changes
 * nothing, if the end proves the same with it; after a second one it is left alone: who renews is alive,
 * whatever the clocks say.
 *
 * @throws LeaseholdError when it cannot be done, or it is unknown whether it was
 */
export function revokeProven(
  workshop: Workshop,
  { lease: read, session: { name, uid }, pod }: Victim,
  pods: PodIndex,
): Promise<RevokedByProof> {
  const { api, clock } = workshop;
  let beat = heartbeat(read, uid);
  let renewals = 0;
  return compareAndSwap<RevokedByProof>(workshop, name, read, (lease, inDoubt) => {
    const now = lease && sessionState(lease, undefined, uid);
    if (!lease || !now || now.state === 'missing') return { result: { kind: 'gone' } };
    if (now.state === 'foreign') return { result: { kind: 'foreign' } };
    if (now.state === 'blank') return { result: { kind: inDoubt ? 'revoked' : 'already', lease } };
    if (heartbeat(lease, uid) !== beat) {
      beat = heartbeat(lease, uid);
      renewals += 1;
      // It was not read with a time of the server: silence is no proof then.
      const latest = pods.find(pod.uid) ?? pod;
      const verdict = verdictOn(latest, lease, { serverTime: undefined, ttl: now.ttl });
      if (renewals > 1 || verdict?.kind !== 'dead') return { result: { kind: 'revived' } };
    }
    const next = blanked(lease, microTime(clock.wall()));
    return {
      write: () => api.replace(next, { fieldManager: REVOKER.repair }),
      done: (answer) => ({ kind: 'revoked', lease: answer as Lease }),
    };
  });
}
