import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import type { ClusterAccess } from '../cluster/access.ts';
import { sharedCluster } from '../cluster/shared.ts';
import { client, leasePath, readLease } from './world.ts';
import type { Client } from './world.ts';

let cluster: ClusterAccess;
let namespace: string;
let user: Client;

beforeAll(async () => {
  cluster = await sharedCluster();
  namespace = await cluster.createNamespace();
  user = await client(cluster, namespace, { identity: 'user' });
});

afterAll(async () => {
  await user.leasehold.close();
  await cluster.deleteNamespace(namespace);
});

type Made = Pick<Lease, 'spec'> & {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
};

const lockLabel = { 'leasehold.dev/role': 'lock' };
const missing = 'session=gone-00000000 uid=00000000-0000-0000-0000-000000000000';
/** Of another name, as the largest ttl that was seen of a session counts. */
const missingFor68Years = missing.replace('gone', 'long-gone');

async function make(name: string, { labels, annotations, spec }: Made): Promise<Lease> {
  const { status, body } = await cluster.request<Lease>('POST', leasePath(namespace), {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) },
    ...(spec ? { spec } : {}),
  });
  expect(status).toBe(201);
  return body;
}

describe('a Lease that is no usable lock', () => {
  const refused: [string, Made, string][] = [
    [
      'one of client-go',
      { spec: { holderIdentity: 'somebody', leaseDurationSeconds: 15 } },
      'FOREIGN_LEASE',
    ],
    ['an empty one', {}, 'FOREIGN_LEASE'],
    ['one with a wrong role', { labels: { 'leasehold.dev/role': 'session' } }, 'FOREIGN_LEASE'],
    [
      'an unreadable holder',
      { labels: lockLabel, annotations: { 'holder.leasehold.dev/0a-1': '{"v":1' } },
      'UNREADABLE_RECORD',
    ],
    [
      'a holder with an absurd ttl',
      {
        labels: lockLabel,
        annotations: {
          'holder.leasehold.dev/0a-1': `v=1 ${missing} ttl=99999999999 mode=exclusive`,
        },
      },
      'UNREADABLE_RECORD',
    ],
    [
      'a holder with a key twice',
      {
        labels: lockLabel,
        annotations: { 'holder.leasehold.dev/0a-1': `v=1 v=1 ${missing} ttl=2 mode=exclusive` },
      },
      'UNREADABLE_RECORD',
    ],
  ];

  it.each(refused)('%s is refused and left as it is', async (what, made, code) => {
    const name = what.replace(/\W+/g, '-');
    const before = await make(name, made);
    const lock = user.leasehold.lock(name);
    await expect(lock.acquire()).rejects.toMatchObject({ code });
    await expect(lock.tryAcquire()).rejects.toMatchObject({ code });
    expect(await readLease(cluster, namespace, name)).toEqual(before);
  });

  const waited: [string, Made][] = [
    [
      'a holder of a newer version',
      { labels: lockLabel, annotations: { 'holder.leasehold.dev/0a-1': 'v=2 anything=else' } },
    ],
    [
      'a waiter of a newer version',
      { labels: lockLabel, annotations: { 'queue.leasehold.dev/0a-1': 'v=2 anything=else' } },
    ],
    [
      'a holder whose ttl is 68 years',
      {
        labels: lockLabel,
        annotations: {
          'holder.leasehold.dev/0a-1': `v=1 ${missingFor68Years} ttl=2147483647 mode=exclusive`,
        },
      },
    ],
  ];

  it.each(waited)('%s is waited for', async (what, made) => {
    const name = what.replace(/\W+/g, '-');
    await make(name, made);
    const lock = user.leasehold.lock(name);
    await expect(lock.acquire({ timeout: '3s' })).rejects.toMatchObject({ code: 'TIMEOUT' });
    const annotations = (await readLease(cluster, namespace, name))?.metadata.annotations;
    expect(annotations).toMatchObject(made.annotations ?? {});
  });

  const usable: [string, Made][] = [
    ['an empty record', { labels: lockLabel }],
    [
      'a waiter that cannot be read',
      { labels: lockLabel, annotations: { 'queue.leasehold.dev/0a-1': 'garbage' } },
    ],
    [
      'a holder whose session is missing',
      {
        labels: lockLabel,
        annotations: { 'holder.leasehold.dev/0a-1': `v=1 ${missing} ttl=2 mode=exclusive` },
      },
    ],
    [
      'dates in the far future',
      {
        labels: lockLabel,
        spec: {
          acquireTime: '9999-01-01T00:00:00.000000Z',
          renewTime: '9999-01-01T00:00:00.000000Z',
        },
      },
    ],
    [
      'annotations of others up to the limit',
      { labels: lockLabel, annotations: { 'example.com/large': 'x'.repeat(255_000) } },
    ],
  ];

  it.each(usable)('%s is recovered', async (what, made) => {
    const name = what.replace(/\W+/g, '-');
    await make(name, made);
    const held = await user.leasehold.lock(name).acquire({ timeout: '30s' });
    expect(held.valid).toBe(true);
    await held.release();
  });

  it('full of the annotations of others gives a clear error, and no steal', async () => {
    const holder = await client(cluster, namespace, { identity: 'holder' });
    const held = await holder.leasehold.lock('full').acquire();
    const own = (await readLease(cluster, namespace, 'full'))?.metadata.annotations ?? {};
    const used = Object.entries({ ...own, 'example.com/large': '' })
      .flat()
      .join('').length;
    const { status } = await cluster.request(
      'PATCH',
      leasePath(namespace, 'full'),
      { metadata: { annotations: { 'example.com/large': 'x'.repeat(262_144 - used) } } },
      { contentType: 'application/merge-patch+json' },
    );
    expect(status).toBe(200);
    await expect(user.leasehold.lock('full').acquire()).rejects.toMatchObject({
      code: 'API_ERROR',
    });
    expect(held.valid).toBe(true);
    await held.release();
    await holder.leasehold.close();
  });
});

describe('an election on a Lease that is odd', () => {
  it('waits for a holder with a date in the far future by its own clock', async () => {
    const future = '9999-01-01T00:00:00.000000Z';
    await make('odd-election', {
      spec: {
        holderIdentity: 'gone',
        leaseDurationSeconds: 1,
        acquireTime: future,
        renewTime: future,
      },
    });
    const election = user.leasehold.election('odd-election', {
      leaseDuration: '3s',
      renewDeadline: '2s',
      retryPeriod: '500ms',
    });
    const startedAt = performance.now();
    const term = await election.acquire();
    expect(performance.now() - startedAt).toBeGreaterThan(2_900);
    await term.resign();
    expect((await readLease(cluster, namespace, 'odd-election'))?.spec).toMatchObject({
      holderIdentity: '',
      leaseDurationSeconds: 1,
      leaseTransitions: 1,
    });
  });
});
