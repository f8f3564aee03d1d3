import { LeaseholdError } from '../core/errors.ts';
import { guardRefuses, guardSaysWait } from '../core/principal.ts';
import type { Outcome, Refused } from './outcome.ts';

/**
 * The error for an outcome that the caller cannot do anything about.
 *
 * @param action - what was tried, such as `create Lease invoices in namespace default`
 */
export function errorOf(
  outcome: Exclude<Outcome<unknown>, { kind: 'done' }>,
  action: string,
): LeaseholdError {
  if (outcome.kind === 'refused') return refusal(outcome, action);
  const cause = outcome.error;
  return new LeaseholdError(
    'API_UNREACHABLE',
    `cannot ${action}: the API server did not answer (${cause instanceof Error ? cause.message : String(cause)}); check its address and the network`,
    { cause },
  );
}

function refusal(refused: Refused, action: string): LeaseholdError {
  const answer = `${String(refused.status)}${refused.reason === '' ? '' : ` ${refused.reason}`}: ${refused.message}`;
  if (refused.status === 401) {
    return new LeaseholdError(
      'UNAUTHORIZED',
      `cannot ${action}: the API server does not accept the credentials (${answer}); check the token or certificate, and that the Pod still exists`,
    );
  }
  if (refused.causes.some((cause) => cause.reason === 'NamespaceTerminating')) {
    return new LeaseholdError(
      'NAMESPACE_TERMINATING',
      `cannot ${action}: the namespace is being deleted (${answer})`,
    );
  }
  if (guardSaysWait(refused.message)) {
    return new LeaseholdError(
      'FORBIDDEN',
      `cannot ${action}: the guard of the namespace refuses for now (${answer}); wait for what the message names, or act at once with the verb steal (docs/security.md)`,
    );
  }
  if (guardRefuses(refused.message)) {
    return new LeaseholdError(
      'FORBIDDEN',
      `cannot ${action}: the guard of the namespace refuses (${answer}); the message says which rule, docs/security.md what it asks for`,
    );
  }
  if (refused.status === 403) {
    return new LeaseholdError(
      'FORBIDDEN',
      `cannot ${action}: not permitted (${answer}); bind a Role with apiGroups ["coordination.k8s.io"], resources ["leases"], verbs ["get", "watch", "create", "update", "patch", "delete"]`,
    );
  }
  if (refused.status === 404 && /namespaces? /.test(refused.message)) {
    return new LeaseholdError(
      'NAMESPACE_NOT_FOUND',
      `cannot ${action}: the namespace does not exist (${answer}); create it or name another`,
    );
  }
  return new LeaseholdError('API_ERROR', `cannot ${action}: the API server refused (${answer})`);
}

/** The guard counts whole seconds: asked sooner, it says the same. */
const GUARD_WAIT_MS = 1_000;

/** How long to leave the server alone before trying again: milliseconds. */
export function waitAsked(outcome: Exclude<Outcome<unknown>, { kind: 'done' }>): number {
  const asked = outcome.retryAfter ?? 0;
  const isGuard = outcome.kind === 'refused' && guardSaysWait(outcome.message);
  return isGuard ? Math.max(GUARD_WAIT_MS, asked) : asked;
}

/** Whether trying again may help: busy server, credentials being replaced, or the guard says later. */
export function isTemporary(outcome: Exclude<Outcome<unknown>, { kind: 'done' }>): boolean {
  if (outcome.kind === 'unknown' || outcome.status === 429 || outcome.status === 401) return true;
  return outcome.status === 403 && guardSaysWait(outcome.message);
}
