import { afterAll, beforeAll, expect, test } from 'vitest';
import { seen, stands } from '../real/elections.ts';
import { client, until } from '../real/world.ts';
import type { Client } from '../real/world.ts';
import { Guarded } from './guarded.ts';
import type { Pod } from './guarded.ts';

const TIMES = { leaseDuration: '4s', renewDeadline: '3s', retryPeriod: '300ms' } as const;

let guarded: Guarded;
let pods: Pod[];

beforeAll(async () => {
  guarded = await Guarded.open();
  pods = await Promise.all(['low', 'high', 'best'].map((name) => guarded.pod(name)));
});

afterAll(async () => {
  await guarded[Symbol.asyncDispose]();
});

function join({ kubeconfig }: Pod): Promise<Client> {
  return client(guarded.cluster, guarded.namespace, { kubeconfig, ttl: '5s' });
}

test('candidates: those of several Pods are in one list, and the best leads and publishes', async () => {
  const clients = await Promise.all(pods.map(join));
  const elections = [];
  for (const [priority, one] of clients.entries()) {
    const options = { ...TIMES, priority, preemptAfter: '1s' } as const;
    const election = stands(one, 'rated', options, { value: `of ${String(priority)}` });
    elections.push(election);
    // Entered one after the other, by compare-and-swap, and each by itself.
    await until(
      () => election.candidates(),
      ({ length }) => length === priority + 1,
    );
  }
  const [first, , best] = elections;
  if (!first || !best) throw new Error('there are three');
  const leader = await seen(first, ({ identity }) => identity === best.identity);
  expect(leader).toMatchObject({ value: 'of 2', priority: 2 });
  const listed = await first.candidates();
  expect(listed.map(({ priority }) => priority)).toEqual([2, 1, 0]);
  await Promise.all(clients.map(({ leasehold }) => leasehold.close()));
  expect(
    (await guarded.read('rated'))?.metadata.annotations?.['leasehold.dev/value'],
  ).toBeUndefined();
});
