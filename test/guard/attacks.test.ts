import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { WAYS, attack, canApply } from './attacks.ts';
import { attemptsOf } from './attempts.ts';
import type { Cast } from './attempts.ts';
import { Guarded } from './guarded.ts';
import { NEVER_LAPSES, PRINCIPAL, create, entry, fresh, granted, heldSpec } from './leases.ts';
import { expectRefused } from './refused.ts';

let guarded: Guarded;
let cast: Cast;

beforeAll(async () => {
  guarded = await Guarded.open();
  const [victim, waiter, thief] = await Promise.all([
    guarded.pod('victim'),
    guarded.pod('waiter'),
    guarded.pod('thief'),
  ]);
  const session = await create(waiter, {
    metadata: {
      name: 'bb',
      labels: { 'leasehold.dev/role': 'session' },
      annotations: { [PRINCIPAL]: waiter.principal },
    },
    spec: heldSpec('waiter'),
  });
  cast = { victim, waiter, thief, waiting: session.metadata.uid ?? '' };
});

afterAll(async () => {
  await guarded[Symbol.asyncDispose]();
});

const targets = {
  election: (name = fresh('election')) =>
    create(cast.victim, {
      metadata: { name, annotations: { [PRINCIPAL]: cast.victim.principal } },
      spec: heldSpec('victim'),
    }),
  session: (name = fresh('session')) =>
    create(cast.victim, {
      metadata: {
        name,
        labels: { 'leasehold.dev/role': 'session' },
        annotations: { [PRINCIPAL]: cast.victim.principal },
        ownerReferences: [
          { apiVersion: 'v1', kind: 'Pod', name: cast.victim.name, uid: cast.victim.uid },
        ],
      },
      spec: heldSpec('victim'),
    }),
  /** Held by the victim; the waiter and the thief wait, in this order. */
  lock: async (name = fresh('lock')) => {
    const session = await targets.session(`${name}-aa`);
    const uid = session.metadata.uid ?? '';
    await create(cast.victim, {
      metadata: {
        name,
        labels: { 'leasehold.dev/role': 'lock' },
        annotations: { 'holder.leasehold.dev/aa-1': entry(cast.victim, 'aa', { uid }) },
      },
      spec: heldSpec(`${name}-aa`, NEVER_LAPSES),
    });
    const contentType = 'application/merge-patch+json';
    for (const [pod, id] of [
      [cast.waiter, 'bb'],
      [cast.thief, 'cc'],
    ] as const) {
      const uid = id === 'bb' ? cast.waiting : id;
      const annotations = { [`queue.leasehold.dev/${id}-1`]: entry(pod, id, { uid }) };
      const joined = await pod.send('PATCH', name, { metadata: { annotations } }, { contentType });
      expect(joined.body.message).toBeUndefined();
    }
    return (await guarded.read(name)) as Lease;
  },
  /** Read by the victim and the thief; the waiter waits to write. */
  readers: async (name = fresh('readers')) => {
    const session = await targets.session(`${name}-aa`);
    const uid = session.metadata.uid ?? '';
    const shared = (text: string): string => text.replace('mode=exclusive', 'mode=shared');
    const locked = await create(cast.victim, {
      metadata: {
        name,
        labels: { 'leasehold.dev/role': 'lock' },
        annotations: { 'holder.leasehold.dev/aa-1': shared(entry(cast.victim, 'aa', { uid })) },
      },
      spec: heldSpec('aa', NEVER_LAPSES),
    });
    const writer = entry(cast.waiter, 'bb', { uid: cast.waiting });
    const changes = [
      [
        cast.thief,
        { 'holder.leasehold.dev/cc-1': granted(locked, shared(entry(cast.thief, 'cc'))) },
      ],
      [cast.waiter, { 'queue.leasehold.dev/bb-1': writer }],
    ] as const;
    for (const [pod, annotations] of changes) {
      const answer = await attack(pod, locked, { metadata: { annotations } }, 'merge patch');
      expect(answer.body.message).toBeUndefined();
    }
    return (await guarded.read(name)) as Lease;
  },
} as const;

const attempts = attemptsOf(() => cast);
for (const kind of ['election', 'session', 'lock', 'readers'] as const) {
  describe(kind, () => {
    for (const [name, change] of Object.entries(attempts[kind])) {
      for (const way of WAYS) {
        test(`${name}, by ${way}`, async ({ skip }) => {
          const lease = await targets[kind]();
          const wanted = change(lease);
          if (way === 'apply' && !canApply(wanted)) skip('apply cannot say it');
          await expectRefused(guarded, lease, await attack(cast.thief, lease, wanted, way));
        });
      }
    }

    for (const query of [
      '',
      '?gracePeriodSeconds=0',
      '?propagationPolicy=Orphan',
      '?propagationPolicy=Foreground',
    ]) {
      test(`deletion ${query}`, async () => {
        const lease = await targets[kind]();
        const answer = await cast.thief.send('DELETE', lease.metadata.name + query);
        await expectRefused(guarded, lease, answer, 'delete');
      });
    }

    test('deletion of the collection', async () => {
      const lease = await targets[kind]();
      const { name } = lease.metadata;
      const answer = await cast.thief.send('DELETE', `?fieldSelector=metadata.name%3D${name}`);
      await expectRefused(guarded, lease, answer, 'delete');
    });
  });
}
