import { expect, test } from 'vitest';
import { client } from '../real/world.ts';
import type { Client } from '../real/world.ts';
import { guarded, thief, useCast, victim } from './cast.ts';
import type { Pod } from './guarded.ts';

useCast();

function join(pod: Pod): Promise<Client> {
  return client(guarded.cluster, guarded.namespace, { kubeconfig: pod.kubeconfig });
}

test('counters, latches and barriers are for all who may lock', async () => {
  const [a, b] = await Promise.all([join(victim), join(thief)]);
  await Promise.all([a, b].map(({ leasehold }) => leasehold.counter('orders').add(2)));
  expect(await a.leasehold.counter('orders').get()).toBe(4);
  const waiting = a.leasehold.latch('imported', { count: 2 }).wait();
  for (const { leasehold } of [a, b]) await leasehold.latch('imported', { count: 2 }).countDown();
  await waiting;
  for (let generation = 0; generation < 2; generation += 1) {
    const parties = [a, b].map(({ leasehold }) => leasehold.barrier('phase', { parties: 2 }));
    await Promise.all(parties.map((barrier) => barrier.arrive()));
  }
  await Promise.all([a.leasehold.close(), b.leasehold.close()]);
});

test('what is free stays what it is: neither becomes the other', async () => {
  const contentType = 'application/merge-patch+json';
  const { leasehold } = await join(victim);
  await leasehold.counter('seal').add(1);
  for (const role of [null, 'lock', 'session']) {
    const body = { metadata: { labels: { 'leasehold.dev/role': role } } };
    const answer = await thief.send('PATCH', 'seal', body, { contentType });
    expect(answer.body.message).toContain('leasehold-guard/role');
  }
  const now = new Date().toISOString().replace('Z', '000Z');
  const times = { acquireTime: now, renewTime: now };
  const election = { holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 1, ...times };
  await victim.send('POST', '', { metadata: { name: 'election' }, spec: election });
  const body = { metadata: { labels: { 'leasehold.dev/role': 'state' } } };
  const answer = await thief.send('PATCH', 'election', body, { contentType });
  expect(answer.body.message).toMatch(/leasehold-guard\/(role|free)/);
  await leasehold.close();
});
