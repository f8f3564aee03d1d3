import { LeaseholdError } from '../core/errors.ts';
import { errorOf } from '../kube/status-error.ts';
import type { Requests } from '../kube/transport.ts';

interface Rule {
  readonly apiGroup: string;
  readonly resource: string;
  readonly verbs: readonly string[];
}

/** What the operator does in the namespaces that it looks after. */
const RULES: readonly Rule[] = [
  { apiGroup: '', resource: 'pods', verbs: ['list', 'watch'] },
  // And patch, without which the same is told in new Events: no reason not to begin.
  { apiGroup: '', resource: 'events', verbs: ['create'] },
  // Whether it is opted in; a Role of the namespace itself is enough.
  { apiGroup: '', resource: 'namespaces', verbs: ['get'] },
  {
    apiGroup: 'coordination.k8s.io',
    resource: 'leases',
    verbs: ['get', 'list', 'watch', 'update', 'delete'],
  },
];

/** What it does there to label the Pods of leaders. */
const LABEL_RULES: readonly Rule[] = [
  { apiGroup: '', resource: 'pods', verbs: ['patch'] },
  { apiGroup: '', resource: 'services', verbs: ['list'] },
  { apiGroup: 'discovery.k8s.io', resource: 'endpointslices', verbs: ['list'] },
];

/** What it does in its own, for its election. */
const OWN_RULES: readonly Rule[] = [
  {
    apiGroup: 'coordination.k8s.io',
    resource: 'leases',
    verbs: ['get', 'watch', 'create', 'update', 'patch'],
  },
];

interface AccessReview {
  readonly status?: { readonly allowed?: boolean };
}

/**
 * Finds out at the start whether all that the operator needs is permitted. Sends one
 * SelfSubjectAccessReview for each verb, resource and namespace.
 *
 * @param namespaces - that it looks after; all if undefined
 * @param own - where its election is
 * @param work - whether it labels Pods of leaders
 * @throws LeaseholdError `FORBIDDEN` with the rules to add; `API_UNREACHABLE`, `UNAUTHORIZED`
 */
export async function checkOperatorPermissions(
  requests: Requests,
  namespaces: readonly string[] | undefined,
  own: string,
  work: { readonly leaderLabel?: boolean } = {},
): Promise<void> {
  const missing = [...(await missingIn(requests, own, OWN_RULES))];
  const rules = work.leaderLabel ? [...RULES, ...LABEL_RULES] : RULES;
  for (const namespace of namespaces ?? [undefined]) {
    missing.push(...(await missingIn(requests, namespace, rules)));
  }
  if (missing.length === 0) return;
  throw new LeaseholdError('FORBIDDEN', `the operator is not permitted to ${missing.join('; ')}`);
}

async function missingIn(
  requests: Requests,
  namespace: string | undefined,
  rules: readonly Rule[],
): Promise<string[]> {
  const missing: string[] = [];
  for (const rule of rules) {
    const { apiGroup, resource, verbs } = rule;
    const refused: string[] = [];
    for (const verb of verbs) {
      if (!(await isAllowed(requests, { namespace, verb, group: apiGroup, resource }))) {
        refused.push(verb);
      }
    }
    if (refused.length === 0) continue;
    const where = namespace === undefined ? 'all namespaces' : `namespace ${namespace}`;
    const kind = namespace === undefined ? 'a ClusterRole' : 'a Role there';
    const list = verbs.map((verb) => `"${verb}"`).join(', ');
    missing.push(
      `${refused.join(', ')} ${resource} in ${where}: add to ${kind} { apiGroups: ["${apiGroup}"], resources: ["${resource}"], verbs: [${list}] }`,
    );
  }
  return missing;
}

async function isAllowed(
  requests: Requests,
  resourceAttributes: Readonly<Record<string, string | undefined>>,
): Promise<boolean> {
  const review = await requests.request<AccessReview>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    },
  });
  if (review.kind === 'done') return review.body.status?.allowed !== false;
  // What cannot be asked is found out by use.
  if (review.kind === 'refused' && review.status === 403) return true;
  throw errorOf(review, 'reach the API server to review permissions');
}
