import { LeaseholdError } from '../core/errors.ts';
import { LEASE_API_VERSION } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { collect } from './collection.ts';
import { asLease } from './lease-shape.ts';
import type { Outcome } from './outcome.ts';
import { errorOf } from './status-error.ts';
import type { Requests } from './transport.ts';

export interface ListScope {
  /** All namespaces if undefined. */
  readonly namespace: string | undefined;
  /** A label selector; all Leases if undefined. */
  readonly selector?: string | undefined;
}

/** Leases as of one moment, or what was kept of each. */
export interface LeaseList<Kept = Lease> {
  readonly leases: readonly Kept[];
  /** The server's clock when it answered first: milliseconds since the epoch. */
  readonly serverTime: number | undefined;
  /** From where a watch goes on. */
  readonly resourceVersion: string;
}

export function collectionPath(namespace: string | undefined): string {
  const within = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `/apis/${LEASE_API_VERSION}${within}/leases`;
}

/**
 * All Leases of a namespace. Sends one GET for 500 Leases each.
 *
 * @throws LeaseholdError when they cannot be listed
 */
export async function listAllLeases(requests: Requests, namespace: string): Promise<LeaseList> {
  const scope = { namespace };
  const outcome = await collectLeases(requests, scope, (lease) => lease);
  if (outcome.kind === 'done') return outcome.body;
  throw listError(outcome, scope, ['list']);
}

/**
 * Lists Leases page by page and keeps of each what `keep` returns, so that not all of them are in
 * memory at a time. Sends one GET for 500 Leases each.
 */
export async function collectLeases<Kept>(
  requests: Requests,
  { namespace, selector }: ListScope,
  keep: (lease: Lease) => Kept,
  signal?: AbortSignal,
): Promise<Outcome<LeaseList<Kept>>> {
  const collection = { path: collectionPath(namespace), selector };
  const outcome = await collect(requests, collection, (item) => keep(asLease(item)), signal);
  if (outcome.kind !== 'done') return outcome;
  const { items, ...body } = outcome.body;
  return { ...outcome, body: { ...body, leases: items } };
}

/** @param verbs - that are needed, for the rule that the message names */
export function listError(
  outcome: Exclude<Outcome<unknown>, { kind: 'done' }>,
  { namespace, selector }: ListScope,
  verbs: readonly ('list' | 'watch')[],
): LeaseholdError {
  const where = namespace === undefined ? 'all namespaces' : `namespace ${namespace}`;
  const action = `${verbs.join(' and ')} Leases in ${where}`;
  if (outcome.kind !== 'refused') return errorOf(outcome, action);
  if (outcome.status === 403) {
    const kind = namespace === undefined ? 'ClusterRole' : 'Role';
    const rule = `{ apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: [${verbs.map((verb) => `"${verb}"`).join(', ')}] }`;
    return new LeaseholdError(
      'FORBIDDEN',
      `cannot ${action}: not permitted (${outcome.message}); add to a ${kind}: ${rule}`,
    );
  }
  if (outcome.status === 400 && selector !== undefined) {
    return new LeaseholdError(
      'INVALID_ARGUMENT',
      `the API server does not understand the selector ${JSON.stringify(selector)} (${outcome.message})`,
    );
  }
  return errorOf(outcome, action);
}
