import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterAccess } from '../cluster/access.ts';
import type { RequestCounts } from '../cluster/metrics.ts';
import { sharedCluster } from '../cluster/shared.ts';
import { client, countLeaseRequests, leaseNames, readLease, until } from './world.ts';
import type { Client } from './world.ts';

const resource = 'leases';
let cluster: ClusterAccess;
let namespace: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  namespace = await cluster.createNamespace();
});

afterAll(async () => {
  await cluster.deleteNamespace(namespace);
});

function count(counts: RequestCounts, verb: string, code?: string): number {
  return counts.total({ resource, verb, ...(code === undefined ? {} : { code }) });
}

async function queued(lock: string): Promise<void> {
  await until(
    () => readLease(cluster, namespace, lock),
    (lease) =>
      Object.keys(lease?.metadata.annotations ?? {}).some((key) => key.startsWith('queue.')),
  );
}

describe('requests, counted by the API server', () => {
  let a: Client;
  let b: Client;

  beforeAll(async () => {
    [a, b] = await Promise.all([
      client(cluster, namespace, { identity: 'a' }),
      client(cluster, namespace, { identity: 'b' }),
    ]);
    for (const { leasehold } of [a, b]) await (await leasehold.lock('first').acquire()).release();
  });

  afterAll(async () => {
    await Promise.all([a.leasehold.close(), b.leasehold.close()]);
    expect(await leaseNames(cluster, namespace)).toEqual([]);
  });

  it('acquire and release of a free lock are two writes and no read', async () => {
    const cycles = 50;
    const lock = a.leasehold.lock('free');
    const counts = await countLeaseRequests(
      cluster,
      async () => {
        for (let cycle = 0; cycle < cycles; cycle += 1) await (await lock.acquire()).release();
      },
      (seen) => count(seen, 'DELETE', '200') >= cycles,
    );
    expect(count(counts, 'POST', '201')).toBe(cycles);
    expect(count(counts, 'DELETE', '200')).toBe(cycles);
    for (const verb of ['GET', 'LIST', 'WATCH', 'PATCH']) expect(count(counts, verb)).toBe(0);
  });

  it('a contended lock costs a join and a grant, with one refused CREATE before', async () => {
    const held = await a.leasehold.lock('contended').acquire();
    const waiting = b.leasehold.lock('contended').acquire();
    await queued('contended');
    await until(
      () => Promise.resolve(held.valid),
      (valid) => valid,
    );
    const counts = await countLeaseRequests(
      cluster,
      async () => {
        await held.release();
        await waiting;
      },
      (seen) => count(seen, 'PATCH', '200') >= 1,
    );
    // What a waiter that had just come needed: a DELETE that was refused, a read, and the grant.
    expect(count(counts, 'PATCH', '200')).toBe(1);
    expect(count(counts, 'POST')).toBe(0);
    await (await waiting).release();
  });

  it('a wait that is given up costs its join and one write more', async () => {
    const held = await a.leasehold.lock('cancelled').acquire();
    const stop = new AbortController();
    const counts = await countLeaseRequests(
      cluster,
      async () => {
        const waiting = b.leasehold.lock('cancelled').acquire({ signal: stop.signal });
        await queued('cancelled');
        stop.abort();
        await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
        await until(
          () => readLease(cluster, namespace, 'cancelled'),
          (lease) => !JSON.stringify(lease?.metadata.annotations).includes('queue.'),
        );
      },
      (seen) => count(seen, 'PATCH', '200') >= 2,
    );
    expect(count(counts, 'POST', '409')).toBe(1);
    expect(count(counts, 'PATCH', '200')).toBe(2);
    await held.release();
  });
});

describe('a process with a thousand locks', () => {
  it('renews one session, and watches no more locks than its limit', async () => {
    const ttl = 3;
    const many = await client(cluster, namespace, { identity: 'many', ttl: `${String(ttl)}s` });
    const names = Array.from({ length: 1_000 }, (_, index) => `many-${String(index)}`);
    const holds = await Promise.all(names.map((name) => many.leasehold.lock(name).acquire()));
    expect(holds.every((held) => held.valid)).toBe(true);
    const session = (await leaseNames(cluster, namespace)).find((name) =>
      /^many-[0-9a-f]{8}$/.test(name),
    );
    const renewals = new Set<string>();
    const startedAt = performance.now();
    const counts = await countLeaseRequests(
      cluster,
      async () => {
        await until(
          () => readLease(cluster, namespace, session ?? ''),
          (lease) => renewals.add(lease?.spec?.renewTime ?? '').size >= 6,
        );
      },
      (seen) => count(seen, 'PUT', '200') >= 4,
    );
    const elapsed = (performance.now() - startedAt) / 1_000;
    // One write per third of a ttl, and the API server's own heartbeat.
    expect(count(counts, 'PUT')).toBeLessThanOrEqual(Math.ceil(elapsed / (ttl / 3)) + 2);
    for (const verb of ['POST', 'PATCH', 'DELETE']) expect(count(counts, verb)).toBe(0);
    expect(holds.every((held) => held.valid)).toBe(true);
    await Promise.all(holds.map((held) => held.release()));
    await many.leasehold.close();
    expect(await leaseNames(cluster, namespace)).toEqual([]);
  });
});
