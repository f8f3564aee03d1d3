import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterAccess } from '../cluster/access.ts';
import type { RequestCounts } from '../cluster/metrics.ts';
import { sharedCluster } from '../cluster/shared.ts';
import {
  client,
  countLeaseRequests,
  inTurns,
  leaseNames,
  leasePath,
  readLease,
  until,
} from './world.ts';
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

interface WriteHistory {
  /** Resolves when the types of the events since the watch began satisfy. */
  until(satisfies: (types: readonly string[]) => boolean): Promise<void>;
  stop(): Promise<string[]>;
}

/** Follows what is stored in one Lease from now on: one event for each write that took effect. */
async function watchWrites(
  access: ClusterAccess,
  inNamespace: string,
  name: string,
): Promise<WriteHistory> {
  const version = (await readLease(access, inNamespace, name))?.metadata.resourceVersion ?? '';
  const stopping = new AbortController();
  const query = `?fieldSelector=metadata.name%3D${name}&resourceVersion=${version}`;
  const events = await access.watch(leasePath(inNamespace) + query, stopping.signal);
  const types: string[] = [];
  const following = (async () => {
    for await (const { type } of events) types.push(type);
  })();
  return {
    until: async (satisfies) => {
      await until(() => Promise.resolve(types), satisfies);
    },
    stop: async () => {
      stopping.abort();
      await following;
      return types;
    },
  };
}

/** How many watches of Leases the API server serves now. */
async function watches(): Promise<number> {
  const line = /^apiserver_longrunning_requests\{([^}]*)\} (\S+)$/gm;
  return [...(await cluster.metrics()).matchAll(line)]
    .filter(([, labels = '']) => /resource="leases"/.test(labels) && /verb="WATCH"/.test(labels))
    .reduce((sum, [, , value]) => sum + Number(value), 0);
}

/** How many connections of this process to the API server are established. */
function connections(access: ClusterAccess): number {
  const port = Number(new URL(access.url).port).toString(16).toUpperCase().padStart(4, '0');
  const own = new Set(
    readdirSync('/proc/self/fd').map((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
      } catch {
        return undefined;
      }
    }),
  );
  const established = '01';
  const lines = readFileSync('/proc/self/net/tcp', 'utf8').split('\n').slice(1);
  return lines.filter((line) => {
    const fields = line.trim().split(/\s+/);
    return fields[3] === established && fields[2]?.endsWith(`:${port}`) && own.has(fields[9]);
  }).length;
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
    const { counts, readsOfServer } = await countLeaseRequests(
      cluster,
      async () => {
        for (let cycle = 0; cycle < cycles; cycle += 1) await (await lock.acquire()).release();
      },
      (seen) => count(seen, 'DELETE', '200') >= cycles,
    );
    expect(count(counts, 'POST', '201')).toBe(cycles);
    expect(count(counts, 'DELETE', '200')).toBe(cycles);
    for (const verb of ['LIST', 'WATCH', 'PATCH']) expect(count(counts, verb)).toBe(0);
    expect(count(counts, 'GET')).toBeLessThanOrEqual(readsOfServer);
  });

  it.each([
    // A hold of over a second is watched, a shorter one is not: its first try to release is refused.
    ['that is held for long', true],
    ['that is held for a moment', false],
  ])('a contended lock %s costs a join and a grant', async (what, isLong) => {
    const name = what.replaceAll(' ', '-');
    const refusedDeletes = isLong ? 0 : 1;
    const watchesBefore = await watches();
    const held = await a.leasehold.lock(name).acquire();
    const history = await watchWrites(cluster, namespace, name);
    const { counts, readsOfServer } = await countLeaseRequests(
      cluster,
      async () => {
        const waiting = b.leasehold.lock(name).acquire();
        await history.until((types) => types.length === 1);
        // This test's, the holder's, and two of the waiter: of the lock and of the holder's session.
        if (isLong) await until(watches, (now) => now >= watchesBefore + 4);
        await held.release();
        await (await waiting).release();
        await history.until((types) => types.includes('DELETED'));
      },
      (seen) => count(seen, 'DELETE', '200') === 1,
    );
    // The join, the grant, and the end of the next hold: nothing else was stored.
    expect(await history.stop()).toEqual(['MODIFIED', 'MODIFIED', 'DELETED']);
    expect(count(counts, 'POST')).toBe(1);
    expect(count(counts, 'POST', '409')).toBe(1);
    expect(count(counts, 'PATCH')).toBe(1);
    // On a machine that is busy a moment may last for a second.
    expect(count(counts, 'DELETE', '409')).toBeLessThanOrEqual(refusedDeletes);
    expect(count(counts, 'GET')).toBeLessThanOrEqual(refusedDeletes + readsOfServer);
  });

  it('an idle waiter writes nothing but the heartbeat of its process, and reads next to nothing', async () => {
    const held = await a.leasehold.lock('idle').acquire();
    const history = await watchWrites(cluster, namespace, 'idle');
    const waiting = b.leasehold.lock('idle').acquire();
    await history.until((types) => types.length === 1);
    await history.stop();
    const [session = ''] = (await leaseNames(cluster, namespace)).filter((name) =>
      /^b-/.test(name),
    );
    const heartbeat = await watchWrites(cluster, namespace, session);
    const { counts, readsOfServer } = await countLeaseRequests(
      cluster,
      // Some ten seconds.
      () => heartbeat.until((types) => types.length >= 3),
      (seen) => count(seen, 'PUT', '200') >= 3,
    );
    await heartbeat.stop();
    for (const verb of ['POST', 'PATCH', 'DELETE']) expect(count(counts, verb)).toBe(0);
    const reads = count(counts, 'GET') + count(counts, 'LIST');
    expect(reads).toBeLessThanOrEqual(4 + readsOfServer);
    await held.release();
    await (await waiting).release();
  });

  it('a wait that is given up costs its join and one write more', async () => {
    const held = await a.leasehold.lock('cancelled').acquire();
    const stop = new AbortController();
    const { counts } = await countLeaseRequests(
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

  it('a member writes twice, and once more for each shard that begins, and that ends', async () => {
    const shards = 20;
    const stop = new AbortController();
    const { counts, readsOfServer } = await countLeaseRequests(
      cluster,
      async () => {
        let begun = 0;
        const orders = a.leasehold.shards('orders', { count: shards });
        const running = orders.run(
          async ({ signal }) => {
            begun += 1;
            if (begun === shards) stop.abort();
            await new Promise((resolve) => {
              if (signal.aborted) resolve(undefined);
              signal.addEventListener('abort', resolve, { once: true });
            });
          },
          { signal: stop.signal },
        );
        await running;
      },
      (seen) => count(seen, 'DELETE', '200') >= shards + 1,
    );
    expect(count(counts, 'POST', '201')).toBe(shards + 1);
    expect(count(counts, 'DELETE', '200')).toBe(shards + 1);
    expect(count(counts, 'PATCH')).toBe(0);
    expect(count(counts, 'GET')).toBeLessThanOrEqual(readsOfServer);
  });
});

describe('a process with a thousand locks', () => {
  it('renews one session, and watches no more locks than its limit', async () => {
    // Long enough that a busy machine does not lose the session, which would leave it behind.
    const ttl = 15;
    const connectionsBefore = connections(cluster);
    const many = await client(cluster, namespace, { identity: 'many', ttl: `${String(ttl)}s` });
    const names = Array.from({ length: 1_000 }, (_, index) => `many-${String(index)}`);
    const holds = await inTurns(names, (name) => many.leasehold.lock(name).acquire());
    expect(holds.every((held) => held.valid)).toBe(true);
    const session = (await leaseNames(cluster, namespace)).find((name) =>
      /^many-[0-9a-f]{8}$/.test(name),
    );
    const renewals = new Set<string>();
    const startedAt = performance.now();
    const { counts } = await countLeaseRequests(
      cluster,
      async () => {
        await until(
          () => readLease(cluster, namespace, session ?? ''),
          (lease) => renewals.add(lease?.spec?.renewTime ?? '').size >= 3,
        );
      },
      (seen) => count(seen, 'PUT', '200') >= 2,
    );
    const elapsed = (performance.now() - startedAt) / 1_000;
    // One write per third of a ttl, and the API server's own heartbeat.
    expect(count(counts, 'PUT')).toBeLessThanOrEqual(Math.ceil(elapsed / (ttl / 3)) + 2);
    for (const verb of ['POST', 'PATCH', 'DELETE']) expect(count(counts, verb)).toBe(0);
    expect(holds.every((held) => held.valid)).toBe(true);
    // 16 for requests, 4 for heartbeats, 16 for watches and one that the others share; the rest are
    // the test's own.
    await until(
      () => Promise.resolve(connections(cluster) - connectionsBefore),
      (opened) => opened <= 40,
    );
    await inTurns(holds, (held) => held.release());
    await many.leasehold.close();
    expect(await leaseNames(cluster, namespace)).toEqual([]);
  });
});
