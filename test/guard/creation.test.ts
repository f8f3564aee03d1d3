import { describe, expect, test } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { daysAway } from './attacks.ts';
import { guarded, thief, useCast, victim } from './cast.ts';
import type { Pod } from './guarded.ts';
import { NEVER_LAPSES, PRINCIPAL, SESSION, entry, held, lock, refusal } from './leases.ts';

/** What the guard asks of whoever creates a Lease. */

useCast();

const owner = (of: Pod, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  name: of.name,
  uid: of.uid,
  ...more,
});

describe('creation', () => {
  const cases: Record<string, readonly [rule: string, lease: () => object]> = {
    'without principal': ['principal', () => held(thief, { metadata: { annotations: {} } })],
    "with another's principal": [
      'principal',
      () => held(thief, { metadata: { annotations: { [PRINCIPAL]: victim.principal } } }),
    ],
    'with the user as principal': [
      'principal',
      () =>
        held(thief, {
          metadata: { annotations: { [PRINCIPAL]: `user:system:serviceaccount:x:app` } },
        }),
    ],
    'a year ahead': ['clock', () => held(thief, { spec: { renewTime: daysAway(365) } })],
    'a year behind': ['clock', () => held(thief, { spec: { renewTime: daysAway(-365) } })],
    undated: ['stamp', () => held(thief, { spec: { renewTime: null } })],
    'for ever': ['duration', () => held(thief, { spec: { leaseDurationSeconds: NEVER_LAPSES } })],
    'without duration': ['duration', () => held(thief, { spec: { leaseDurationSeconds: null } })],
    'with a high fencing counter': [
      'transitions',
      () => held(thief, { spec: { leaseTransitions: 1_000 } }),
    ],
    'of an election with an owner': [
      'owner',
      () => held(thief, { metadata: { annotations: {}, ownerReferences: [owner(thief)] } }),
    ],
    'of a session of another pod': [
      'owner',
      () => held(thief, { metadata: { ...SESSION, ownerReferences: [owner(victim)] } }),
    ],
    'of a session with a controller': [
      'owner',
      () =>
        held(thief, {
          metadata: { ...SESSION, ownerReferences: [owner(thief, { controller: true })] },
        }),
    ],
    'with a finalizer': [
      'owner',
      () => held(thief, { metadata: { finalizers: ['example.com/never'] } }),
    ],
    'of a lock held by another': [
      'principal',
      () => lock({ 'holder.leasehold.dev/a-1': entry(victim, 'a') }),
    ],
    'of a lock that nobody holds': ['principal', () => lock({})],
    'of a lock with waiters': [
      'principal',
      () =>
        lock({
          'holder.leasehold.dev/a-1': entry(thief, 'a'),
          'queue.leasehold.dev/b-1': entry(thief, 'b'),
        }),
    ],
    'of a lock that lapses': [
      'spec',
      () =>
        lock(
          { 'holder.leasehold.dev/a-1': entry(thief, 'a') },
          { spec: { leaseDurationSeconds: 1 } },
        ),
    ],
    'of a lock with an owner': [
      'owner',
      () =>
        lock(
          { 'holder.leasehold.dev/a-1': entry(thief, 'a') },
          {
            metadata: {
              ownerReferences: [owner(thief)],
              annotations: { 'holder.leasehold.dev/a-1': entry(thief, 'a') },
            },
          },
        ),
    ],
    'of a lock of 161 annotations': [
      'size',
      () =>
        lock(
          Object.fromEntries(
            Array.from({ length: 161 }, (_, index) => [
              `holder.leasehold.dev/a-${String(index + 1)}`,
              entry(thief, 'a'),
            ]),
          ),
        ),
    ],
  };

  for (const [name, [rule, lease]] of Object.entries(cases)) {
    for (const how of ['POST', 'PUT', 'apply'] as const) {
      test(`${name}, by ${how}, is refused`, async () => {
        const wanted = lease() as Lease;
        const { name: target } = wanted.metadata;
        const applied = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', ...wanted };
        const contentType = 'application/apply-patch+yaml';
        const answer =
          how === 'POST'
            ? await thief.send('POST', '', wanted)
            : how === 'PUT'
              ? await thief.send('PUT', target, wanted)
              : await thief.send('PATCH', `${target}?fieldManager=x`, applied, { contentType });
        expect(refusal(answer)).toBe(rule);
        expect(await guarded.read(target)).toBeUndefined();
      });
    }
  }
});
