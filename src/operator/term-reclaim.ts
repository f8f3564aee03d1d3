import type { Clock } from '../core/clock.ts';
import { isFree, released } from '../core/election.ts';
import { ENABLED, ROLE_LABEL, microTime } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { collectLeases, listError } from '../kube/lease-list.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { isMissing } from '../kube/outcome.ts';
import { errorOf } from '../kube/status-error.ts';
import type { Requests } from '../kube/transport.ts';
import { compareAndSwap } from '../repair/compare-and-swap.ts';
import { Backlog } from './backlog.ts';
import { Pace } from './pace.ts';
import type { PodIndex } from './pod-index.ts';
import type { Reporter } from './report.ts';
import { DISABLED, RECLAIM_LABEL, isReclaimable, proofOfTermEnd } from './term-proof.ts';
import type { TermEnd } from './term-proof.ts';

const PACE = { burst: 100, perSecond: 100 };

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
  /** Namespaces in which a container has ended. */
  readonly #pending: Backlog<string>;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.clock, PACE);
    this.#pending = new Backlog(parts.clock);
  }

  /** A container has ended in this namespace. */
  add(namespace: string): void {
    this.#pending.add(namespace, namespace);
  }

  /** Works until the signal aborts; begins with all that is known to have ended. */
  async run(signal: AbortSignal): Promise<void> {
    for (const namespace of this.#parts.pods.namespacesOfEnded()) this.add(namespace);
    while (!signal.aborted) {
      for (const namespace of (await this.#pending.take(signal)).values()) {
        await this.#pace.turn(signal);
        if (isAborted(signal)) return;
        if (await this.#reclaimIn(namespace, signal)) this.#pending.done(namespace);
        else this.#pending.retry(namespace, namespace, signal);
      }
    }
  }

  async #reclaimIn(namespace: string, signal: AbortSignal): Promise<boolean> {
    const { clock, pods, patterns, report } = this.#parts;
    const startedAt = clock.now();
    const isOptedIn = await this.#isOptedIn(namespace, signal);
    if (isOptedIn === undefined) return false;
    const known = pods.known(namespace);
    const leases = await this.#leasesIn(
      namespace,
      isOptedIn,
      (lease) => {
        const isEnded = isReclaimable(lease, isOptedIn) && proofOfTermEnd(lease, known, patterns);
        return isEnded ? lease : undefined;
      },
      signal,
    );
    if (!leases) return false;
    let isDone = true;
    for (const lease of leases) {
      if (!lease) continue;
      await this.#pace.turn(signal);
      if (isAborted(signal)) return false;
      const { name, uid = '' } = lease.metadata;
      try {
        const proof = await this.#release(namespace, lease, isOptedIn);
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

  /** By compare-and-swap: whatever was written since is looked at, and has to be proven, afresh. */
  #release(namespace: string, first: Lease, isOptedIn: boolean): Promise<TermEnd | undefined> {
    const { apiOf, clock, pods, patterns } = this.#parts;
    const api = apiOf(namespace);
    let sent: TermEnd | undefined;
    return compareAndSwap<TermEnd | undefined>(
      { api, clock },
      first.metadata.name,
      first,
      (lease, inDoubt) => {
        const proof =
          lease && isReclaimable(lease, isOptedIn)
            ? proofOfTermEnd(lease, pods.known(namespace), patterns)
            : undefined;
        if (!lease || !proof) {
          const isOurs = inDoubt && lease !== undefined && isFree(lease);
          return { result: isOurs ? sent : undefined };
        }
        sent = proof;
        const next = released(lease, microTime(clock.wall()));
        return { write: () => api.replace(next), done: () => proof };
      },
    );
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
  ): Promise<readonly Kept[] | undefined> {
    const { requests, report } = this.#parts;
    const choice = isOptedIn ? `${RECLAIM_LABEL}!=${DISABLED}` : `${RECLAIM_LABEL}=${ENABLED}`;
    const scope = { namespace, selector: `!${ROLE_LABEL},${choice}` };
    const listed = await collectLeases(requests, scope, keep, signal);
    if (listed.kind === 'done') return listed.body.leases;
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
