import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterAccess } from '../cluster/access.ts';
import { sharedCluster } from '../cluster/shared.ts';
import { seen, stands } from './elections.ts';
import { client, leaseNames, readLease, until } from './world.ts';
import type { Client } from './world.ts';

const TIMES = { leaseDuration: '4s', renewDeadline: '3s', retryPeriod: '300ms' } as const;
const LONG = { leaseDuration: '30s', renewDeadline: '20s', retryPeriod: '200ms' } as const;

let cluster: ClusterAccess;
let namespace: string;
let clients: Client[] = [];

beforeAll(async () => {
  cluster = await sharedCluster();
  namespace = await cluster.createNamespace();
});

afterAll(async () => {
  await Promise.all(clients.map(({ leasehold }) => leasehold.close()));
  await cluster.deleteNamespace(namespace);
});

async function own(identity: string): Promise<Client> {
  const made = await client(cluster, namespace, { identity, ttl: '5s' });
  clients.push(made);
  return made;
}

async function closed(...these: Client[]): Promise<void> {
  clients = clients.filter((one) => !these.includes(one));
  await Promise.all(these.map(({ leasehold }) => leasehold.close()));
}

describe('candidates of different priorities', () => {
  it('are listed, and the best leads in the end', async () => {
    const [low, high, none] = await Promise.all([own('low'), own('high'), own('none')]);
    const options = (priority: number) => ({ ...TIMES, priority, preemptAfter: '1s' }) as const;
    const lower = stands(low, 'rated', options(1));
    await low.event('leading');
    const higher = stands(high, 'rated', options(5));
    const observing = none.leasehold.election('rated', TIMES);
    const leader = await seen(observing, ({ identity }) => identity === higher.identity);
    expect(leader).toMatchObject({ transitions: 1, priority: 5, value: undefined });
    const listed = await until(
      () => observing.candidates(),
      ({ length }) => length === 2,
    );
    expect(listed).toEqual([
      { identity: higher.identity, priority: 5 },
      { identity: lower.identity, priority: 1 },
    ]);
    expect((await high.event('preempting')).leader).toBe(lower.identity);
    await closed(high);
    await seen(observing, ({ identity }) => identity === lower.identity);
    await closed(low, none);
    // Nothing but the free Lease of the election is left.
    expect(await leaseNames(cluster, namespace)).toEqual(['rated']);
  });
});

describe('a value', () => {
  it('is seen by observers as soon as its leader is, and each change of it', async () => {
    const [a, observer] = await Promise.all([own('a'), own('o')]);
    const election = a.leasehold.election('published', LONG);
    const observing = observer.leasehold.election('published', LONG);
    const term = await election.acquire({ value: 'http://10.0.0.1:80' });
    const first = await seen(observing, () => true);
    expect(first).toMatchObject({ identity: election.identity, value: 'http://10.0.0.1:80' });
    await term.publish('zwei');
    const stored = await readLease(cluster, namespace, 'published');
    expect(stored?.metadata.annotations?.['leasehold.dev/value']).toBe('zwei');
    expect((await seen(observing, ({ value }) => value === 'zwei')).since).toEqual(first.since);
    await term.resign();
    expect(
      (await readLease(cluster, namespace, 'published'))?.metadata.annotations,
    ).toBeUndefined();
    await closed(a, observer);
  });
});

describe('health', () => {
  it('hands an election over while its leader is sick', async () => {
    const [a, b] = await Promise.all([own('a'), own('b')]);
    let healthy = true;
    const first = stands(a, 'sick', { ...LONG, health: () => Promise.resolve(healthy) });
    await a.event('leading');
    const second = stands(b, 'sick', LONG);
    healthy = false;
    expect((await b.event('leading')).identity).toBe(second.identity);
    expect((await a.event('unhealthy')).election).toBe('sick');
    healthy = true;
    await a.event('healthy');
    await closed(b);
    await seen(first, ({ identity }) => identity === first.identity);
    await closed(a);
  });
});
