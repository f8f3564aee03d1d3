import { describe, expect, test } from 'vitest';
import { until } from '../real/world.ts';
import { WAYS, attack, canApply, now } from './attacks.ts';
import type { Change } from './attacks.ts';
import { attemptsOf } from './attempts.ts';
import { ENFORCED } from './guarded.ts';
import {
  LABEL,
  MERGE,
  ROLE,
  cast,
  free,
  labelled,
  led,
  place,
  taken,
  useLabelled,
} from './labelled.ts';
import { held } from './leases.ts';
import { expectRefused } from './refused.ts';

/** All that a thief tries on one election that has the guard's label, in a namespace that has not. */

useLabelled();

/** Ways out of the guard, which a namespace with the label has not. */
const wayOut: Record<string, () => Change> = {
  'label taken away': () => labelled({ [LABEL]: null }),
  'all labels taken away': () => labelled(null),
  'label off': () => labelled({ [LABEL]: 'off' }),
  'label emptied': () => labelled({ [LABEL]: '' }),
  'label in other letters': () => labelled({ [LABEL]: 'Enforced' }),
  'label taken away in a takeover': () => labelled({ [LABEL]: null }, taken()),
  'label off in a takeover': () => labelled({ [LABEL]: 'off' }, taken()),
  'label taken away in a release': () =>
    labelled({ [LABEL]: null }, { spec: { holderIdentity: '', renewTime: now() } }),
  'label taken away beside a question': () =>
    labelled({ [LABEL]: null }, { metadata: { annotations: { 'leasehold.dev/resign': 'x/0' } } }),
  'made a lock': () => labelled({ [ROLE]: 'lock' }),
  'made a lock in a takeover': () => labelled({ [ROLE]: 'lock' }, taken()),
  'made a lock without the label': () => labelled({ [ROLE]: 'lock', [LABEL]: null }),
  'made a session in a release': () =>
    labelled({ [ROLE]: 'session' }, { spec: { holderIdentity: '' } }),
};

const DELETIONS = [
  '',
  '?gracePeriodSeconds=0',
  '?propagationPolicy=Orphan',
  '?propagationPolicy=Foreground',
];

const collections = (name: string): string[] => [
  `?fieldSelector=metadata.name%3D${name}`,
  `?labelSelector=${encodeURIComponent(`${LABEL}=enforced`)}`,
];

describe('an election that is led', () => {
  const attempts = { ...attemptsOf(() => cast).election, ...wayOut };
  for (const [name, change] of Object.entries(attempts)) {
    for (const way of WAYS) {
      test(`${name}, by ${way}`, async ({ skip }) => {
        const lease = await led();
        const wanted = change(lease);
        if (way === 'apply' && !canApply(wanted)) skip('apply cannot say it');
        await expectRefused(place, lease, await attack(cast.thief, lease, wanted, way));
      });
    }
  }

  test.each(DELETIONS)('deletion %s', async (query) => {
    const lease = await led();
    const answer = await cast.thief.send('DELETE', lease.metadata.name + query);
    await expectRefused(place, lease, answer, 'delete');
  });

  test('deletion of the collection', async () => {
    const lease = await led();
    for (const query of collections(lease.metadata.name)) {
      await expectRefused(place, lease, await cast.thief.send('DELETE', query), 'delete');
    }
  });

  test('replaced by another without the label, of the same version', async () => {
    const lease = await led();
    const { name, resourceVersion } = lease.metadata;
    const bare = held(cast.thief, { metadata: { name, resourceVersion } });
    await expectRefused(place, lease, await cast.thief.send('PUT', name, bare), 'label');
  });

  test('written through a status, which a Lease has not', async () => {
    const { cluster, namespace } = place;
    const writer = await place.pod('writer', 'writer');
    const subject = { kind: 'ServiceAccount', name: 'writer', namespace } as const;
    await cluster.grant(namespace, subject, [
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases/status'],
        verbs: ['update', 'patch'],
      },
    ]);
    const lease = await led();
    const { name } = lease.metadata;
    for (const [method, body] of [
      ['PUT', { ...lease, spec: taken().spec }],
      ['PATCH', taken()],
    ] as const) {
      const answer = await writer.send(method, `${name}/status`, body, MERGE);
      expect(answer.status).toBe(404);
      expect(await place.read(name)).toEqual(lease);
    }
  });

  test('is not let out by its leader either', async () => {
    for (const labels of [{ [LABEL]: null }, { [LABEL]: 'off' }, { [ROLE]: 'lock' }]) {
      const lease = await led();
      const change = { metadata: { labels }, spec: { renewTime: now() } };
      for (const way of ['update', 'merge patch'] as const) {
        await expectRefused(place, lease, await attack(cast.victim, lease, change, way));
      }
      await expectRefused(place, lease, await cast.victim.send('DELETE', lease.metadata.name));
    }
  });

  test('is taken over once it has expired, and not let out by that', async () => {
    const lease = await led(ENFORCED, 1);
    const { name } = lease.metadata;
    await until(
      () => cast.thief.send('PATCH', `${name}?dryRun=All`, taken(), MERGE),
      ({ status, body }) => {
        if (status !== 200) expect(body.message).toContain('leasehold-guard/held');
        return status === 200;
      },
    );
    for (const labels of [{ [LABEL]: null }, { [LABEL]: 'off' }, { [ROLE]: 'lock' }]) {
      const out = labelled(labels, taken());
      await expectRefused(place, lease, await attack(cast.thief, lease, out, 'update'));
    }
    await expectRefused(place, lease, await cast.thief.send('DELETE', name), 'delete');
    expect((await attack(cast.thief, lease, taken(), 'update')).status).toBe(200);
  });
});

describe('an election that nobody leads', () => {
  for (const [name, change] of Object.entries(wayOut)) {
    test(name, async () => {
      const lease = await free();
      for (const way of ['update', 'merge patch'] as const) {
        await expectRefused(place, lease, await attack(cast.thief, lease, change(), way));
      }
    });
  }

  test('is not deleted, so that none without the label comes after it', async () => {
    const lease = await free();
    const { name } = lease.metadata;
    for (const query of [name, `${name}?gracePeriodSeconds=0`, ...collections(name)]) {
      await expectRefused(place, lease, await cast.thief.send('DELETE', query), 'delete');
    }
  });
});
