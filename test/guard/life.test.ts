import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCluster } from '../../src/client/cluster.ts';
import { microTime } from '../../src/core/lease.ts';
import { leaseApi } from '../../src/kube/lease-api.ts';
import { askToResign, findLeader } from '../../src/repair/resign.ts';
import { Program } from '../cli/program.ts';
import type { Finished } from '../cli/program.ts';
import { client, until } from '../real/world.ts';
import type { Client } from '../real/world.ts';
import { Guarded } from './guarded.ts';
import type { Pod } from './guarded.ts';

let guarded: Guarded;
let first: Pod;
let second: Pod;

beforeAll(async () => {
  guarded = await Guarded.open();
  [first, second] = await Promise.all([guarded.pod('first'), guarded.pod('second')]);
});

afterAll(async () => {
  await guarded[Symbol.asyncDispose]();
});

function join(pod: Pod, ttl = '15s'): Promise<Client> {
  return client(guarded.cluster, guarded.namespace, { kubeconfig: pod.kubeconfig, ttl });
}

test('locks: take, wait, hand over, release, leave nothing', async () => {
  const [a, b] = await Promise.all([join(first), join(second)]);
  const held = await a.leasehold.lock('orders').acquire();
  const session = (await guarded.read('orders'))?.spec?.holderIdentity ?? '';
  const { annotations } = (await guarded.read(session))?.metadata ?? {};
  expect(annotations?.['leasehold.dev/holder-principal']).toBe(first.principal);
  const waiting = b.leasehold.lock('orders').acquire({ timeout: '30s' });
  await b.event('waiting');
  await held.release();
  const granted = await waiting;
  expect(granted.valid).toBe(true);
  expect(granted.fence).toBeGreaterThan(held.fence);
  await granted.release();
  await Promise.all([a.leasehold.close(), b.leasehold.close()]);
  expect(await guarded.read('orders')).toBeUndefined();
});

test('locks: a wait is given up, and another is granted', async () => {
  const [a, b] = await Promise.all([join(first), join(second)]);
  const held = await a.leasehold.lock('given-up').acquire();
  const signal = new AbortController();
  const waiting = b.leasehold.lock('given-up').acquire({ signal: signal.signal });
  await b.event('waiting');
  signal.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
  await held.release();
  await Promise.all([a.leasehold.close(), b.leasehold.close()]);
  expect(await guarded.read('given-up')).toBeUndefined();
});

test('scheduled work: run by one Pod, then by another, and by nobody as something else', async () => {
  const [a, b] = await Promise.all([join(first), join(second)]);
  const daily = { cron: '0 3 * * *', atMost: '1m' } as const;
  const hourly = { every: '1s', atMost: '1m' } as const;
  expect(await a.leasehold.once('report', daily).tryRun(() => 'a')).toMatchObject({ value: 'a' });
  expect(await b.leasehold.once('report', daily).tryRun(() => 'b')).toBeUndefined();
  expect(await b.leasehold.once('report', hourly).tryRun(() => 'b')).toMatchObject({ value: 'b' });
  await Promise.all([a.leasehold.close(), b.leasehold.close()]);
  const report = await guarded.read('report');
  const labels = { ...report?.metadata.labels, 'leasehold.dev/role': 'session' };
  const { status, body } = await first.send('PUT', 'report', {
    ...report,
    metadata: { ...report?.metadata, labels },
  });
  expect(status).toBe(403);
  expect(body.message).toMatch(/leasehold-guard\/role/);
});

/** A session and a lock that a process which ended a moment ago has left. */
async function deadHolder(lock: string, ttl = 2): Promise<string> {
  const session = `${lock}-0badcafe`;
  const now = microTime(Date.now());
  const times = { acquireTime: now, renewTime: now };
  const created = await first.send('POST', '', {
    metadata: {
      name: session,
      labels: { 'leasehold.dev/role': 'session' },
      annotations: { 'leasehold.dev/holder-principal': first.principal },
    },
    spec: { holderIdentity: 'first', leaseDurationSeconds: ttl, ...times },
  });
  expect(created.body.message).toBeUndefined();
  const uid = created.body.metadata.uid ?? '';
  const entry = `v=1 session=${session} uid=${uid} ttl=${String(ttl)} mode=exclusive principal=${first.principal} since=x`;
  const locked = await first.send('POST', '', {
    metadata: {
      name: lock,
      labels: { 'leasehold.dev/role': 'lock' },
      annotations: { 'holder.leasehold.dev/0badcafe-1': entry },
    },
    spec: { holderIdentity: session, leaseDurationSeconds: 2_147_483_647, ...times },
  });
  expect(locked.body.message).toBeUndefined();
  return session;
}

test('locks: a waiter revokes a dead holder and settles, without an operator', async () => {
  await deadHolder('abandoned');
  const b = await join(second);
  const granted = await b.leasehold.lock('abandoned').acquire({ timeout: '60s' });
  expect(granted.valid).toBe(true);
  expect(b.events.some(({ type }) => type === 'session-revoked')).toBe(true);
  await granted.release();
  await b.leasehold.close();
  expect(await guarded.read('abandoned')).toBeUndefined();
});

test('locks: a client that tries only once recovers a dead holder, too', async () => {
  await deadHolder('tried');
  const b = await join(second);
  const held = await until(
    () => b.leasehold.lock('tried').tryAcquire(),
    (answer) => answer !== undefined,
  );
  expect(held?.valid).toBe(true);
  await b.leasehold.close();
  expect(await guarded.read('tried')).toBeUndefined();
});

/** As somebody who may write Leases, and has no verb for more. */
function command(...words: readonly string[]): Promise<Finished> {
  return Program.start([...words, '--yes', '-n', guarded.namespace], {
    KUBECONFIG: second.kubeconfig,
  }).finished;
}

test('locks: somebody revokes a dead holder, and the lock goes though nobody waits for it', async () => {
  const session = await deadHolder('left');
  await until(
    () => command('revoke', session, '--now'),
    ({ code }) => code === 0,
  );
  expect(await guarded.read('left')).toBeUndefined();
});

test('locks: what is a steal is refused at once, and told the verb for it', async () => {
  const session = await deadHolder('kept', 600);
  const revoked = await command('revoke', session, '--now');
  expect(revoked.code).not.toBe(0);
  expect(revoked.errors).toMatch(/held: .* may be revoked 602 s later.*the verb steal/);
  const released = await command('release', 'kept', '--force');
  expect(released.code).not.toBe(0);
  expect(released.errors).toMatch(/leasehold-guard\/settle: .*the verb steal/);
  expect((await guarded.read('kept'))?.metadata.annotations).toHaveProperty([
    'holder.leasehold.dev/0badcafe-1',
  ]);
});

test('elections: lead, transfer, resign on request, take over what expired', async () => {
  const [a, b] = await Promise.all([join(first), join(second)]);
  const one = a.leasehold.election('leader');
  const two = b.leasehold.election('leader');
  const term = await one.acquire();
  const next = two.acquire();
  await term.transfer(two.identity);
  const second_ = await next;
  expect(second_.fence).toBeGreaterThan(term.fence);
  await second_.resign();
  const third = await one.acquire();
  expect((await guarded.read('leader'))?.spec?.leaseTransitions).toBe(2);
  await third.resign();
  await Promise.all([a.leasehold.close(), b.leasehold.close()]);
});

test('elections: a leader that died is followed once its Lease expired on the server', async () => {
  const now = microTime(Date.now());
  const created = await first.send('POST', '', {
    metadata: {
      name: 'orphan',
      annotations: { 'leasehold.dev/holder-principal': first.principal },
    },
    spec: { holderIdentity: 'gone', leaseDurationSeconds: 2, acquireTime: now, renewTime: now },
  });
  expect(created.body.message).toBeUndefined();
  const b = await join(second);
  const term = await b.leasehold.election('orphan').acquire();
  const lease = await guarded.read('orphan');
  expect(lease?.spec?.leaseTransitions).toBe(1);
  expect(lease?.metadata.annotations?.['leasehold.dev/holder-principal']).toBe(second.principal);
  await term.resign();
  await b.leasehold.close();
});

test('elections: nobody takes one from its leader without the verb for it', async () => {
  const a = await join(first);
  const term = await a.leasehold.election('led').acquire();
  const resigned = await command('resign', 'led', '--force');
  expect(resigned.code).not.toBe(0);
  expect(resigned.errors).toMatch(/held: .*the verb steal/);
  expect(term.valid).toBe(true);
  await term.resign();
  await a.leasehold.close();
});

test('edits in a loop starve neither renewals nor a release', async () => {
  const a = await join(first, '9s');
  const held = await a.leasehold.lock('busy').acquire();
  const session = (await guarded.read('busy'))?.spec?.holderIdentity ?? '';
  const contentType = 'application/merge-patch+json';
  const annotate = (name: string, annotations: object): Promise<unknown> =>
    second.send('PATCH', name, { metadata: { annotations } }, { contentType });
  const flood = new AbortController();
  const entry = `v=1 session=none uid=none ttl=2 mode=exclusive principal=${second.principal} seen=1`;
  const flooding = (async () => {
    while (!flood.signal.aborted) {
      await annotate(session, { 'leasehold.dev/challenge': 'none-1' });
      await annotate('busy', { 'queue.leasehold.dev/none-1': entry });
      await annotate('busy', { 'queue.leasehold.dev/none-1': null });
    }
  })();
  const renewals = new Set<unknown>();
  await until(
    async () => renewals.add((await guarded.read(session))?.spec?.renewTime),
    // Four thirds of the ttl at the least.
    ({ size }) => size > 4,
  );
  expect(held.valid).toBe(true);
  await held.release();
  flood.abort();
  await flooding;
  expect(a.events.some(({ type }) => type === 'session-lost')).toBe(false);
  await a.leasehold.close();
});

test('a leader is asked to resign, once', async () => {
  const a = await join(first);
  const term = await a.leasehold.election('asked').acquire();
  const asked = new Promise((resolve) => {
    term.signal.addEventListener('abort', resolve, { once: true });
  });
  const { namespace } = guarded;
  const { transport, clock } = await openCluster({ kubeconfig: second.kubeconfig, namespace });
  const workshop = { api: leaseApi(transport, namespace, 5_000), clock };
  const found = await findLeader(workshop, 'asked');
  if (found.kind !== 'found') throw new Error('nobody leads');
  expect(await askToResign(workshop, found.term, undefined)).toMatchObject({ kind: 'written' });
  transport.close();
  await asked;
  await term.resign();
  await a.leasehold.close();
});
