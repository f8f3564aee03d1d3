import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LeaseholdError } from '../../src/index.ts';
import type { ClusterAccess } from '../cluster/access.ts';
import { sharedCluster } from '../cluster/shared.ts';
import { client, leaseNames, leasePath, readLease, until } from './world.ts';
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
  // What is shared outlives all, and no session does.
  const roles = await Promise.all(
    (await leaseNames(cluster, namespace)).map(
      async (name) =>
        (await readLease(cluster, namespace, name))?.metadata.labels?.['leasehold.dev/role'],
    ),
  );
  expect(new Set(roles)).toEqual(new Set(['state']));
  await cluster.deleteNamespace(namespace);
});

async function codeOf(refused: Promise<unknown>): Promise<string> {
  const error = await refused.then(
    () => undefined,
    (reason: unknown) => reason as LeaseholdError,
  );
  return error?.code ?? '';
}

async function annotations(name: string, prefix: string): Promise<string[]> {
  const lease = await readLease(cluster, namespace, name);
  return Object.keys(lease?.metadata.annotations ?? {}).filter((key) => key.startsWith(prefix));
}

describe('a counter', () => {
  it('counts each add once, of all who add at the same time', async () => {
    const sums = await Promise.all(
      [a, b, c].flatMap(({ leasehold }) =>
        Array.from({ length: 20 }, async (_, turn) => {
          // Some together, some after others.
          if (turn % 2 === 1) await leasehold.counter('orders').get();
          return leasehold.counter('orders').add(1);
        }),
      ),
    );
    expect(sums.sort((x, y) => x - y)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    expect(await a.leasehold.counter('orders').get()).toBe(60);
    expect(await annotations('orders', 'applied.')).toHaveLength(3);
  });

  it('is set by compare-and-set, of which one succeeds', async () => {
    const tries = [a, b, c].map(({ leasehold }, index) =>
      leasehold.counter('first').compareAndSet(0, index + 1),
    );
    expect((await Promise.all(tries)).filter((won) => won)).toHaveLength(1);
  });

  it('begins anew when its Lease was deleted, and under a name of its own', async () => {
    const counter = a.leasehold.counter('Orders of today');
    await counter.add(5);
    expect(await b.leasehold.counter('Orders of today').get()).toBe(5);
    const [name = ''] = (await leaseNames(cluster, namespace)).filter((lease) =>
      lease.startsWith('orders-of-today-'),
    );
    await cluster.request('DELETE', leasePath(namespace, name));
    expect(await counter.get()).toBe(0);
    expect(await counter.add(1)).toBe(1);
  });

  it('is not a lock, and a lock is no counter', async () => {
    const held = await a.leasehold.lock('door').acquire();
    expect(await codeOf(b.leasehold.counter('door').add(1))).toBe('FOREIGN_LEASE');
    await held.release();
    await a.leasehold.counter('door').add(1);
    expect(await codeOf(b.leasehold.lock('door').acquire())).toBe('FOREIGN_LEASE');
    expect(await codeOf(b.leasehold.latch('door', { count: 1 }).wait())).toBe('FOREIGN_LEASE');
  });
});

describe('a latch', () => {
  const imported = ({ leasehold }: Client, count = 3) => leasehold.latch('imported', { count });

  it('lets all go who wait once it was counted down, and is reset', async () => {
    const waiting = Promise.all([a, b].map((one) => imported(one).wait({ timeout: '1m' })));
    const left = await Promise.all([a, b, c].map((one) => imported(one).countDown()));
    expect(left.sort()).toEqual([0, 1, 2]);
    await waiting;
    await imported(c).wait();
    expect(await codeOf(imported(c, 4).wait())).toBe('STATE_DISAGREES');
    await imported(b).reset();
    expect(await imported(a).count()).toBe(3);
    expect(await codeOf(imported(a).wait({ timeout: 50 }))).toBe('TIMEOUT');
  });
});

describe('a barrier', () => {
  const phase = ({ leasehold }: Client) => leasehold.barrier('phase', { parties: 3 });

  it('lets nobody pass before all have arrived, several times', async () => {
    const reached = [0, 0, 0];
    await Promise.all(
      [a, b, c].map(async (one, index) => {
        for (let generation = 1; generation <= 5; generation += 1) {
          reached[index] = generation;
          await phase(one).arrive({ timeout: '1m' });
          expect(Math.min(...reached)).toBeGreaterThanOrEqual(generation);
        }
      }),
    );
    expect(await annotations('phase', 'party.')).toEqual([]);
  });

  it('is broken by who gives up, and begins anew after a reset', async () => {
    const waiting = codeOf(phase(a).arrive());
    await until(
      () => annotations('phase', 'party.'),
      (parties) => parties.length === 1,
    );
    expect(await codeOf(phase(b).arrive({ timeout: 100 }))).toBe('TIMEOUT');
    expect(await waiting).toBe('BROKEN');
    expect(await codeOf(phase(c).arrive())).toBe('BROKEN');
    await phase(c).reset();
    await Promise.all([a, b, c].map((one) => phase(one).arrive()));
  });

  it('is broken by who has died', async () => {
    const dying = await client(cluster, namespace, { identity: 'dying', ttl: '2s' });
    const waiting = codeOf(phase(a).arrive());
    const gone = codeOf(phase(dying).arrive());
    await until(
      () => annotations('phase', 'party.'),
      (parties) => parties.length === 2,
    );
    // As a supervisor or the operator does when the process has ended.
    const started = await dying.event('session-started');
    const body = { spec: { holderIdentity: '' } };
    await cluster.request('PATCH', leasePath(namespace, started.session), body, {
      contentType: 'application/merge-patch+json',
    });
    expect(await waiting).toBe('BROKEN');
    expect(['BROKEN', 'LOST']).toContain(await gone);
    await phase(a).reset();
    await dying.leasehold.close();
    await cluster.request('DELETE', leasePath(namespace, started.session));
  });
});
