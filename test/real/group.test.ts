import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatEntry } from '../../src/core/entry.ts';
import { HOLDER_PREFIX } from '../../src/core/record.ts';
import type { GroupState, OwnedShard } from '../../src/index.ts';
import type { ClusterAccess } from '../cluster/access.ts';
import { sharedCluster } from '../cluster/shared.ts';
import { client, leaseNames, leasePath, readLease, until } from './world.ts';
import type { Client } from './world.ts';

let cluster: ClusterAccess;
let namespace: string;
const clients: Client[] = [];

async function newClient(identity: string): Promise<Client> {
  const one = await client(cluster, namespace, { identity, ttl: '5s' });
  clients.push(one);
  return one;
}

beforeAll(async () => {
  cluster = await sharedCluster();
  namespace = await cluster.createNamespace();
});

afterAll(async () => {
  await Promise.all(clients.map(({ leasehold }) => leasehold.close()));
  expect(await leaseNames(cluster, namespace)).toEqual([]);
  await cluster.deleteNamespace(namespace);
});

const hex = (number: number): string => number.toString(16).padStart(8, '0');

/** The last state that an observer was told. */
function observed({ leasehold }: Client, group: string): () => Promise<GroupState | undefined> {
  let last: GroupState | undefined;
  void (async () => {
    for await (const state of leasehold.group(group).observe()) last = state;
  })();
  return () => Promise.resolve(last);
}

describe('a group', () => {
  it('is joined, seen and left', async () => {
    const [a, b, o] = [await newClient('a'), await newClient('b'), await newClient('o')];
    const seen = observed(o, 'workers');
    const first = await a.leasehold.group('workers').join({ metadata: { note: 'one & "only"' } });
    const second = await b.leasehold.group('workers').join({ metadata: { weight: 2 } });
    const state = await until(seen, (last) => last?.members.length === 2);
    expect(state?.members.map(({ metadata }) => metadata)).toContainEqual({ note: 'one & "only"' });
    const members = await o.leasehold.group('workers').members();
    expect(members.map(({ id }) => id).sort()).toEqual([first.id, second.id].sort());
    await first.leave();
    const after = await until(seen, (last) => last?.members.length === 1);
    expect(after?.left.map(({ id }) => id)).toEqual([first.id]);
    await second.leave();
    await until(seen, (last) => last?.members.length === 0);
    expect(await readLease(cluster, namespace, 'workers')).toBeUndefined();
  });

  it('has a hundred members with as much metadata as they may have', async () => {
    const metadata = { text: 'x'.repeat(240) };
    const [a, b] = [await newClient('a'), await newClient('b')];
    const first = await a.leasehold.group('crowd').join({ metadata });
    // Members of processes that are not there, and have an hour to come back.
    const others = Array.from({ length: 98 }, (_, index): [string, string] => {
      const session = `a-pod-with-a-rather-long-name-7d9f8b6c5d-x2kq4-${hex(index)}`;
      const since = '2026-11-21T09:30:05.000000Z';
      const principal = `pod:${randomUUID()}`;
      const of = { session, sessionUid: randomUUID(), ttl: 3_600, principal, since };
      const entry = formatEntry({
        ...of,
        mode: 'shared',
        more: `data=${JSON.stringify(metadata)}`,
      });
      return [`${HOLDER_PREFIX}${hex(index)}-1`, `${entry} fence=1`];
    });
    const lease = await readLease(cluster, namespace, 'crowd');
    await cluster.request('PUT', leasePath(namespace, 'crowd'), {
      ...lease,
      metadata: {
        ...lease?.metadata,
        annotations: { ...lease?.metadata.annotations, ...Object.fromEntries(others) },
      },
    });
    const last = await b.leasehold.group('crowd').join({ metadata });
    const members = await a.leasehold.group('crowd').members();
    expect(members.map((member) => member.metadata)).toEqual(
      Array.from({ length: 100 }, () => metadata),
    );
    await first.leave();
    await last.leave();
    expect(await a.leasehold.group('crowd').members()).toHaveLength(98);
    await cluster.request('DELETE', leasePath(namespace, 'crowd'));
  });

  it('loses a member whose session was revoked, and tells it', async () => {
    const [a, b] = [await newClient('a'), await newClient('b')];
    const membership = await a.leasehold.group('pair').join();
    await b.leasehold.group('pair').join();
    const seen = observed(b, 'pair');
    await until(seen, (last) => last?.members.length === 2);
    const { session } = await a.event('session-started');
    const lease = await readLease(cluster, namespace, session);
    await cluster.request('PUT', leasePath(namespace, session), {
      ...lease,
      spec: { ...lease?.spec, holderIdentity: '' },
    });
    const state = await until(seen, (last) => last?.members.length === 1);
    expect(state?.left.map(({ id }) => id)).toEqual([membership.id]);
    await until(
      () => Promise.resolve(membership.signal.aborted),
      (aborted) => aborted,
    );
    expect(membership.signal.reason).toMatchObject({ code: 'LOST' });
  });
});

describe('shards', () => {
  const COUNT = 24;

  /** Who works on what: by shard, each at most one at a time, or it throws. */
  class Floor {
    readonly owners = new Map<number, string>();
    readonly overlaps: string[] = [];

    run({ leasehold }: Client, name: string, signal?: AbortSignal): Promise<void> {
      const work = async ({ shard, signal: stop }: OwnedShard): Promise<void> => {
        const other = this.owners.get(shard);
        if (other !== undefined) this.overlaps.push(`${String(shard)}: ${name} beside ${other}`);
        this.owners.set(shard, name);
        await new Promise<void>((resolve) => {
          if (stop.aborted) resolve();
          stop.addEventListener('abort', () => resolve(), { once: true });
        });
        this.owners.delete(shard);
      };
      const shards = leasehold.shards('orders', { count: COUNT });
      return shards.run(work, signal ? { signal } : {});
    }

    /** Resolves when all shards are worked on, by exactly these. */
    async shared(...names: string[]): Promise<void> {
      await until(
        () => Promise.resolve([...this.owners.values()]),
        (owners) =>
          owners.length === COUNT && [...new Set(owners)].sort().join() === names.sort().join(),
      );
    }
  }

  it('are shared out, handed over to who joins and by who leaves, and by a close', async () => {
    const floor = new Floor();
    const [a, b, c] = [await newClient('a'), await newClient('b'), await newClient('c')];
    const stop = new AbortController();
    const running = floor.run(a, 'a', stop.signal);
    await floor.shared('a');
    void floor.run(b, 'b');
    void floor.run(c, 'c');
    await floor.shared('a', 'b', 'c');
    for (const name of ['a', 'b', 'c']) {
      const load = [...floor.owners.values()].filter((owner) => owner === name).length;
      expect(load).toBeLessThanOrEqual(9);
    }
    stop.abort();
    await running;
    await floor.shared('b', 'c');
    await b.leasehold.close();
    await floor.shared('c');
    await c.leasehold.close();
    expect(floor.overlaps).toEqual([]);
    // Two writes a shard at the least; handed over, one more.
    expect(await leaseNames(cluster, namespace)).not.toContain('orders.members');
  });
});
