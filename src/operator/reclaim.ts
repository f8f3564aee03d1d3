import type { Clock } from '../core/clock.ts';
import { POD_UID_LABEL, ROLE_LABEL } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { collectLeases, listError } from '../kube/lease-list.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import type { Requests } from '../kube/transport.ts';
import { Backlog } from './backlog.ts';
import type { Doubt } from './agreement.ts';
import { verdictOn } from './death.ts';
import type { Proof } from './death.ts';
import { briefly } from './brief.ts';
import { Doubts } from './doubts.ts';
import type { LockIndex } from './lock-index.ts';
import type { ObservedPod } from './observed-pod.ts';
import type { PodIndex } from './pod-index.ts';
import { ReclaimQueue } from './reclaim-queue.ts';
import type { Reporter } from './report.ts';
import { revokeProven } from './revocation.ts';
import type { Victim } from './revocation.ts';
import type { Settler } from './settler.ts';

/** So many Pods in one selector: half of what a URL may be. */
const MOST_PODS_A_LIST = 50;

/** A session whose container has ended by the clock of its node. */
export interface Suspect {
  readonly lease: Lease;
  readonly pod: ObservedPod;
}

interface Parts {
  readonly requests: Requests;
  readonly apiOf: (namespace: string) => LeaseApi;
  readonly clock: Clock;
  readonly pods: PodIndex;
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
  readonly #queue: ReclaimQueue;
  readonly #doubts: Doubts;
  /** Pods with an end of a container that was not looked into yet, by uid. */
  readonly #pending: Backlog<ObservedPod>;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#queue = new ReclaimQueue(parts.clock);
    this.#doubts = new Doubts(parts.report);
    this.#pending = new Backlog(parts.clock);
  }

  /** A container of this Pod has ended. */
  add(pod: ObservedPod): void {
    this.#pending.add(pod.uid, pod);
  }

  /** Works until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const writing = new Set<Promise<void>>();
    // Read at once: only the writes have to wait for their turn.
    const reclaim = async (pods: readonly ObservedPod[]): Promise<void> => {
      for (let from = 0; from < pods.length; from += MOST_PODS_A_LIST) {
        const some = pods.slice(from, from + MOST_PODS_A_LIST);
        const victims = await this.#victimsOf(some, signal);
        const lasts = this.#reclaimThoseOf(some, victims, signal).finally(() =>
          writing.delete(lasts),
        );
        writing.add(lasts);
      }
    };
    await Promise.all([
      this.#queue.run(signal, (victim) => this.#reclaimOne(victim)),
      this.#pending.run(signal, ({ namespace }) => namespace, reclaim),
    ]);
    await Promise.all(writing);
  }

  /**
   * Revokes these sessions and settles their locks while {@link run} runs, in one order with all others that
   * wait for it.
   *
   * @returns those that could not be revoked, or with locks that could not be settled
   */
  async reclaim(victims: readonly Victim[], signal: AbortSignal): Promise<Victim[]> {
    // Whoever leads next looks at all sessions.
    if (signal.aborted) return [];
    const { index, settler } = this.#parts;
    // Each is proven dead by itself: no lock is granted to one whose turn has not come.
    for (const { session, proof } of victims) settler.isDying(session, proof);
    const results = await Promise.all(
      victims.map((victim) => this.#queue.add(victim, index.oldestWaiter(victim.session))),
    );
    return victims.filter((_, at) => results[at] === false);
  }

  async #reclaimOne(victim: Victim): Promise<boolean> {
    const { lease, session, proof, isHeard } = victim;
    const { apiOf, clock, pods, settler, report } = this.#parts;
    const startedAt = clock.now();
    try {
      const { kind } = await revokeProven(briefly(apiOf(session.namespace), clock), victim, pods);
      const tookMs = clock.now() - startedAt;
      if (kind === 'revoked') {
        report({ type: 'revoked', session, by: 'container-terminated', proof, tookMs });
      } else if (kind === 'revived') {
        settler.isAlive(session);
        this.#doubt({ lease, why: 'end', proof });
        return true;
      } else if (kind === 'foreign' || (kind === 'gone' && !isHeard)) {
        // It may have been renewed until it was gone: that is for those who look for missing sessions.
        settler.isAlive(session);
        return true;
      }
      settler.isDead(session, proof);
      return await settler.settleLocksOf(session);
    } catch (error) {
      report({ type: 'failed', what: `revoke session ${session.name}`, error });
      return false;
    }
  }

  /** @param victims - undefined when they could not be read */
  async #reclaimThoseOf(
    pods: readonly ObservedPod[],
    victims: readonly Victim[] | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const left = victims && (await this.reclaim(victims, signal));
    const failed = new Set(left?.map(({ pod }) => pod.uid));
    for (const pod of pods) {
      // Past a few tries housekeeping comes back to it.
      if (!left || failed.has(pod.uid)) this.#pending.retry(pod.uid, pod, signal);
      else this.#pending.done(pod.uid);
    }
  }

  /** Those of Pods of one namespace. */
  async #victimsOf(
    pods: readonly ObservedPod[],
    signal: AbortSignal,
  ): Promise<Victim[] | undefined> {
    const byUid = new Map(pods.map((pod) => [pod.uid, pod]));
    const uids = [...byUid.keys()].join(',');
    const selector = `${ROLE_LABEL}=session,${POD_UID_LABEL} in (${uids})`;
    const scope = { namespace: pods[0]?.namespace, selector };
    const { requests, report } = this.#parts;
    const keep = (lease: Lease): Suspect | undefined => {
      const pod = byUid.get(lease.metadata.labels?.[POD_UID_LABEL] ?? '');
      return pod && { lease, pod };
    };
    const listed = await collectLeases(requests, scope, keep, signal);
    if (listed.kind !== 'done') {
      if (!signal.aborted) {
        const error = listError(listed, scope, ['list']);
        report({ type: 'failed', what: 'read the sessions of Pods', error });
      }
      return undefined;
    }
    const { leases, serverTime } = listed.body;
    const suspects = leases.filter((suspect) => suspect !== undefined);
    return this.judge(suspects, serverTime, signal);
  }

  /**
   * Those whose process has ended. The others are told, or looked at again later.
   *
   * @param serverTime - of the answer that showed them
   */
  judge(
    suspects: readonly Suspect[],
    serverTime: number | undefined,
    signal: AbortSignal,
  ): Victim[] {
    const { index, pods } = this.#parts;
    const victims: Victim[] = [];
    for (const { lease, pod: before } of suspects) {
      // What it has told meanwhile may contradict the end for which it was looked into.
      const pod = pods.find(before.uid) ?? before;
      const { name, namespace = '', uid = '' } = lease.metadata;
      const session = { name, namespace, uid };
      // Others may have edited it.
      const said = (lease.spec?.leaseDurationSeconds ?? Infinity) * 1_000;
      const ttl = Math.max(said, index.longestTtl(session));
      const verdict = verdictOn(pod, lease, { serverTime, ttl });
      if (verdict?.kind === 'dead') {
        const { proof, isHeard } = verdict;
        victims.push({ lease, session, pod, proof, isHeard });
      } else if (verdict?.kind === 'doubtful') this.#doubt({ lease, ...verdict });
      else if (verdict) this.#pending.addLater(pod.uid, pod, verdict.wait, signal);
    }
    return victims;
  }

  #doubt({ lease, why, proof }: { lease: Lease; why: Doubt; proof: Proof }): void {
    const { name, namespace = '' } = lease.metadata;
    const holder = lease.spec?.holderIdentity ?? '';
    this.#doubts.tell({ namespace, lease: name, holder, why, proof });
  }
}
