import { afterAll, beforeAll, expect, test } from 'vitest';
import { client, until } from '../real/world.ts';
import type { Client } from '../real/world.ts';
import { Guarded } from './guarded.ts';
import type { Pod } from './guarded.ts';

let guarded: Guarded;
let pods: readonly Pod[];

beforeAll(async () => {
  guarded = await Guarded.open();
  pods = await Promise.all(['first', 'second', 'third'].map((name) => guarded.pod(name)));
});

afterAll(async () => {
  await guarded[Symbol.asyncDispose]();
});

function clients(ttl: `${number}s`): Promise<Client[]> {
  return Promise.all(
    pods.map(({ kubeconfig }) => client(guarded.cluster, guarded.namespace, { kubeconfig, ttl })),
  );
}

test('a group: joined by all at once, with metadata as long as it may be, and left', async () => {
  const all = await clients('15s');
  const metadata = { address: '10.0.0.7:8080', note: 'two words', rest: 'x'.repeat(190) };
  const memberships = await Promise.all(
    all.map(({ leasehold }) => leasehold.group('workers').join({ metadata })),
  );
  const members = await all[0]?.leasehold.group('workers').members();
  expect(members?.map((member) => member.metadata)).toEqual([metadata, metadata, metadata]);
  await Promise.all(memberships.map((membership) => membership.leave()));
  expect(await guarded.read('workers')).toBeUndefined();
  await Promise.all(all.map(({ leasehold }) => leasehold.close()));
});

test('a group: one whose session was revoked by its own Pod is taken out by another', async () => {
  const [a, b] = await clients('15s');
  const lost = await a?.leasehold.group('pair').join();
  await b?.leasehold.group('pair').join();
  const session = (await a?.event('session-started'))?.session ?? '';
  const { body } = (await pods[0]?.send('GET', session)) ?? {};
  const revoked = await pods[0]?.send('PUT', session, {
    ...body,
    spec: { ...body?.spec, holderIdentity: '' },
  });
  expect(revoked?.status).toBe(200);
  // 5 s after its creation at the earliest; the library asks again.
  await until(
    () => guarded.read('pair'),
    (lease) => lease?.spec?.holderIdentity?.includes('+') === false,
  );
  await until(
    () => Promise.resolve(lost?.signal.aborted),
    (aborted) => aborted === true,
  );
  await a?.leasehold.close();
  await b?.leasehold.close();
  expect(await guarded.read('pair')).toBeUndefined();
});

test('shards: shared out, handed over and left', async () => {
  const all = await clients('15s');
  const owners = new Map<number, number>();
  for (const [index, { leasehold }] of all.entries()) {
    void leasehold.shards('orders', { count: 9 }).run(async ({ shard, signal }) => {
      expect(owners.get(shard)).toBeUndefined();
      owners.set(shard, index);
      await new Promise((resolve) => {
        if (signal.aborted) resolve(undefined);
        signal.addEventListener('abort', resolve, { once: true });
      });
      owners.delete(shard);
    });
  }
  const owned = (count: number) =>
    until(
      () => Promise.resolve([...owners.values()]),
      (found) => found.length === 9 && new Set(found).size === count,
    );
  await owned(3);
  await all[0]?.leasehold.close();
  await owned(2);
  await Promise.all(all.map(({ leasehold }) => leasehold.close()));
  expect(await guarded.read('orders.members')).toBeUndefined();
});
