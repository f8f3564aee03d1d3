import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Held, LeaseholdError } from '../../src/index.ts';
import type { ClusterAccess } from '../cluster/access.ts';
import { sharedCluster } from '../cluster/shared.ts';
import { client, leaseNames, readLease, until } from './world.ts';
import type { Client } from './world.ts';

let cluster: ClusterAccess;
let namespace: string;
let a: Client;
let b: Client;
let c: Client;

beforeAll(async () => {
  cluster = await sharedCluster();
  namespace = await cluster.createNamespace();
  [a, b, c] = await Promise.all([
    client(cluster, namespace, { identity: 'a' }),
    client(cluster, namespace, { identity: 'b' }),
    client(cluster, namespace, { identity: 'c' }),
  ]);
});

afterAll(async () => {
  await Promise.all([a, b, c].map(({ leasehold }) => leasehold.close()));
  expect(await leaseNames(cluster, namespace)).toEqual([]);
  await cluster.deleteNamespace(namespace);
});

async function entries(name: string, kind: 'holder' | 'queue'): Promise<string[]> {
  const lease = await readLease(cluster, namespace, name);
  const found = Object.entries(lease?.metadata.annotations ?? {});
  return found.filter(([key]) => key.startsWith(`${kind}.`)).map(([, value]) => value);
}

function queued(name: string, count: number): Promise<string[]> {
  return until(
    () => entries(name, 'queue'),
    (found) => found.length === count,
  );
}

async function codeOf(refused: Promise<unknown>): Promise<string> {
  const error = await refused.then(
    () => undefined,
    (reason: unknown) => reason as LeaseholdError,
  );
  return error?.code ?? '';
}

describe('a read-write lock', () => {
  const both = ({ leasehold }: Client, name: string) => leasehold.readWriteLock(name);

  it('is read together and written alone, in the order of arrival', async () => {
    const first = await both(a, 'book').read.acquire();
    const second = await both(b, 'book').read.acquire();
    expect(await entries('book', 'holder')).toHaveLength(2);
    expect(await both(c, 'book').write.tryAcquire()).toBeUndefined();
    const writing = both(c, 'book').write.acquire();
    await queued('book', 1);
    // Another process than those that read.
    expect(await both(c, 'book').read.tryAcquire()).toBeUndefined();
    const behind = both(c, 'book').read.acquire();
    await queued('book', 2);
    await first.release();
    await second.release();
    const writer = await writing;
    expect(await entries('book', 'holder')).toHaveLength(1);
    expect(await entries('book', 'queue')).toHaveLength(1);
    await writer.release();
    const last = await behind;
    expect(last.fence).toBeGreaterThan(writer.fence);
    await last.release();
    expect(await readLease(cluster, namespace, 'book')).toBeUndefined();
  });

  it('is downgraded without a gap, and lets the next readers in', async () => {
    const writing = await both(a, 'notes').write.acquire();
    const reading = both(b, 'notes').read.acquire();
    await queued('notes', 1);
    const later = both(c, 'notes').write.acquire();
    await queued('notes', 2);
    const downgraded = await both(a, 'notes').downgrade(writing);
    const reader = await reading;
    expect([writing.valid, downgraded.valid, reader.valid]).toEqual([false, true, true]);
    expect((await entries('notes', 'holder')).every((one) => one.includes('mode=shared'))).toBe(
      true,
    );
    await downgraded.release();
    await reader.release();
    await (await later).release();
  });

  it('refuses to wait for itself', async () => {
    const { read, write } = both(a, 'self');
    expect(await read.run(() => codeOf(write.acquire()))).toBe('DEADLOCK');
    expect(await write.run(() => codeOf(read.acquire()))).toBe('DEADLOCK');
  });
});

describe('a semaphore', () => {
  const gpus = ({ leasehold }: Client, permits = 3) => leasehold.semaphore('gpus', { permits });

  it('grants so many permits and no more, and does not pass whoever wants many', async () => {
    const two = await gpus(a).acquire({ permits: 2 });
    const one = await gpus(b).acquire();
    expect(await gpus(c).tryAcquire()).toBeUndefined();
    const many = gpus(c).acquire({ permits: 3 });
    await queued('gpus', 1);
    const few = gpus(a).acquire();
    await queued('gpus', 2);
    await two.release();
    expect(await entries('gpus', 'holder')).toHaveLength(1);
    await one.release();
    const all = await many;
    expect(await entries('gpus', 'queue')).toHaveLength(1);
    await all.release();
    await (await few).release();
    expect(await readLease(cluster, namespace, 'gpus')).toBeUndefined();
  });

  it('says so when two programs do not agree', async () => {
    const held = await gpus(a).acquire();
    expect(await codeOf(gpus(b, 5).acquire())).toBe('PERMITS_DISAGREE');
    expect(await codeOf(gpus(b, 5).tryAcquire())).toBe('PERMITS_DISAGREE');
    expect(await codeOf(b.leasehold.lock('gpus').acquire())).toBe('PERMITS_DISAGREE');
    await held.release();
    const other: Held = await gpus(b, 5).acquire({ permits: 5 });
    await other.release();
  });

  it('refuses what nobody can have', async () => {
    expect(() => gpus(a, 0)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(await codeOf(gpus(a).acquire({ permits: 4 }))).toBe('INVALID_ARGUMENT');
  });
});
