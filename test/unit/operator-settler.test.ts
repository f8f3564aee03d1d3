import { beforeEach, expect, it } from 'vitest';
import { leaseApi } from '../../src/kube/lease-api.ts';
import { LockIndex, indexedLock } from '../../src/operator/lock-index.ts';
import type { IndexedLock, SessionRef } from '../../src/operator/lock-index.ts';
import { MissingSessions } from '../../src/operator/missing-sessions.ts';
import { Settler } from '../../src/operator/settler.ts';
import { DirectRequests } from '../../src/testing/virtual/direct-requests.ts';
import { Host } from '../../src/testing/virtual/host.ts';
import { OperatorWorld } from './operator-world.ts';

const session = (name: string): SessionRef => ({ namespace: 'default', name, uid: `uid-${name}` });
const entry = (name: string, more = ''): string =>
  `v=1 session=${name} uid=uid-${name} ttl=15 mode=exclusive${more}`;

let world: OperatorWorld;
let requests: DirectRequests;
let settler: Settler;
let missing: MissingSessions;
let lock: IndexedLock;

/** The lock `invoices`, which `a` holds; `b` is next, and then `c`. */
beforeEach(async () => {
  world = new OperatorWorld();
  const clock = new Host(world.time);
  const token = world.handler.tokens.ofUser('operator', ['system:masters']);
  requests = new DirectRequests(world.handler, clock, token);
  const apiOf = (namespace: string): ReturnType<typeof leaseApi> =>
    leaseApi(requests, namespace, 5_000);
  const index = new LockIndex();
  settler = new Settler({ apiOf, clock, index, report: () => undefined });
  missing = new MissingSessions({ apiOf, clock, settler });
  await world.createLease({
    metadata: {
      name: 'invoices',
      labels: { 'leasehold.dev/role': 'lock' },
      annotations: {
        'holder.leasehold.dev/a-1': entry('a'),
        'queue.leasehold.dev/b-1': entry('b', ' seen=1'),
        'queue.leasehold.dev/c-1': entry('c', ' seen=2'),
      },
    },
    spec: { holderIdentity: 'a' },
  });
  const lease = world.lease('invoices');
  const indexed = lease && indexedLock(lease);
  if (!indexed) throw new Error('no lock');
  lock = indexed;
  index.written(lock);
});

const entries = (): string[] =>
  Object.keys(world.lease('invoices')?.metadata.annotations ?? {}).sort();

/** Does this while the next write is under way. */
function duringNextWrite(act: () => void): void {
  const send = requests.request.bind(requests);
  requests.request = (request) => {
    if (request.method === 'PUT') {
      requests.request = send;
      act();
    }
    return send(request);
  };
}

it('settles once more for whoever dies while it grants him the lock', async () => {
  let second: Promise<boolean> | undefined;
  duringNextWrite(() => {
    settler.isDead(session('b'), undefined);
    second = settler.settleLocksOf(session('b'));
  });
  settler.isDead(session('a'), undefined);
  await world.time.settled(settler.settleLocksOf(session('a')));
  expect(await world.time.settled(second ?? Promise.resolve(false))).toBe(true);
  expect(entries()).toEqual(['holder.leasehold.dev/c-1']);
});

it('drops what is missing also where the lock is being settled for another', async () => {
  let second: Promise<boolean> | undefined;
  duringNextWrite(() => {
    second = settler.drop(lock, ['b-1']);
  });
  settler.isDead(session('a'), undefined);
  await world.time.settled(settler.settleLocksOf(session('a')));
  expect(await world.time.settled(second ?? Promise.resolve(false))).toBe(true);
  expect(entries()).toEqual(['holder.leasehold.dev/c-1']);
});

it('drops in the next sweep what was missing for a ttl and could not be dropped', async () => {
  const sweep = (): Promise<void> =>
    world.time.settled(
      missing.drop([lock], { isListed: ({ name }) => name !== 'a', ttlOf: () => 0 }),
    );
  const send = requests.request.bind(requests);
  requests.request = (request) => {
    if (request.method === 'GET') return send(request);
    const error = new Error('no connection');
    return Promise.resolve({ kind: 'unknown', sent: false, error, retryAfter: undefined });
  };
  await sweep();
  await world.time.advance(20_000);
  await sweep();
  expect(entries()).toContain('holder.leasehold.dev/a-1');
  requests.request = send;
  await sweep();
  expect(entries()).toEqual(['holder.leasehold.dev/b-1', 'queue.leasehold.dev/c-1']);
});
