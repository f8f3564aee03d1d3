import { connect } from '../../src/index.ts';
import type { ConnectOptions, Leasehold, LeaseholdEvent } from '../../src/index.ts';
import type { Lease } from '../../src/core/lease.ts';
import type { ClusterAccess } from '../cluster/access.ts';
import type { RequestCounts } from '../cluster/metrics.ts';

/** One client, and what it has told so far. */
export interface Client {
  readonly leasehold: Leasehold;
  readonly events: LeaseholdEvent[];
  /** Resolves with the first event of this type, past or to come. */
  event<T extends LeaseholdEvent['type']>(type: T): Promise<Extract<LeaseholdEvent, { type: T }>>;
}

export async function client(
  cluster: ClusterAccess,
  namespace: string,
  options: ConnectOptions = {},
): Promise<Client> {
  const events: LeaseholdEvent[] = [];
  const listeners = new Set<() => void>();
  const leasehold = await connect({
    kubeconfig: cluster.kubeconfigPath,
    namespace,
    ...options,
    onEvent: (event) => {
      events.push(event);
      for (const listener of listeners) listener();
    },
  });
  return {
    leasehold,
    events,
    event: (type) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = events.find((event) => event.type === type);
          if (!found) return;
          listeners.delete(look);
          resolve(found as never);
        };
        listeners.add(look);
        look();
      }),
  };
}

export function leasePath(namespace: string, name = ''): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases${name === '' ? '' : `/${name}`}`;
}

export async function readLease(
  cluster: ClusterAccess,
  namespace: string,
  name: string,
): Promise<Lease | undefined> {
  const { status, body } = await cluster.request<Lease>('GET', leasePath(namespace, name));
  return status === 200 ? body : undefined;
}

export async function leaseNames(cluster: ClusterAccess, namespace: string): Promise<string[]> {
  const { body } = await cluster.request<{ items: Lease[] }>('GET', leasePath(namespace));
  return body.items.map((lease) => lease.metadata.name);
}

/** Asks again until the answer satisfies; the test's own time limit ends it. */
export async function until<T>(
  ask: () => Promise<T>,
  satisfies: (answer: T) => boolean,
): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (satisfies(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A hundred at a time: a thousand at once would not be answered in time by a machine that is busy. */
export async function inTurns<T, R>(all: readonly T[], act: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < all.length; from += 100) {
    results.push(...(await Promise.all(all.slice(from, from + 100).map(act))));
  }
  return results;
}

/** What the server counted of Leases. */
export interface LeaseRequests {
  readonly counts: RequestCounts;
  /** So many reads may be the server's own: of the Lease that it renews every ten seconds. */
  readonly readsOfServer: number;
}

/** What the server has counted of Leases while `work` ran, once at least `atLeast` has arrived. */
export async function countLeaseRequests(
  cluster: ClusterAccess,
  work: () => Promise<void>,
  arrived: (counts: RequestCounts) => boolean,
): Promise<LeaseRequests> {
  const startedAt = performance.now();
  const before = await cluster.countRequests();
  await work();
  // The server counts a request a moment after it has answered it.
  const counts = await until(async () => (await cluster.countRequests()).since(before), arrived);
  const readsOfServer = Math.floor((performance.now() - startedAt) / 10_000) + 1;
  return { counts, readsOfServer };
}
