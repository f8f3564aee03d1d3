import { randomUUID } from 'node:crypto';
import type { ApiClient } from './client.ts';

export type Subject =
  | { readonly kind: 'User' | 'Group'; readonly name: string }
  | { readonly kind: 'ServiceAccount'; readonly name: string; readonly namespace: string };

export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const rbacGroup = 'rbac.authorization.k8s.io';
const pollMilliseconds = 10;
const timeoutMilliseconds = 10_000;

/**
 * Allows `subject` what `rules` say, in one namespace, or in the whole cluster when that is
 * undefined. Resolves when the authorizer has seen it.
 */
export async function grant(
  client: ApiClient,
  namespace: string | undefined,
  subject: Subject,
  rules: readonly PolicyRule[],
): Promise<void> {
  const prefix = namespace === undefined ? 'Cluster' : '';
  const base = `/apis/${rbacGroup}/v1${namespace === undefined ? '' : `/namespaces/${namespace}`}`;
  const name = `test-${randomUUID().slice(0, 8)}`;
  await client.expect('POST', `${base}/${prefix.toLowerCase()}roles`, {
    metadata: { name },
    rules,
  });
  await client.expect('POST', `${base}/${prefix.toLowerCase()}rolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: rbacGroup, kind: `${prefix}Role`, name },
    subjects: [subject.kind === 'ServiceAccount' ? subject : { apiGroup: rbacGroup, ...subject }],
  });
  // The authorizer reads from a cache that a watch keeps up to date: a few milliseconds behind.
  const deadline = performance.now() + timeoutMilliseconds;
  for (const rule of rules) {
    while (!(await isAllowed(client, namespace, subject, rule))) {
      if (performance.now() > deadline) {
        throw new Error(`the role ${name} has not become effective`);
      }
      await new Promise((resolve) => setTimeout(resolve, pollMilliseconds));
    }
  }
}

async function isAllowed(
  client: ApiClient,
  namespace: string | undefined,
  subject: Subject,
  rule: PolicyRule,
): Promise<boolean> {
  const [resource, subresource] = rule.resources[0]?.split('/') ?? [];
  const review = await client.expect<{ status: { allowed: boolean } }>(
    'POST',
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    {
      spec: {
        ...(subject.kind === 'Group'
          ? { user: 'test', groups: [subject.name] }
          : { user: userName(subject) }),
        resourceAttributes: {
          namespace,
          group: rule.apiGroups[0],
          resource,
          subresource,
          verb: rule.verbs[0],
          name: rule.resourceNames?.[0],
        },
      },
    },
  );
  return review.status.allowed;
}

function userName(subject: Subject): string {
  return subject.kind === 'ServiceAccount'
    ? `system:serviceaccount:${subject.namespace}:${subject.name}`
    : subject.name;
}
