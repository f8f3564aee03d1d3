import { LeaseholdError } from '../core/errors.ts';
import type { Outcome } from '../kube/outcome.ts';
import { errorOf } from '../kube/status-error.ts';
import type { Transport } from '../kube/transport.ts';

const GROUP = 'coordination.k8s.io';
const RESOURCE = 'leases';
const NEEDED_VERBS = ['get', 'watch', 'create', 'update', 'patch', 'delete'] as const;

interface Rule {
  readonly verbs?: unknown;
  readonly apiGroups?: unknown;
  readonly resources?: unknown;
  readonly resourceNames?: unknown;
}

interface RulesReview {
  readonly status?: { readonly resourceRules?: unknown } | null;
}

interface AccessReview {
  readonly status?: { readonly allowed?: unknown } | null;
}

/**
 * Finds out before the first lock whether everything that locks need is permitted. One
 * SelfSubjectRulesReview, and one SelfSubjectAccessReview for each verb that it does not list, as
 * some authorizers cannot list.
 *
 * @throws LeaseholdError `FORBIDDEN` with the rule to add; `API_UNREACHABLE`, `UNAUTHORIZED`
 */
export async function checkPermissions(transport: Transport, namespace: string): Promise<void> {
  const review = await post<RulesReview>(transport, 'selfsubjectrulesreviews', {
    kind: 'SelfSubjectRulesReview',
    spec: { namespace },
  });
  if (review.kind !== 'done') {
    if (review.kind === 'refused' && review.status === 403) return;
    throw errorOf(review, `reach the API server to review permissions`);
  }
  // What is no list of rules lists nothing.
  const rules = listOf(review.body.status?.resourceRules);
  const listed = (verb: string): boolean => rules.some((rule) => allows(rule as Rule | null, verb));
  const unlisted = NEEDED_VERBS.filter((verb) => !listed(verb));
  const allowed = await Promise.all(
    unlisted.map(async (verb) => {
      const access = await post<AccessReview>(transport, 'selfsubjectaccessreviews', {
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { namespace, verb, group: GROUP, resource: RESOURCE } },
      });
      // What cannot be asked is found out by use.
      return access.kind !== 'done' || access.body.status?.allowed !== false;
    }),
  );
  const missing = unlisted.filter((_, index) => !allowed[index]);
  if (missing.length === 0) return;
  throw new LeaseholdError(
    'FORBIDDEN',
    `not permitted to ${missing.join(', ')} Leases in namespace ${namespace}; add to a Role there: { apiGroups: ["${GROUP}"], resources: ["${RESOURCE}"], verbs: [${NEEDED_VERBS.map((verb) => `"${verb}"`).join(', ')}] }`,
  );
}

function allows(rule: Rule | null, verb: string): boolean {
  const has = (list: unknown, value: string): boolean =>
    listOf(list).some((item) => item === '*' || item === value);
  return (
    has(rule?.verbs, verb) &&
    has(rule?.apiGroups, GROUP) &&
    has(rule?.resources, RESOURCE) &&
    listOf(rule?.resourceNames).length === 0
  );
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function post<T>(transport: Transport, resource: string, body: object): Promise<Outcome<T>> {
  return transport.request<T>({
    method: 'POST',
    path: `/apis/authorization.k8s.io/v1/${resource}`,
    body: { apiVersion: 'authorization.k8s.io/v1', ...body },
    lane: 'heartbeats',
  });
}
