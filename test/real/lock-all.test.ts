import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LeaseholdError } from '../../src/index.ts';
import type { ClusterAccess } from '../cluster/access.ts';
import { sharedCluster } from '../cluster/shared.ts';
import { client, leaseNames, readLease, until } from './world.ts';
import type { Client } from './world.ts';

let cluster: ClusterAccess;
let namespace: string;
let a: Client;
let b: Client;

beforeAll(async () => {
  cluster = await sharedCluster();
  namespace = await cluster.createNamespace();
  [a, b] = await Promise.all([
    client(cluster, namespace, { identity: 'a', ttl: '3s' }),
    client(cluster, namespace, { identity: 'b', ttl: '3s' }),
  ]);
});

afterAll(async () => {
  await Promise.all([a, b].map(({ leasehold }) => leasehold.close()));
  expect(await leaseNames(cluster, namespace)).toEqual([]);
  await cluster.deleteNamespace(namespace);
});

function queued(name: string): Promise<unknown> {
  return until(
    () => readLease(cluster, namespace, name),
    (lease) => JSON.stringify(lease ?? {}).includes('"queue.leasehold.dev/'),
  );
}

async function codeOf(running: Promise<unknown>): Promise<string> {
  return running.then(
    () => 'done',
    (reason: unknown) => (reason as LeaseholdError).code,
  );
}

describe('several locks', () => {
  it('are held together or not at all', async () => {
    const both = a.leasehold.lockAll(['second', 'first']);
    const held = await both.acquire();
    expect(held.fences.second).toBeGreaterThan(held.fences.first);
    expect(await b.leasehold.lockAll(['first', 'third']).tryAcquire()).toBeUndefined();
    const waiting = b.leasehold.lockAll(['second', 'begin']).acquire();
    await queued('second');
    expect(await a.leasehold.lock('begin').tryAcquire()).toBeUndefined();
    await held.release();
    const next = await waiting;
    expect(next.valid).toBe(true);
    expect(next.fences.second).toBeGreaterThan(held.fences.second);
    expect(await codeOf(both.acquire({ timeout: '300ms' }))).toBe('TIMEOUT');
    await until(
      () => readLease(cluster, namespace, 'first'),
      (lease) => lease === undefined,
    );
    await next.release();
  });

  it('are lost when somebody deletes one', async () => {
    await using held = await a.leasehold.lockAll(['one', 'two']).acquire();
    const { signal } = held;
    const lost = new Promise((resolve) => signal.addEventListener('abort', resolve));
    await cluster.request(
      'DELETE',
      `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/two`,
    );
    await lost;
    expect(held.valid).toBe(false);
    expect((signal.reason as LeaseholdError).code).toBe('LOST');
  });
});

describe('a deadlock', () => {
  it('of two processes ends with one that is refused, and the other goes on', async () => {
    let meeting = 0;
    const nested = async ({ leasehold }: Client, first: string, second: string): Promise<string> =>
      codeOf(
        leasehold.lock(first).run(async () => {
          meeting += 1;
          await until(
            () => Promise.resolve(meeting),
            (count) => count === 2,
          );
          await leasehold.lock(second).run(() => undefined, { detectDeadlock: true });
        }),
      );
    const ends = await Promise.all([nested(a, 'left', 'right'), nested(b, 'right', 'left')]);
    expect(ends.sort()).toEqual(['DEADLOCK', 'done']);
    expect([...a.events, ...b.events].filter(({ type }) => type === 'deadlock')).not.toEqual([]);
  });
});
