import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import type { ClusterAccess } from '../cluster/access.ts';
import { startElector } from '../cluster/elector.ts';
import type { Elector } from '../cluster/elector.ts';
import { sharedCluster } from '../cluster/shared.ts';
import { seen, stands } from './elections.ts';
import { client, leasePath, readLease, until } from './world.ts';
import type { Client } from './world.ts';

const TIMES = { leaseDuration: '4s', renewDeadline: '3s', retryPeriod: '300ms' } as const;

let cluster: ClusterAccess;
let namespace: string;
let own: Client;
let observer: Client;

beforeAll(async () => {
  cluster = await sharedCluster();
  namespace = await cluster.createNamespace();
  own = await client(cluster, namespace, { identity: 'own', ttl: '5s' });
  observer = await client(cluster, namespace, { identity: 'observer' });
});

afterAll(async () => {
  await Promise.all([own.leasehold.close(), observer.leasehold.close()]);
  await cluster.deleteNamespace(namespace);
});

function elector(name: string): Promise<Elector> {
  return startElector({
    kubeconfigPath: cluster.kubeconfigPath,
    namespace,
    name,
    identity: 'client-go',
    leaseDurationMilliseconds: 4_000,
    renewDeadlineMilliseconds: 3_000,
    retryPeriodMilliseconds: 300,
    releaseOnCancel: true,
  });
}

describe('an election shared with client-go', () => {
  it('does not show the value of a leader that died as that of the client-go candidate that follows', async () => {
    const name = 'followed';
    const term = await own.leasehold.election(name, TIMES).acquire({ value: 'of the dead' });
    const observing = observer.leasehold.election(name, TIMES);
    await seen(observing, ({ value }) => value === 'of the dead');
    // As if it had died: somebody renames the leader, and nobody renews.
    const go = await elector(name);
    const path = leasePath(namespace, name);
    const patch = { spec: { holderIdentity: 'dead' } };
    await cluster.request('PATCH', path, patch, { contentType: 'application/merge-patch+json' });
    await go.waitFor('started-leading');
    const leader = await seen(observing, ({ identity }) => identity === 'client-go');
    expect(leader).toMatchObject({ value: undefined, priority: undefined });
    const lease = await readLease(cluster, namespace, name);
    expect(lease?.metadata.annotations?.['leasehold.dev/value']).toBe('of the dead');
    expect(term.valid).toBe(false);
    await go.quit();
    const next = await own.leasehold.election(name, TIMES).acquire();
    expect((await readLease(cluster, namespace, name))?.metadata.annotations).toBeUndefined();
    await next.resign();
  });

  it('leaves it alone, which states no priority, and follows it', async () => {
    const name = 'go-leads';
    const go = await elector(name);
    await go.waitFor('started-leading');
    const election = stands(own, name, { ...TIMES, priority: 9, preemptAfter: '1ms' });
    await until(
      () => election.candidates(),
      ({ length }) => length === 1,
    );
    const renewed = await renewals(name, 5);
    expect(renewed?.spec?.holderIdentity).toBe('client-go');
    expect(renewed?.metadata.annotations).toBeUndefined();
    go.release(2_000);
    await seen(observer.leasehold.election(name), ({ identity }) => identity === election.identity);
    await go.quit();
  });
});

/** The Lease after so many further renewals. */
async function renewals(name: string, count: number): Promise<Lease | undefined> {
  let last: Lease | undefined;
  for (let renewal = 0; renewal <= count; renewal += 1) {
    const before = last?.spec?.renewTime;
    last = await until(
      () => readLease(cluster, namespace, name),
      (lease) => lease?.spec?.renewTime !== before,
    );
  }
  return last;
}
