import type { Clock } from '../core/clock.ts';
import { isFree, released } from '../core/election.ts';
import { ENABLED, ROLE_LABEL, microTime } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { collect } from '../kube/collection.ts';
import { collectLeases, listError } from '../kube/lease-list.ts';
import type { LeaseList } from '../kube/lease-list.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { isMissing } from '../kube/outcome.ts';
import { errorOf } from '../kube/status-error.ts';
import type { Requests } from '../kube/transport.ts';
import { compareAndSwap } from '../repair/compare-and-swap.ts';
import { heartbeat } from '../session/sighting.ts';
import { Backlog } from './backlog.ts';
import { briefly } from './brief.ts';
import { Doubts } from './doubts.ts';
import type { KnownPods } from './holder.ts';
import { observedPod } from './observed-pod.ts';
import { Pace } from './pace.ts';
import type { PodIndex } from './pod-index.ts';
import type { Reporter } from './report.ts';
import { DISABLED, RECLAIM_LABEL, isReclaimable, verdictOnTerm } from './term-proof.ts';
import type { TermEnd, TermVerdict } from './term-proof.ts';

const PACE = { burst: 100, perSecond: 100 };

/** A Lease whose leader has ended. */
interface Ended {
  readonly lease: Lease;
  readonly verdict: TermVerdict;
}

interface Parts {
  readonly requests: Requests;
  readonly apiOf: (namespace: string) => LeaseApi;
  readonly clock: Clock;
  readonly pods: PodIndex;
  readonly patterns: readonly RegExp[];
  readonly report: Reporter;
}

/**
 * Releases the Leases of leaders whose process has ended, as they would have done it themselves, for
 * elections of whatever library that are opted in. They are read when a container has ended, never
 * watched: their renewals would be most of what the operator hears.
 */
export class TermReclaimer {
  readonly #parts: Parts;
  readonly #pace: Pace;
  readonly #doubts: Doubts;
  /** Namespaces in which a container has ended. */
  readonly #pending: Backlog<string>;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.clock, PACE);
    this.#doubts = new Doubts(parts.report);
    this.#pending = new Backlog(parts.clock);
  }

  /** A container has ended in this namespace. */
  add(namespace: string): void {
    this.#pending.add(namespace, namespace);
  }

  /** Works until the signal aborts; begins with all that is known to have ended. */
  async run(signal: AbortSignal): Promise<void> {
    for (const namespace of this.#parts.pods.namespacesOfEnded()) this.add(namespace);
    const reclaim = async ([namespace = '']: readonly string[]): Promise<void> => {
      await this.#pace.turn(signal);
      if (signal.aborted) return;
      if (await this.#reclaimIn(namespace, signal)) this.#pending.done(namespace);
      else this.#pending.retry(namespace, namespace, signal);
    };
    await this.#pending.run(signal, (namespace) => namespace, reclaim);
  }

  async #reclaimIn(namespace: string, signal: AbortSignal): Promise<boolean> {
    const { clock, pods, patterns, report } = this.#parts;
    const startedAt = clock.now();
    const isOptedIn = await this.#isOptedIn(namespace, signal);
    if (isOptedIn === undefined) return false;
    const listed = await this.#leasesIn(
      namespace,
      isOptedIn,
      (lease) => (isReclaimable(lease, isOptedIn) ? lease : undefined),
      signal,
    );
    if (!listed) return false;
    const known = pods.known(namespace);
    const ended: Ended[] = [];
    for (const lease of listed.leases) {
      const verdict = lease && verdictOnTerm(lease, known, patterns, listed.serverTime);
      if (!verdict) continue;
      const { proof } = verdict;
      const { name } = lease.metadata;
      if (verdict.kind === 'dead') ended.push({ lease, verdict });
      else if (verdict.kind === 'early') {
        this.#pending.addLater(namespace, namespace, verdict.wait, signal);
      } else {
        const { why } = verdict;
        this.#doubts.tell({ namespace, lease: name, holder: proof.holder, why, proof });
      }
    }
    if (ended.length === 0) return true;
    const fresh = await this.#podsIn(namespace, signal);
    if (!fresh) return false;
    let isDone = true;
    for (const { lease, verdict } of ended) {
      // What the watch has not told yet may be meant, too.
      const now = verdictOnTerm(lease, fresh, patterns, listed.serverTime);
      if (now?.kind !== 'dead' || now.proof.containerID !== verdict.proof.containerID) continue;
      await this.#pace.turn(signal);
      if (isAborted(signal)) return false;
      const { name, uid = '' } = lease.metadata;
      try {
        const proof = await this.#release({ lease, verdict }, fresh, isOptedIn);
        const tookMs = clock.now() - startedAt;
        if (proof) {
          report({ type: 'released', namespace, lease: name, leaseUid: uid, proof, tookMs });
        }
      } catch (error) {
        report({ type: 'failed', what: `release Lease ${name} in namespace ${namespace}`, error });
        isDone = false;
      }
    }
    return isDone;
  }

  /**
   * By compare-and-swap: what was renewed since has to be proven afresh, and is left alone if that happens
   * twice. Who renews is alive.
   */
  #release(
    { lease: first, verdict: { proof } }: Ended,
    known: KnownPods,
    isOptedIn: boolean,
  ): Promise<TermEnd | undefined> {
    const { apiOf, clock, patterns } = this.#parts;
    const { name, namespace = '', uid = '' } = first.metadata;
    const workshop = briefly(apiOf(namespace), clock);
    let beat = heartbeat(first, uid);
    let renewals = 0;
    return compareAndSwap<TermEnd | undefined>(workshop, name, first, (lease, inDoubt) => {
      // Made again, it is of another leader, whose renewals have to be seen afresh.
      if (lease?.metadata.uid !== uid) return { result: undefined };
      if (!isReclaimable(lease, isOptedIn)) {
        return { result: inDoubt && isFree(lease) ? proof : undefined };
      }
      if (heartbeat(lease, uid) !== beat) {
        beat = heartbeat(lease, uid);
        renewals += 1;
        // It was not read with a time of the server: silence is no proof then.
        const now = verdictOnTerm(lease, known, patterns, undefined);
        const isSame = now?.kind === 'dead' && now.proof.containerID === proof.containerID;
        if (renewals > 1 || !isSame) return { result: undefined };
      }
      const next = released(lease, microTime(clock.wall()));
      return { write: () => workshop.api.replace(next), done: () => proof };
    });
  }

  /** As they are at this moment: whether an identity means only one of them is not left to a watch. */
  async #podsIn(namespace: string, signal: AbortSignal): Promise<KnownPods | undefined> {
    const { requests, pods, report } = this.#parts;
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const listed = await collect(requests, { path }, observedPod, signal);
    if (listed.kind === 'done') {
      return pods.known(
        namespace,
        listed.body.items.filter((pod) => pod !== undefined),
      );
    }
    if (!signal.aborted) {
      const what = `list Pods in namespace ${namespace}`;
      report({ type: 'failed', what, error: errorOf(listed, what) });
    }
    return undefined;
  }

  async #isOptedIn(namespace: string, signal: AbortSignal): Promise<boolean | undefined> {
    const { requests, report } = this.#parts;
    const read = await requests.request<{ metadata?: { labels?: Record<string, string> } }>({
      method: 'GET',
      path: `/api/v1/namespaces/${namespace}`,
      signal,
    });
    if (read.kind === 'done') return read.body.metadata?.labels?.[RECLAIM_LABEL] === ENABLED;
    if (isMissing(read)) return false;
    if (!signal.aborted) {
      const what = `read namespace ${namespace}`;
      report({ type: 'failed', what, error: errorOf(read, what) });
    }
    return undefined;
  }

  async #leasesIn<Kept>(
    namespace: string,
    isOptedIn: boolean,
    keep: (lease: Lease) => Kept,
    signal: AbortSignal,
  ): Promise<LeaseList<Kept> | undefined> {
    const { requests, report } = this.#parts;
    const choice = isOptedIn ? `${RECLAIM_LABEL}!=${DISABLED}` : `${RECLAIM_LABEL}=${ENABLED}`;
    const scope = { namespace, selector: `!${ROLE_LABEL},${choice}` };
    const listed = await collectLeases(requests, scope, keep, signal);
    if (listed.kind === 'done') return listed.body;
    if (!signal.aborted) {
      const error = listError(listed, scope, ['list']);
      report({ type: 'failed', what: `read the elections in namespace ${namespace}`, error });
    }
    return undefined;
  }
}

/** Aborted meanwhile: asked anew, as the compiler takes an earlier answer for lasting. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
