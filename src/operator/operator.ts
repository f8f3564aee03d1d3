import type { Clock, Random } from '../core/clock.ts';
import { ROLE_LABEL } from '../core/lease.ts';
import { CollectionWatch } from '../kube/collection-watch.ts';
import type { CollectionListener, Failure } from '../kube/collection-watch.ts';
import type { Listable } from '../kube/collection.ts';
import { leaseApi } from '../kube/lease-api.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { collectionPath, listError } from '../kube/lease-list.ts';
import { asLease } from '../kube/lease-shape.ts';
import { errorOf } from '../kube/status-error.ts';
import type { Requests } from '../kube/transport.ts';
import { holderPatterns } from './holder.ts';
import { Housekeeping } from './housekeeping.ts';
import type { SessionSweep } from './housekeeping.ts';
import { LeaderLabels } from './leader-labels.ts';
import { LockIndex, indexedLock } from './lock-index.ts';
import { observedPod } from './observed-pod.ts';
import { PodIndex } from './pod-index.ts';
import { Reclaimer } from './reclaim.ts';
import type { Reporter } from './report.ts';
import { Settler } from './settler.ts';
import { StuckQueues } from './stuck-queues.ts';
import { Teller } from './teller.ts';
import { TermReclaimer } from './term-reclaim.ts';
import { Turnover } from './turnover.ts';
import { WatchHealth } from './watch-health.ts';
import type { WatchedKind } from './watch-health.ts';

const DEADLINE_MS = 5_000;

export interface OperatorParts {
  readonly requests: Requests;
  readonly clock: Clock;
  readonly random: Random;
  readonly report: Reporter;
  /** All if undefined. */
  readonly namespaces: readonly string[] | undefined;
  /** How holders of Leases are known; those of well-known libraries if undefined. */
  readonly patterns?: readonly RegExp[];
  /** Whether to label the Pods of leaders; not if undefined. */
  readonly leaderLabel?: boolean;
  /** A queue that has not moved for so many ttl is told; none if 0. */
  readonly stuckAfter: number;
}

/** Pods and locks as they are, and what follows from them while this operator leads. */
export class Operator {
  readonly pods = new PodIndex();
  readonly locks = new LockIndex();
  readonly turnover: Turnover;
  readonly stuck: StuckQueues;
  readonly watches: WatchHealth;
  readonly #parts: OperatorParts;
  readonly #scopes: readonly (string | undefined)[];
  readonly #settler: Settler;
  readonly #reclaimer: Reclaimer;
  readonly #housekeeping: Housekeeping;
  readonly #terms: TermReclaimer;
  readonly #leaderLabels: LeaderLabels | undefined;
  readonly #teller: Teller;
  readonly #synced = Promise.withResolvers<undefined>();
  readonly #unlisted = new Set<string>();
  #isSynced = false;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
    this.#scopes = parts.namespaces ?? [undefined];
    const { requests, clock, random, report } = parts;
    const apis = new Map<string, LeaseApi>();
    const apiOf = (namespace: string): LeaseApi => {
      const api = apis.get(namespace) ?? leaseApi(requests, namespace, DEADLINE_MS);
      apis.set(namespace, api);
      return api;
    };
    const { pods, locks: index } = this;
    this.turnover = new Turnover(clock);
    this.stuck = new StuckQueues(clock, parts.stuckAfter);
    this.watches = new WatchHealth(clock);
    index.subscribe((before, after, isAfterGap) => {
      this.stuck.changed(before, after);
      // What the first list tells was there before: nobody saw when it began.
      if (this.#isSynced) this.turnover.changed(before, after, isAfterGap);
    });
    const common = { requests, apiOf, clock, index, report };
    this.#settler = new Settler(common);
    this.#reclaimer = new Reclaimer({ ...common, pods, settler: this.#settler });
    const patterns = parts.patterns ?? holderPatterns();
    this.#terms = new TermReclaimer({ ...common, pods, patterns });
    const labelling = { ...common, random, pods, patterns, namespaces: this.#scopes };
    this.#leaderLabels = parts.leaderLabel ? new LeaderLabels(labelling) : undefined;
    this.#housekeeping = new Housekeeping({
      ...common,
      random,
      namespaces: this.#scopes,
      pods,
      settler: this.#settler,
      reclaimer: this.#reclaimer,
    });
    const { turnover, stuck } = this;
    this.#teller = new Teller({ ...common, pods, turnover, stuck, settler: this.#settler });
  }

  /** Whether everything was read once. */
  get synced(): boolean {
    return this.#isSynced;
  }

  /** As of the last sweep of this operator while it led. */
  get sessions(): SessionSweep {
    return this.#housekeeping.swept;
  }

  /** Follows Pods and locks until the signal aborts: also while another operator leads. */
  async watch(signal: AbortSignal): Promise<void> {
    const following = this.#scopes.flatMap((namespace) => [
      this.#follow(podPath(namespace), undefined, observedPod, this.pods, namespace, signal),
      this.#follow(
        collectionPath(namespace),
        `${ROLE_LABEL}=lock`,
        (lease) => indexedLock(asLease(lease)),
        this.locks,
        namespace,
        signal,
      ),
    ]);
    await Promise.all(following);
  }

  /** Reclaims and tidies up until the signal aborts. */
  async lead(signal: AbortSignal): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) resolve();
    });
    await Promise.race([this.#synced.promise, stopped]);
    const unsubscribe = [
      this.pods.onEnd((pod) => {
        this.#reclaimer.add(pod);
        this.#terms.add(pod.namespace);
      }),
      // A request that a dead process had sent may still put it into a lock.
      this.locks.subscribe((_, after) => {
        if (after && this.#settler.concerns(after)) void this.#settler.settle(after);
      }),
    ];
    try {
      await Promise.all([
        this.#reclaimer.run(signal),
        this.#terms.run(signal),
        this.#leaderLabels?.run(signal),
        this.#housekeeping.run(signal),
        this.#teller.run(signal),
      ]);
    } finally {
      for (const stop of unsubscribe) stop();
    }
  }

  async #follow<Kept>(
    path: string,
    selector: string | undefined,
    keep: (item: Listable) => Kept | undefined,
    index: {
      listed(items: readonly (Kept | undefined)[], namespace: string | undefined): void;
      written(item: Kept): void;
      deleted(item: Kept): void;
    },
    namespace: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { requests, clock, random } = this.#parts;
    this.#unlisted.add(path + String(selector));
    const kind: WatchedKind = selector === undefined ? 'pods' : 'leases';
    const health = this.watches.add(kind);
    const listener: CollectionListener<Kept | undefined> = {
      listed: ({ items }) => {
        health.listed();
        index.listed(items, namespace);
        this.#unlisted.delete(path + String(selector));
        if (this.#unlisted.size > 0) return;
        this.#isSynced = true;
        this.#synced.resolve(undefined);
      },
      written: (kept) => {
        if (kept) index.written(kept);
      },
      deleted: (kept) => {
        if (kept) index.deleted(kept);
      },
      interrupted: (failure) => {
        health.interrupted();
        this.#troubled(selector === undefined ? 'Pods' : 'locks', failure, namespace);
      },
      resumed: () => undefined,
      heard: () => health.heard(),
    };
    const watch = new CollectionWatch(
      requests,
      { clock, random },
      { path, selector },
      keep,
      listener,
    );
    await watch.run(signal);
  }

  #troubled(what: 'Pods' | 'locks', failure: Failure, namespace: string | undefined): void {
    const error =
      what === 'locks'
        ? listError(failure, { namespace }, ['list', 'watch'])
        : errorOf(failure, 'list and watch Pods');
    this.#parts.report({ type: 'failed', what: `follow ${what}`, error });
  }
}

function podPath(namespace: string | undefined): string {
  return namespace === undefined ? '/api/v1/pods' : `/api/v1/namespaces/${namespace}/pods`;
}
