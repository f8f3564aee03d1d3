import type { Clock } from '../core/clock.ts';
import type { Lease } from '../core/lease.ts';
import { POD_UID_LABEL, ROLE_LABEL } from '../core/lease.ts';
import { collectLeases, listError } from '../kube/lease-list.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import type { Requests } from '../kube/transport.ts';
import { revoke } from '../repair/revoke.ts';
import { sessionState } from '../repair/session-state.ts';
import { Backlog } from './backlog.ts';
import { proofOfDeath } from './death.ts';
import type { Proof } from './death.ts';
import type { LockIndex, SessionRef } from './lock-index.ts';
import type { ObservedPod } from './observed-pod.ts';
import { Pace } from './pace.ts';
import type { Reporter } from './report.ts';
import type { Settler } from './settler.ts';

/** So many Pods in one selector: half of what a URL may be. */
const MOST_PODS_A_LIST = 50;
/** A node that goes down with 500 sessions is done with in 4 s. */
const PACE = { burst: 100, perSecond: 100 };
const CONCURRENCY = 8;
/** Later than all who wait. */
const NOBODY_WAITS = Number.MAX_SAFE_INTEGER;

/** A session whose process has ended, and how that is known. */
export interface Victim {
  readonly lease: Lease;
  readonly session: SessionRef;
  readonly proof: Proof;
}

interface Parts {
  readonly requests: Requests;
  readonly apiOf: (namespace: string) => LeaseApi;
  readonly clock: Clock;
  readonly index: LockIndex;
  readonly settler: Settler;
  readonly report: Reporter;
}

/**
 * Revokes the sessions of processes that have ended, and settles their locks to whoever is next.
 * Everything that it writes is a compare-and-swap towards the one state that follows from what is
 * there: done twice, by two operators at once or again after a restart, it changes nothing more.
 */
export class Reclaimer {
  readonly #parts: Parts;
  readonly #pace: Pace;
  /** Pods with an end of a container that was not looked into yet, by uid. */
  readonly #pending: Backlog<ObservedPod>;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.clock, PACE);
    this.#pending = new Backlog(parts.clock);
  }

  /** A container of this Pod has ended. */
  add(pod: ObservedPod): void {
    this.#pending.add(pod.uid, pod);
  }

  /** Works until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const pods = [...(await this.#pending.take(signal)).values()];
      const failed = await this.#reclaimThoseOf(pods, signal);
      for (const pod of pods) {
        // Past a few tries housekeeping comes back to it.
        if (failed.has(pod)) this.#pending.retry(pod.uid, pod, signal);
        else this.#pending.done(pod.uid);
      }
    }
  }

  /**
   * Revokes these sessions and settles their locks, those first behind which somebody has waited
   * longest.
   *
   * @returns those that could not be revoked
   */
  async reclaim(victims: readonly Victim[], signal: AbortSignal): Promise<Victim[]> {
    const { index, settler } = this.#parts;
    const turns = victims
      .map((victim) => ({ victim, since: index.oldestWaiter(victim.session) }))
      .sort((a, b) => (a.since ?? NOBODY_WAITS) - (b.since ?? NOBODY_WAITS));
    // Each is proven dead by itself: no lock is granted to one whose turn has not come.
    for (const { session, proof } of victims) settler.isDead(session, proof);
    const failed: Victim[] = [];
    const queue = turns.values();
    const worker = async (): Promise<void> => {
      for (const { victim } of queue) {
        await this.#pace.turn(signal);
        if (signal.aborted) return;
        if (!(await this.#reclaimOne(victim))) failed.push(victim);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    return failed;
  }

  async #reclaimOne({ lease, session, proof }: Victim): Promise<boolean> {
    const { apiOf, clock, settler, report } = this.#parts;
    const startedAt = clock.now();
    const state = sessionState(lease, undefined);
    try {
      if (state.state === 'present') {
        const workshop = { api: apiOf(session.namespace), clock };
        // A renewal that was on its way when the process ended changes nothing.
        const { kind } = await revoke(workshop, state, true);
        const tookMs = clock.now() - startedAt;
        if (kind === 'revoked') {
          report({ type: 'revoked', session, by: 'container-terminated', proof, tookMs });
        }
      }
      await settler.settleLocksOf(session);
      return true;
    } catch (error) {
      report({ type: 'failed', what: `revoke session ${session.name}`, error });
      return false;
    }
  }

  /** @returns the Pods that have to be looked into again */
  async #reclaimThoseOf(
    pods: readonly ObservedPod[],
    signal: AbortSignal,
  ): Promise<Set<ObservedPod>> {
    const failed = new Set<ObservedPod>();
    const victims: Victim[] = [];
    for (const [namespace, within] of Map.groupBy(pods, (pod) => pod.namespace)) {
      for (let from = 0; from < within.length; from += MOST_PODS_A_LIST) {
        const some = within.slice(from, from + MOST_PODS_A_LIST);
        const found = await this.#victimsIn(namespace, some, signal);
        if (found) victims.push(...found);
        else for (const pod of some) failed.add(pod);
      }
    }
    const left = new Set((await this.reclaim(victims, signal)).map(({ proof }) => proof.podUid));
    for (const pod of pods) if (left.has(pod.uid)) failed.add(pod);
    return failed;
  }

  async #victimsIn(
    namespace: string,
    pods: readonly ObservedPod[],
    signal: AbortSignal,
  ): Promise<Victim[] | undefined> {
    const byUid = new Map(pods.map((pod) => [pod.uid, pod]));
    const uids = [...byUid.keys()].join(',');
    const selector = `${ROLE_LABEL}=session,${POD_UID_LABEL} in (${uids})`;
    const scope = { namespace, selector };
    const { requests, report } = this.#parts;
    const listed = await collectLeases(requests, scope, (lease) => lease, signal);
    if (listed.kind !== 'done') {
      if (!signal.aborted) {
        const error = listError(listed, scope, ['list']);
        report({ type: 'failed', what: 'read the sessions of Pods', error });
      }
      return undefined;
    }
    return listed.body.leases
      .map((lease) => victimOf(lease, byUid.get(lease.metadata.labels?.[POD_UID_LABEL] ?? '')))
      .filter((victim) => victim !== undefined);
  }
}

/** The session, if its process has ended by what its Pod tells. */
export function victimOf(lease: Lease, pod: ObservedPod | undefined): Victim | undefined {
  const proof = pod && proofOfDeath(pod, lease);
  if (!proof) return undefined;
  const { name, namespace = '', uid = '' } = lease.metadata;
  return { lease, session: { namespace, name, uid }, proof };
}
