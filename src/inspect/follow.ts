import type { Clock, Random } from '../core/clock.ts';
import { CollectionWatch } from '../kube/collection-watch.ts';
import type { Failure } from '../kube/collection-watch.ts';
import type { Listable } from '../kube/collection.ts';
import { collectionPath, listError } from '../kube/lease-list.ts';
import type { ListScope } from '../kube/lease-list.ts';
import { asLease } from '../kube/lease-shape.ts';
import type { Requests } from '../kube/transport.ts';
import { factsOf } from './facts.ts';
import type { Facts } from './facts.ts';
import type { Listed } from './list.ts';

export interface FollowListener {
  /** All that there is: first of all, and whenever changes may have been missed. */
  listed(listed: Listed): void;
  /** A Lease was written. */
  written(facts: Facts): void;
  deleted(facts: Facts): void;
  /** From now on nothing is heard, until `resumed` or `listed`. */
  interrupted(outcome: Failure): void;
  /** Nothing was missed, it only comes late. */
  resumed(): void;
}

/** Follows all Leases of a namespace, or of all, until stopped; see {@link CollectionWatch}. */
export class Follower {
  readonly #watch: CollectionWatch<Facts>;

  constructor(
    requests: Requests,
    parts: { clock: Clock; random: Random },
    scope: ListScope,
    listener: FollowListener,
  ) {
    const collection = { path: collectionPath(scope.namespace), selector: scope.selector };
    const keep = (item: Listable): Facts => factsOf(asLease(item));
    this.#watch = new CollectionWatch(requests, parts, collection, keep, {
      listed: ({ items, serverTime, resourceVersion }) => {
        listener.listed({ facts: items, at: serverTime ?? parts.clock.wall(), resourceVersion });
      },
      written: (facts) => listener.written(facts),
      deleted: (facts) => listener.deleted(facts),
      interrupted: (failure, everListed) => {
        const isForbidden = failure.kind === 'refused' && failure.status === 403;
        if (isForbidden || !everListed) throw listError(failure, scope, ['list', 'watch']);
        listener.interrupted(failure);
      },
      resumed: () => listener.resumed(),
    });
  }

  /**
   * Resolves when the signal aborts.
   *
   * @throws LeaseholdError when the first list fails, or list or watch is not permitted
   */
  run(signal: AbortSignal): Promise<void> {
    return this.#watch.run(signal);
  }
}
