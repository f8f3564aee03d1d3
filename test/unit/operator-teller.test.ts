import { beforeEach, describe, expect, it } from 'vitest';
import { HOLDER_PREFIX } from '../../src/core/record.ts';
import { leaseApi } from '../../src/kube/lease-api.ts';
import { noticesOf } from '../../src/operator/notices.ts';
import type { Report } from '../../src/operator/report.ts';
import { findHolder, releaseHolder } from '../../src/repair/release.ts';
import { reclaim } from '../../src/supervisor/reclaim.ts';
import { OperatorWorld } from './operator-world.ts';
import type { TestOperator } from './operator-world.ts';

/** A Pod's whole ttl and the looks that follow. */
const A_TTL_MS = 20_000;
const A_LOOK_MS = 16_000;
/** 20 ttl of 15 s. */
const STUCK_MS = 300_000;

let world: OperatorWorld;
let leader: TestOperator;

beforeEach(async () => {
  world = new OperatorWorld();
  leader = world.operator();
  await world.time.advance(10);
  leader.lead();
});

function told<Type extends Report['type']>(type: Type): Extract<Report, { type: Type }>[] {
  const isOf = (report: Report): report is Extract<Report, { type: Type }> => report.type === type;
  return leader.reports.filter(isOf);
}

/** As `kubectl get events` has them. */
function events(): string[] {
  return leader.reports.flatMap(noticesOf).map(({ subject, notice }) => {
    return `${notice.type} ${notice.reason} ${subject.kind} ${subject.name}`;
  });
}

function holderKey(): string {
  const annotations = world.lease('invoices')?.metadata.annotations ?? {};
  return Object.keys(annotations).find((key) => key.startsWith(HOLDER_PREFIX)) ?? '';
}

describe('the end of a wait', () => {
  it('is told when it was long, on the lock and the Pod', async () => {
    const holder = await world.pod('holder');
    const waiter = await world.pod('waiter');
    const held = await world.time.settled(holder.leasehold.lock('invoices').acquire());
    const next = waiter.leasehold.lock('invoices').acquire();
    await world.time.advance(2_000);
    await held.release();
    await world.time.settled(next);
    await world.time.advance(10);
    expect(told('acquired')).toMatchObject([{ lock: 'invoices', pod: { uid: waiter.uid } }]);
    expect(events()).toEqual(['Normal Acquired Lease invoices', 'Normal LockAcquired Pod waiter']);
  });

  it('is nothing to tell when it was short', async () => {
    const holder = await world.pod('holder');
    const waiter = await world.pod('waiter');
    for (let turn = 0; turn < 20; turn += 1) {
      const held = await world.time.settled(holder.leasehold.lock('invoices').acquire());
      const next = waiter.leasehold.lock('invoices').acquire();
      await world.time.advance(100);
      await held.release();
      await (await world.time.settled(next)).release();
    }
    expect(leader.reports).toEqual([]);
  });
});

describe('the end of a hold', () => {
  it('by a release is nothing to tell', async () => {
    const holder = await world.pod('holder');
    const waiter = await world.pod('waiter');
    const held = await world.time.settled(holder.leasehold.lock('invoices').acquire());
    const next = waiter.leasehold.lock('invoices').acquire();
    await world.time.advance(60_000);
    await held.release();
    await world.time.settled(next);
    await world.time.advance(A_LOOK_MS);
    expect(told('lost')).toEqual([]);
  });

  it('by the end of its process in order is nothing to tell', async () => {
    const { holder, next } = await world.holderAndWaiter(12_000);
    await world.time.settled(holder.leasehold.close());
    await world.time.settled(next);
    await world.time.advance(A_LOOK_MS);
    expect(told('lost')).toEqual([]);
  });

  it('by its ttl is told, on the lock and the Pod', async () => {
    const { holder, next } = await world.holderAndWaiter(12_000);
    world.crash(holder);
    await world.time.settled(next, A_TTL_MS);
    await world.time.advance(10);
    expect(told('lost')).toMatchObject([
      { how: 'expired', lock: 'invoices', pod: { name: 'holder', uid: holder.uid } },
    ]);
    expect(events()).toEqual([
      'Normal Acquired Lease invoices',
      'Normal LockAcquired Pod waiter',
      'Warning Expired Lease invoices',
      'Warning LockLost Pod holder',
    ]);
  });

  it('by proof of the operator is told with that proof only', async () => {
    const { holder, next } = await world.holderAndWaiter(12_000);
    world.crash(holder);
    await world.reportEnd(holder);
    await world.time.settled(next, 1_000);
    await world.time.advance(A_LOOK_MS);
    expect(told('settled')).toHaveLength(1);
    expect(told('lost')).toEqual([]);
  });

  it.each([
    ['at once', true],
    ['by whoever waits, after it had revoked the session', false],
  ])('by its supervisor, %s, is told as a reclaim', async (_, isSettled) => {
    const { holder, next } = await world.holderAndWaiter(12_000);
    world.crash(holder);
    const session = world.leases('session').find(({ spec }) => spec?.holderIdentity === 'holder');
    const { name = '', uid = '' } = session?.metadata ?? {};
    const supervisor = world.process('supervisor', '');
    // Another one, whose request may be on the way, lets the session stay.
    const attempts = [{ lock: isSettled ? 'invoices' : 'other', id: `${name.slice(-8)}-1` }];
    const api = leaseApi(supervisor.requests, 'default', 5_000);
    const workshop = { api, clock: supervisor.host };
    const dead = { name, uid, ttl: 15, attempts };
    await world.time.settled(reclaim(workshop, dead, new AbortController().signal));
    await world.time.settled(next, A_TTL_MS);
    await world.time.advance(1_000);
    expect(told('lost')).toMatchObject([{ how: 'ended', pod: { uid: holder.uid } }]);
    expect(events()).toContain('Normal Reclaimed Lease invoices');
    expect(events()).toContain('Warning LockLost Pod holder');
  });

  it.each([
    ['takes the holder out', {}, ''],
    [
      'puts another holder in its place',
      { [`${HOLDER_PREFIX}0c-1`]: 'v=1 session=x uid=x ttl=15 mode=exclusive' },
      'kubectl-edit',
    ],
  ])('by an edit of somebody who %s is told as a theft', async (_, added, by) => {
    await world.holderAndWaiter(2_000);
    const annotations = { [holderKey()]: null, ...added };
    await world.patchLease('invoices', { metadata: { annotations } }, 'kubectl-edit');
    await world.time.advance(1_000);
    expect(told('lost')).toMatchObject([{ how: 'stolen', by }]);
    expect(events()).toContain('Warning Stolen Lease invoices');
    expect(events()).toContain('Warning LockLost Pod holder');
  });

  it('by leasehold release --force is told on the Pod only, as that command tells it on the lock', async () => {
    const { next } = await world.holderAndWaiter(2_000);
    const person = world.process('person', '');
    const workshop = { api: leaseApi(person.requests, 'default', 5_000), clock: person.host };
    const found = await world.time.settled(findHolder(workshop, 'invoices'));
    if (found.kind !== 'found') throw new Error('somebody holds it');
    await world.time.settled(releaseHolder(workshop, found.holder));
    await world.time.settled(next);
    await world.time.advance(1_000);
    expect(told('lost')).toMatchObject([{ how: 'stolen', by: 'leasehold-repair' }]);
    expect(events().filter((one) => !one.includes('cquired'))).toEqual([
      'Warning LockLost Pod holder',
    ]);
  });

  it('by a deletion while somebody waits is told as a theft', async () => {
    await world.holderAndWaiter(2_000);
    await world.deleteLease('invoices');
    await world.time.advance(1_000);
    expect(told('lost')).toMatchObject([{ how: 'stolen', by: '' }]);
  });

  it('by a session that somebody blanks by hand is told as a theft', async () => {
    const { next } = await world.holderAndWaiter(12_000);
    const session = world.leases('session').find(({ spec }) => spec?.holderIdentity === 'holder');
    const blank = { spec: { holderIdentity: '' } };
    await world.patchLease(session?.metadata.name ?? '', blank, 'kubectl-patch');
    await world.time.settled(next, A_TTL_MS);
    await world.time.advance(1_000);
    expect(told('lost')).toMatchObject([{ how: 'stolen', by: 'kubectl-patch' }]);
  });

  it('by a release to somebody of a newer version is no theft', async () => {
    const holder = await world.pod('holder');
    const held = await world.time.settled(holder.leasehold.lock('invoices').acquire());
    const newer = 'v=2 session=s uid=u ttl=15 mode=exclusive seen=1';
    const annotations = { 'queue.leasehold.dev/0b-1': newer };
    await world.patchLease('invoices', { metadata: { annotations } });
    await world.time.advance(12_000);
    await held.release();
    await world.time.advance(A_LOOK_MS);
    expect(world.lease('invoices')?.spec?.holderIdentity).toBe('');
    expect(told('lost')).toEqual([]);
  });

  it('by a label that somebody puts on it is no theft', async () => {
    const { holder } = await world.holderAndWaiter(2_000);
    const labels = { team: 'billing' };
    await world.patchLease('invoices', { metadata: { labels } }, 'kubectl-label');
    await world.time.advance(1_000);
    await world.time.settled(holder.leasehold.close());
    await world.time.advance(A_LOOK_MS);
    expect(told('lost')).toEqual([]);
  });

  it('costs no more reads than a few a second, however many there are', async () => {
    const pods = await Promise.all(
      Array.from({ length: 150 }, (_, at) => world.pod(`p-${String(at)}`)),
    );
    const waiter = await world.pod('waiter');
    const holds = [];
    for (const { leasehold, name } of pods) {
      holds.push(await world.time.settled(leasehold.lock(name).acquire()));
    }
    const waits = pods.map(({ name }) => waiter.leasehold.lock(name).acquire());
    await world.time.advance(60_000);
    let reads = 0;
    const request = leader.requests.request.bind(leader.requests);
    leader.requests.request = (sent) => {
      if (sent.method === 'GET' && sent.path.includes('/leases/p-')) reads += 1;
      return request(sent);
    };
    for (const held of holds) await held.release();
    await world.time.settled(Promise.all(waits), 1_000);
    await world.time.advance(2_000);
    expect(reads).toBeGreaterThan(0);
    expect(reads).toBeLessThanOrEqual(20 + 5 * 4);
  });
});

describe('a queue that does not move', () => {
  it('is told once an hour, with the state of the holder', async () => {
    await world.holderAndWaiter(STUCK_MS - 20_000);
    expect(told('stuck')).toEqual([]);
    await world.time.advance(60_000);
    expect(told('stuck')).toMatchObject([
      { lock: 'invoices', behind: 'alive', waiting: 1, pod: { name: 'waiter' } },
    ]);
    expect(events()).toEqual([
      'Warning WaiterStuck Lease invoices',
      'Warning WaiterStuck Pod waiter',
    ]);
    await world.time.advance(3_000_000);
    expect(told('stuck')).toHaveLength(1);
    await world.time.advance(700_000);
    expect(told('stuck')).toHaveLength(2);
  });

  it('is another one when somebody is granted the lock', async () => {
    const { holder, waiter, next } = await world.holderAndWaiter(STUCK_MS - 20_000);
    const third = await world.pod('third');
    const last = third.leasehold.lock('invoices').acquire();
    await world.time.advance(10);
    await world.time.settled(holder.leasehold.close());
    await world.time.settled(next);
    await world.time.advance(STUCK_MS - 20_000);
    expect(told('stuck')).toEqual([]);
    await world.time.settled(waiter.leasehold.close());
    await world.time.settled(last);
  });

  it.each([
    ['a free lock', {}, 'nobody'],
    ['a holder that cannot be read', { [`${HOLDER_PREFIX}0a-1`]: 'garbled' }, 'unreadable'],
    [
      'a session that is missing',
      { [`${HOLDER_PREFIX}0a-1`]: 'v=1 session=gone uid=gone ttl=3000 mode=exclusive' },
      'missing',
    ],
  ])('is told behind %s', async (_, holders, behind) => {
    await world.createLease({
      metadata: {
        name: 'left',
        labels: { 'leasehold.dev/role': 'lock' },
        annotations: {
          // Of a newer version, which nobody here may touch.
          'queue.leasehold.dev/0b-1': 'v=2 session=s uid=u ttl=15 mode=exclusive seen=1',
          ...holders,
        },
      },
    });
    await world.time.advance(STUCK_MS + A_LOOK_MS);
    expect(told('stuck')).toMatchObject([{ lock: 'left', behind }]);
  });
});
