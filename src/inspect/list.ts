import type { Clock } from '../core/clock.ts';
import { LeaseholdError } from '../core/errors.ts';
import { LEASE_API_VERSION, ROLE_LABEL } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import type { Outcome } from '../kube/outcome.ts';
import { errorOf } from '../kube/status-error.ts';
import type { Transport } from '../kube/transport.ts';
import { factsOf } from './facts.ts';
import type { Facts } from './facts.ts';
import { Snapshot } from './snapshot.ts';

export interface ListScope {
  /** All namespaces if undefined. */
  readonly namespace: string | undefined;
  /** A label selector; all Leases if undefined. */
  readonly selector?: string | undefined;
}

export interface Listed {
  readonly facts: readonly Facts[];
  /** The server's clock when it answered first: milliseconds since the epoch. */
  readonly at: number;
  /** From where a watch goes on. */
  readonly resourceVersion: string;
}

interface LeaseList {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly Lease[];
}

/** As kubectl asks for: so much is in memory at a time, and an answer takes milliseconds. */
const PAGE_SIZE = 500;
const PAGE_DEADLINE_MS = 30_000;
/** A list that the server compacts away while it is read starts over, so many times. */
const MOST_RESTARTS = 3;

/**
 * Lists Leases with what their sessions say of them: with a selector the chosen ones, and all of
 * leasehold's beside them.
 */
export async function listSnapshot(
  transport: Transport,
  clock: Clock,
  scope: ListScope,
): Promise<{ snapshot: Snapshot; chosen: readonly Facts[] }> {
  const chosen = await listLeases(transport, clock, scope);
  if (scope.selector === undefined) {
    return { snapshot: new Snapshot(chosen.facts, chosen.at), chosen: chosen.facts };
  }
  const all = await listLeases(transport, clock, { ...scope, selector: ROLE_LABEL });
  return { snapshot: new Snapshot(all.facts, all.at), chosen: chosen.facts };
}

/**
 * Lists Leases, and keeps what is shown of each. Sends one GET for 500 Leases each.
 *
 * @throws LeaseholdError `FORBIDDEN` with the rule to add; `API_UNREACHABLE`, `UNAUTHORIZED`,
 * `API_ERROR`
 */
export async function listLeases(
  transport: Transport,
  clock: Clock,
  scope: ListScope,
  signal?: AbortSignal,
): Promise<Listed> {
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await listOnce(transport, clock, scope, signal);
    if (outcome.kind === 'done') return outcome.body;
    const isExpired = outcome.kind === 'refused' && outcome.status === 410;
    if (!isExpired || attempt > MOST_RESTARTS) throw listError(outcome, scope, ['list']);
  }
}

/** The same without trying again, and as an outcome. */
export async function listOnce(
  transport: Transport,
  clock: Clock,
  { namespace, selector }: ListScope,
  signal?: AbortSignal,
): Promise<Outcome<Listed>> {
  const facts: Facts[] = [];
  let from: string | undefined;
  let at: number | undefined;
  for (;;) {
    const outcome = await transport.request<LeaseList>({
      method: 'GET',
      path: collectionPath(namespace),
      query: {
        limit: String(PAGE_SIZE),
        ...(selector === undefined ? {} : { labelSelector: selector }),
        ...(from === undefined ? {} : { continue: from }),
      },
      deadline: PAGE_DEADLINE_MS,
      signal,
    });
    if (outcome.kind !== 'done') return outcome;
    at ??= outcome.serverTime ?? clock.wall();
    for (const lease of outcome.body.items ?? []) facts.push(factsOf(lease));
    const { resourceVersion = '', continue: next } = outcome.body.metadata ?? {};
    if (!next) return { kind: 'done', body: { facts, at, resourceVersion }, serverTime: at };
    from = next;
  }
}

export function collectionPath(namespace: string | undefined): string {
  const within = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `/apis/${LEASE_API_VERSION}${within}/leases`;
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
