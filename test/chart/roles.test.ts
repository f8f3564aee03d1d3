import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/kube/outcome.ts';
import type { KubeRequest, Requests } from '../../src/kube/transport.ts';
import { checkOperatorPermissions } from '../../src/operator/permissions.ts';
import type { PolicyRule } from '../cluster/rbac.ts';
import { useTools } from './fixture.ts';
import { render } from './helm.ts';
import { find } from './manifests.ts';

/** What it does without, if it has to: its proof is not believed by a guard, and Events are not counted. */
const OPTIONAL = ['coordination.k8s.io leases settle', ' events patch'];

useTools();

describe('the roles of the operator', () => {
  test('are what it asks for at the start, and what it does without if it has to', async () => {
    const manifests = await render();
    const asked = await permissionsAsked(undefined);
    const { rules } = find(manifests, 'ClusterRole', 'leasehold-operator');
    expect(sorted(permissionsOf(rules))).toEqual(
      sorted([...asked.filter(([where]) => where === '').map(([, what]) => what), ...OPTIONAL]),
    );
    const own = find(manifests, 'Role', 'leasehold-operator-election');
    expect(own.metadata.namespace).toBe('leasehold');
    expect(sorted(permissionsOf(own.rules))).toEqual(
      sorted(asked.filter(([where]) => where === 'leasehold').map(([, what]) => what)),
    );
  });

  test('are more where it labels the Pods of leaders', async () => {
    const manifests = await render('--set', 'operator.leaderLabel=true');
    const asked = await permissionsAsked(undefined, true);
    const { rules } = find(manifests, 'ClusterRole', 'leasehold-operator');
    expect(sorted(permissionsOf(rules))).toEqual(
      sorted([...asked.filter(([where]) => where === '').map(([, what]) => what), ...OPTIONAL]),
    );
  });

  test('are in its namespaces only, where it has some', async () => {
    const manifests = await render('--set', 'operator.namespaces={billing,shop}');
    const roles = manifests.filter(
      ({ kind, metadata }) => kind === 'Role' && metadata.name === 'leasehold-operator',
    );
    expect(roles.map(({ metadata }) => metadata.namespace)).toEqual(['billing', 'shop']);
    const asked = await permissionsAsked(['billing', 'shop']);
    for (const role of roles) {
      const here = asked.filter(([where]) => where === role.metadata.namespace);
      const { rules } = role;
      expect(sorted(permissionsOf(rules))).toEqual(
        sorted([...here.map(([, what]) => what), ...OPTIONAL]),
      );
    }
    const bindings = manifests.filter(({ kind }) => kind === 'ClusterRoleBinding');
    expect(bindings).toEqual([]);
  });
});

/** What the operator has the API server review when it starts: the namespace ('' for all), and what. */
async function permissionsAsked(
  namespaces: readonly string[] | undefined,
  leaderLabel = false,
): Promise<(readonly [string, string])[]> {
  const asked: (readonly [string, string])[] = [];
  const requests: Requests = {
    request<T>({ body }: KubeRequest): Promise<Outcome<T>> {
      const { spec } = body as {
        spec: { resourceAttributes: Readonly<Record<string, string | undefined>> };
      };
      const { namespace = '', group = '', resource = '', verb = '' } = spec.resourceAttributes;
      asked.push([namespace, `${group} ${resource} ${verb}`]);
      const answer = { kind: 'done', body: { status: { allowed: true } }, serverTime: undefined };
      return Promise.resolve(answer as Outcome<T>);
    },
    openWatch: () => Promise.reject(new Error('a review is no watch')),
    close: () => undefined,
  };
  await checkOperatorPermissions(requests, namespaces, 'leasehold', { leaderLabel });
  return asked;
}

function permissionsOf(rules: readonly PolicyRule[] = []): string[] {
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${group} ${resource} ${verb}`)),
    ),
  );
}

function sorted(texts: readonly string[]): string[] {
  return [...texts].sort();
}
