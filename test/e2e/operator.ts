import type { Line } from './story.ts';
import { eventually, type World } from './world.ts';

/** What the operator has to be permitted in a namespace that it looks after, and has its election in. */
const operatorRules = [
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create'] },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
  },
];

/**
 * Installs the operator with two replicas in the namespace, for this namespace alone. Resolves when both
 * are ready and one leads.
 */
export async function installOperator(world: World): Promise<void> {
  const labels = { app: 'operator' };
  await world.createAccount('operator', operatorRules);
  await world.create('/apis/apps/v1', 'deployments', {
    metadata: { name: 'operator' },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: 'operator',
          enableServiceLinks: false,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              name: 'operator',
              image: world.surroundings.image,
              imagePullPolicy: 'IfNotPresent',
              args: ['operator', '--namespace', world.namespace, '--verbose'],
              env: [{ name: 'NODE_OPTIONS', value: '--max-semi-space-size=4' }],
              ports: [{ name: 'metrics', containerPort: 8080 }],
              readinessProbe: { httpGet: { path: '/readyz', port: 'metrics' }, periodSeconds: 1 },
              livenessProbe: { httpGet: { path: '/healthz', port: 'metrics' } },
              resources: { requests: { cpu: '10m', memory: '128Mi' } },
              securityContext: {
                allowPrivilegeEscalation: false,
                capabilities: { drop: ['ALL'] },
                readOnlyRootFilesystem: true,
              },
            },
          ],
        },
      },
    },
  });
  await eventually('two operators that are ready', async () => {
    const path = `${world.path('/apis/apps/v1', 'deployments')}/operator`;
    const { status } = await world.client.expect<{ status: { readyReplicas?: number } }>(
      'GET',
      path,
    );
    return status.readyReplicas === 2 ? status : undefined;
  });
  await leadingOperator(world);
}

/** The name of the Pod. */
export async function leadingOperator(world: World): Promise<string> {
  const identity = await eventually('a leading operator', async () => {
    const holder = (await world.lease('leasehold-operator'))?.spec?.holderIdentity ?? '';
    return holder === '' ? undefined : holder;
  });
  const leader = (await world.pods('operator')).find((name) => identity.startsWith(name));
  if (leader === undefined) throw new Error(`no Pod is ${identity}`);
  return leader;
}

/** Waits until operators have logged that they have revoked so many sessions; returns all such lines. */
export async function revocations(world: World, count: number): Promise<Line[]> {
  return world.story.until(
    'a revocation',
    ({ pod, text }) => pod.startsWith('operator-') && text.includes('"revoked"'),
    count,
  );
}
