import { LeaseholdError } from '../core/errors.ts';
import { LEASE_API_VERSION } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import type { Outcome } from './outcome.ts';
import { errorOf } from './status-error.ts';
import type { Transport } from './transport.ts';

/** All Leases of a namespace, as of one moment. */
export interface LeaseList {
  readonly leases: readonly Lease[];
  /** The server's clock when it answered first: milliseconds since the epoch. */
  readonly serverTime: number | undefined;
}

interface Page {
  readonly metadata?: { readonly continue?: string };
  readonly items?: readonly Lease[];
}

const PAGE_SIZE = 500;
const PAGE_DEADLINE_MS = 30_000;
/** A list that the server compacts away while it is read starts over, so many times. */
const MOST_RESTARTS = 3;

/**
 * Sends one GET for 500 Leases each.
 *
 * @throws LeaseholdError when they cannot be listed
 */
export async function listAllLeases(transport: Transport, namespace: string): Promise<LeaseList> {
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await listOnce(transport, namespace);
    if (outcome.kind === 'done') return outcome.body;
    const isExpired = outcome.kind === 'refused' && outcome.status === 410;
    if (!isExpired || attempt > MOST_RESTARTS) throw errorOfList(outcome, namespace);
  }
}

async function listOnce(transport: Transport, namespace: string): Promise<Outcome<LeaseList>> {
  const leases: Lease[] = [];
  let serverTime: number | undefined;
  let from: string | undefined;
  for (;;) {
    const outcome = await transport.request<Page>({
      method: 'GET',
      path: `/apis/${LEASE_API_VERSION}/namespaces/${namespace}/leases`,
      query: { limit: String(PAGE_SIZE), ...(from === undefined ? {} : { continue: from }) },
      deadline: PAGE_DEADLINE_MS,
    });
    if (outcome.kind !== 'done') return outcome;
    serverTime ??= outcome.serverTime;
    leases.push(...(outcome.body.items ?? []));
    from = outcome.body.metadata?.continue;
    if (!from) return { kind: 'done', body: { leases, serverTime }, serverTime };
  }
}

function errorOfList(
  outcome: Exclude<Outcome<unknown>, { kind: 'done' }>,
  namespace: string,
): LeaseholdError {
  const action = `list Leases in namespace ${namespace}`;
  if (outcome.kind !== 'refused' || outcome.status !== 403) return errorOf(outcome, action);
  return new LeaseholdError(
    'FORBIDDEN',
    `cannot ${action}: not permitted (${outcome.message}); add to a Role: { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["list"] }`,
  );
}
