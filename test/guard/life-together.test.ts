import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReadWriteLock } from '../../src/lock/read-write-lock.ts';
import type { Semaphore } from '../../src/lock/semaphore.ts';
import { client, until } from '../real/world.ts';
import type { Client } from '../real/world.ts';
import { company, holderKey, passed } from './company.ts';
import type { Attempt } from './company.ts';
import { Guarded } from './guarded.ts';
import type { Pod } from './guarded.ts';
import { PRINCIPAL, create, entry, fresh, heldSpec } from './leases.ts';
import { semaphoresOf } from './semaphores.ts';
import type { Semaphores } from './semaphores.ts';

/** What holds together in a guarded namespace, as the library does it. */

let guarded: Guarded;
let pods: readonly Pod[];

beforeAll(async () => {
  guarded = await Guarded.open();
  pods = await Promise.all(['first', 'second', 'third'].map((name) => guarded.pod(name)));
});

afterAll(async () => {
  await guarded[Symbol.asyncDispose]();
});

/** A process in each pod. */
async function processes(): Promise<readonly [Client, Client, Client]> {
  const [a, b, c] = await Promise.all(
    pods.map(({ kubeconfig }) => client(guarded.cluster, guarded.namespace, { kubeconfig })),
  );
  if (!a || !b || !c) throw new Error('three pods');
  return [a, b, c];
}

const catalogue = ({ leasehold }: Client, name: string): ReadWriteLock =>
  leasehold.readWriteLock(name);

async function holders(name: string): Promise<string[]> {
  const { annotations = {} } = (await guarded.read(name))?.metadata ?? {};
  return Object.keys(annotations).filter((key) => key.startsWith('holder.leasehold.dev/'));
}

test('readers read together, a writer after them, and a reader after the writer', async () => {
  const [a, b, c] = await processes();
  const first = await catalogue(a, 'catalogue').read.acquire();
  const second = await catalogue(b, 'catalogue').read.acquire();
  expect(await holders('catalogue')).toHaveLength(2);
  const writing = catalogue(c, 'catalogue').write.acquire({ timeout: '60s' });
  await c.event('waiting');
  await first.release();
  const third = catalogue(a, 'catalogue').read.acquire({ timeout: '60s' });
  await a.event('waiting');
  await second.release();
  const writer = await writing;
  expect(await holders('catalogue')).toHaveLength(1);
  expect(await catalogue(b, 'catalogue').read.tryAcquire()).toBeUndefined();
  await writer.release();
  const reader = await third;
  expect(reader.fence).toBeGreaterThan(writer.fence);
  await reader.release();
  await Promise.all([a, b, c].map(({ leasehold }) => leasehold.close()));
  expect(await guarded.read('catalogue')).toBeUndefined();
});

test('a reader that waits behind a writer reads when the writer gives up, beside who reads', async () => {
  const [a, b, c] = await processes();
  const reading = await catalogue(a, 'impatient').read.acquire();
  const patience = new AbortController();
  const writing = catalogue(b, 'impatient').write.acquire({ signal: patience.signal });
  await b.event('waiting');
  const waiting = catalogue(c, 'impatient').read.acquire({ timeout: '60s' });
  await c.event('waiting');
  patience.abort();
  await expect(writing).rejects.toMatchObject({ code: 'ABORTED' });
  const other = await waiting;
  expect(await holders('impatient')).toHaveLength(2);
  // One that only tries does not wait for them either.
  const tried = await catalogue(b, 'impatient').read.tryAcquire();
  expect(tried?.valid).toBe(true);
  for (const held of [tried, reading, other]) await held?.release();
  await Promise.all([a, b, c].map(({ leasehold }) => leasehold.close()));
  expect(await guarded.read('impatient')).toBeUndefined();
});

/** What a process that ended a moment ago has left of itself: a short session, and no more heartbeat. */
async function dead(pod: Pod, mode: string): Promise<Attempt> {
  const session = await create(pod, {
    metadata: {
      name: fresh('dead').replace('-', ''),
      labels: { 'leasehold.dev/role': 'session' },
      annotations: { [PRINCIPAL]: pod.principal },
    },
    spec: heldSpec(pod.name, 2),
  });
  const { name, uid = '' } = session.metadata;
  const text = entry(pod, name, { uid }).replace('ttl=15', 'ttl=2');
  return {
    pod,
    id: `${name}-1`,
    session,
    text: text.replace('mode=exclusive', `mode=${mode}`),
  };
}

const [first, second] = [(): Pod => podAt(0), (): Pod => podAt(1)];
function podAt(index: number): Pod {
  const pod = pods[index];
  if (!pod) throw new Error('no such pod');
  return pod;
}

test('a writer that waits takes a dead reader out beside one that lives, and writes after that one', async () => {
  const [a, , c] = await processes();
  const gone = await dead(second(), 'shared');
  const { metadata } = await company([gone]);
  const reading = await catalogue(a, metadata.name).read.acquire({ timeout: '60s' });
  expect(await holders(metadata.name)).toHaveLength(2);
  const writing = catalogue(c, metadata.name).write.acquire({ timeout: '120s' });
  await until(
    () => holders(metadata.name),
    (keys) => !keys.includes(holderKey(gone)),
  );
  expect(await holders(metadata.name)).toHaveLength(1);
  expect(reading.valid).toBe(true);
  await reading.release();
  const writer = await writing;
  await writer.release();
  await Promise.all([a, c].map(({ leasehold }) => leasehold.close()));
  expect(await guarded.read(metadata.name)).toBeUndefined();
});

test('a reader that waits takes a dead writer out of the queue before it, beside who reads', async () => {
  const [a, , c] = await processes();
  const reading = await catalogue(a, 'dead-writer').read.acquire();
  const gone = await dead(second(), 'exclusive');
  const locked = await guarded.read('dead-writer');
  if (!locked) throw new Error('not held');
  const joined = { metadata: { annotations: { [`queue.leasehold.dev/${gone.id}`]: gone.text } } };
  const contentType = 'application/merge-patch+json';
  passed(await second().send('PATCH', 'dead-writer', joined, { contentType }));
  const other = await catalogue(c, 'dead-writer').read.acquire({ timeout: '120s' });
  expect(await holders('dead-writer')).toHaveLength(2);
  for (const held of [reading, other]) await held.release();
  await Promise.all([a, c].map(({ leasehold }) => leasehold.close()));
  expect(await guarded.read('dead-writer')).toBeUndefined();
});

test('a semaphore is held by weight, waited for in order, and given back', async () => {
  const [a, b, c] = await Promise.all(
    [0, 1, 2].map((index) => semaphoresOf(guarded, podAt(index))),
  );
  if (!a || !b || !c) throw new Error('three pods');
  const gpu = (process: Semaphores): Semaphore => process.semaphore('gpu', 4);
  const held = await Promise.all([1, 1].map(() => gpu(a).acquire({ timeout: '60s' })));
  const two = await gpu(b).acquire({ permits: 2, timeout: '60s' });
  expect(await holders('gpu')).toHaveLength(3);
  expect(await gpu(c).tryAcquire()).toBeUndefined();
  const many = gpu(c).acquire({ permits: 3, timeout: '60s' });
  await until(
    () => guarded.read('gpu'),
    (lease) => JSON.stringify(lease).includes('queue.leasehold.dev/'),
  );
  // There is one, but whoever wants three comes first.
  await held[0]?.release();
  expect(await gpu(b).tryAcquire()).toBeUndefined();
  await two.release();
  const three = await many;
  expect(three.valid).toBe(true);
  const again = gpu(b).acquire({ timeout: '60s' });
  await held[1]?.release();
  const last = await again;
  for (const one of [three, last]) await one.release();
  await Promise.all([a, b, c].map((process) => process.close()));
  expect(await guarded.read('gpu')).toBeUndefined();
});

test('permits of the dead come back, by whoever waits and by whoever tries', async () => {
  const [a, b] = await Promise.all([0, 1].map((index) => semaphoresOf(guarded, podAt(index))));
  if (!a || !b) throw new Error('two pods');
  const [one, two] = [
    await dead(second(), 'permit weight=2 of=3'),
    await dead(second(), 'permit weight=1 of=3'),
  ];
  const { name } = (await company([one, two])).metadata;
  const held = await a.semaphore(name, 3).acquire({ permits: 2, timeout: '120s' });
  await until(
    () => b.semaphore(name, 3).tryAcquire(),
    (tried) => tried !== undefined,
  );
  expect(held.valid).toBe(true);
  await held.release();
  await Promise.all([a.close(), b.close()]);
  expect(await guarded.read(name)).toBeUndefined();
});

test('a holder that releases takes a dead one out', async () => {
  const [a] = await processes();
  const gone = await dead(second(), 'shared');
  const locked = await company([gone]);
  const { name } = locked.metadata;
  const reading = await catalogue(a, name).read.acquire({ timeout: '60s' });
  const blank = { spec: { holderIdentity: '' } };
  const contentType = 'application/merge-patch+json';
  const { session } = gone;
  passed(await second().send('PATCH', session.metadata.name, blank, { contentType }));
  await reading.release();
  // It may not have looked at the dead one: then whoever comes next does.
  await until(
    () => catalogue(a, name).write.tryAcquire(),
    (held) => held !== undefined,
  );
  await a.leasehold.close();
  expect(await guarded.read(name)).toBeUndefined();
});

test('permits changed in the record are what the library goes by, in an empty record too', async () => {
  const a = await semaphoresOf(guarded, first());
  const held = await a.semaphore('resized', 3).acquire();
  const locked = await guarded.read('resized');
  const path = `/apis/coordination.k8s.io/v1/namespaces/${guarded.namespace}/leases/resized`;
  const body = { metadata: { annotations: { 'leasehold.dev/permits': 'limit=1 stated=3' } } };
  const contentType = 'application/merge-patch+json';
  await guarded.cluster.client.expect('PATCH', path, body, { contentType });
  expect(locked).toBeDefined();
  expect(await a.semaphore('resized', 3).tryAcquire()).toBeUndefined();
  await held.release();
  expect(await holders('resized')).toHaveLength(0);
  const again = await a.semaphore('resized', 3).acquire({ timeout: '60s' });
  expect(await a.semaphore('resized', 3).tryAcquire()).toBeUndefined();
  await again.release();
  await a.close();
  expect(await guarded.read('resized')).toBeDefined();
});
