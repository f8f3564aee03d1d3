import { pause } from '../core/clock.ts';
import type { Lease } from '../core/lease.ts';
import { isBlank, isSession, renewedAtServer, voidAttempts } from '../core/session-lease.ts';
import { isMissing } from '../kube/outcome.ts';
import { errorOf } from '../kube/status-error.ts';
import { heartbeat } from '../session/sighting.ts';
import type { Workshop } from './compare-and-swap.ts';

/** A session as one read, or a short observation, shows it. */
export type SessionState =
  /** No such Lease, or one that was made again under the same name. */
  | { readonly state: 'missing' }
  /** There is a Lease of that name that is no session. */
  | { readonly state: 'foreign' }
  | {
      /** `blank`: it was revoked, so dead for everybody. */
      readonly state: 'blank' | 'present';
      readonly lease: Lease;
      /** The process: its Pod's or host's name. Empty when blank. */
      readonly identity: string;
      /** Milliseconds. */
      readonly ttl: number;
      /** Milliseconds since the server stored its last renewal, by the server's clock, to 1 s. */
      readonly renewedAgo: number | undefined;
      /** Attempts that its owner disowns. */
      readonly void: ReadonlySet<string>;
    };

/** A session that exists. */
export type PresentSession = Extract<SessionState, { lease: Lease }>;

const OBSERVE_EVERY_MS = 250;

/**
 * Reads a session. Sends one GET.
 *
 * @param uid - of the session meant; any if undefined
 * @throws LeaseholdError when it cannot be read
 */
export async function readSession(
  { api }: Pick<Workshop, 'api'>,
  name: string,
  uid?: string,
): Promise<SessionState> {
  const outcome = await api.get(name);
  if (isMissing(outcome)) return { state: 'missing' };
  if (outcome.kind !== 'done') throw errorOf(outcome, `read session ${name}`);
  return sessionState(outcome.body, outcome.serverTime, uid);
}

/** @param serverTime - of the answer that showed the Lease: milliseconds since the epoch */
export function sessionState(
  lease: Lease,
  serverTime: number | undefined,
  uid?: string,
): SessionState {
  if (uid !== undefined && lease.metadata.uid !== uid) return { state: 'missing' };
  if (!isSession(lease)) return { state: 'foreign' };
  const renewedAt = renewedAtServer(lease);
  return {
    state: isBlank(lease) ? 'blank' : 'present',
    lease,
    identity: lease.spec?.holderIdentity ?? '',
    ttl: (lease.spec?.leaseDurationSeconds ?? 0) * 1_000,
    renewedAgo:
      renewedAt === undefined || serverTime === undefined
        ? undefined
        : Math.max(0, serverTime - renewedAt),
    void: voidAttempts(lease),
  };
}

/** Whether an attempt of it counts for nothing, as everybody can see at once. */
export function isKnownDead(session: SessionState, attempt: string): boolean {
  if (session.state === 'blank') return true;
  return session.state === 'present' && session.void.has(attempt);
}

/** How long it takes to see the next renewal of a living session: a third of the ttl and a margin. */
export function observationTime(session: PresentSession): number {
  return session.ttl / 3 + session.ttl / 10;
}

export interface Observed {
  readonly session: SessionState;
  readonly renewed: boolean;
}

/**
 * Looks at a session until it renews, ends, or has had the time to. Sends a GET every 250 ms.
 *
 * @throws LeaseholdError when it cannot be read
 */
export async function observeSession(
  workshop: Workshop,
  session: PresentSession,
  signal?: AbortSignal,
): Promise<Observed> {
  const { clock } = workshop;
  const { name, uid = '' } = session.lease.metadata;
  const until = clock.now() + observationTime(session);
  const before = heartbeat(session.lease, uid);
  let latest: SessionState = session;
  while (clock.now() < until && latest.state === 'present' && !signal?.aborted) {
    await pause(clock, Math.min(OBSERVE_EVERY_MS, until - clock.now()), signal);
    latest = await readSession(workshop, name, uid);
    if (latest.state === 'present' && heartbeat(latest.lease, uid) !== before) {
      return { session: latest, renewed: true };
    }
  }
  return { session: latest, renewed: false };
}
