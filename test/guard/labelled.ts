import { beforeAll } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { leasePath } from '../real/world.ts';
import type { Change } from './attacks.ts';
import type { Cast } from './attempts.ts';
import { ENFORCED, Guarded } from './guarded.ts';
import { PRINCIPAL, create, fresh, held, heldSpec } from './leases.ts';

/** Single elections that have the guard's label, in a namespace that has not. */

export const LABEL = 'leasehold.dev/guard';
export const ROLE = 'leasehold.dev/role';
/** Without any label or annotation the API server would keep no managedFields of a free Lease. */
export const OTHER = { app: 'orders' };
export const MERGE = { contentType: 'application/merge-patch+json' };

/** There from `beforeAll` on, in a file of tests that calls {@link useLabelled}. */
export let place: Guarded;
export let cast: Cast;

export function useLabelled(): void {
  beforeAll(async () => {
    place = await Guarded.open('leases');
    const [victim, waiter, thief] = await Promise.all([
      place.pod('victim'),
      place.pod('waiter'),
      place.pod('thief'),
    ]);
    // Of its session, which only attempts on locks name.
    cast = { victim, waiter, thief, waiting: '' };
    return () => place[Symbol.asyncDispose]();
  });
}

/** Led by the victim. */
export function led(labels: object = ENFORCED, leaseDurationSeconds = 15): Promise<Lease> {
  const annotations = { [PRINCIPAL]: cast.victim.principal };
  const metadata = { name: fresh('election'), labels, annotations };
  return create(cast.victim, held(cast.victim, { metadata, spec: { leaseDurationSeconds } }));
}

/** Led by nobody, as an administrator makes it. */
export function free(labels: object = ENFORCED): Promise<Lease> {
  const lease = { metadata: { name: fresh('free'), labels } };
  return place.cluster.client.expect<Lease>('POST', collection(), lease);
}

function collection(): string {
  return leasePath(place.namespace, '').replace(/\/$/, '');
}

/** The thief takes it. */
export const taken = (): Change => ({
  metadata: { annotations: { [PRINCIPAL]: cast.thief.principal } },
  spec: { ...heldSpec('thief'), leaseTransitions: 1 },
});
/** A change of labels beside another change. */
export const labelled = (labels: object | null, change: Change = {}): Change => ({
  ...change,
  metadata: { ...change.metadata, labels },
});
