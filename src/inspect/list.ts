import type { Clock } from '../core/clock.ts';
import { ROLE_LABEL } from '../core/lease.ts';
import { listError, collectLeases } from '../kube/lease-list.ts';
import type { ListScope } from '../kube/lease-list.ts';
import type { Transport } from '../kube/transport.ts';
import { factsOf } from './facts.ts';
import type { Facts } from './facts.ts';
import { Snapshot } from './snapshot.ts';

export interface Listed {
  readonly facts: readonly Facts[];
  /** The server's clock when it answered first: milliseconds since the epoch. */
  readonly at: number;
  /** From where a watch goes on. */
  readonly resourceVersion: string;
}

/**
 * Lists Leases, and keeps what is shown of each. Sends one GET for 500 Leases each.
 *
 * @throws LeaseholdError `FORBIDDEN` with the rule to add; `INVALID_ARGUMENT` for a selector;
 * `API_UNREACHABLE`, `UNAUTHORIZED`, `API_ERROR`
 */
async function listLeases(transport: Transport, clock: Clock, scope: ListScope): Promise<Listed> {
  const outcome = await collectLeases(transport, scope, factsOf);
  if (outcome.kind !== 'done') throw listError(outcome, scope, ['list']);
  const { leases, serverTime, resourceVersion } = outcome.body;
  return { facts: leases, at: serverTime ?? clock.wall(), resourceVersion };
}

/**
 * Lists Leases with what their sessions say of them: with a selector the chosen ones, and all of
 * leasehold's beside them.
 *
 * @throws LeaseholdError as {@link listLeases} does
 */
export async function listSnapshot(
  transport: Transport,
  clock: Clock,
  scope: ListScope,
): Promise<{ snapshot: Snapshot; chosen: readonly Facts[] }> {
  const chosen = await listLeases(transport, clock, scope);
  const all =
    scope.selector === undefined
      ? chosen
      : await listLeases(transport, clock, { ...scope, selector: ROLE_LABEL });
  return { snapshot: new Snapshot(all.facts, all.at), chosen: chosen.facts };
}
