import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { sharedCluster } from '../cluster/shared.ts';
import type { ClusterAccess } from '../cluster/access.ts';
import { releaseForUnchangedProgram } from './unchanged-program.ts';

let cluster: ClusterAccess;
let namespace: string;
let directory: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  namespace = await cluster.createNamespace();
  directory = await mkdtemp(join(tmpdir(), 'leasehold-operator-terms-'));
});

afterAll(async () => {
  await cluster.deleteNamespace(namespace);
  cluster.close();
  await rm(directory, { recursive: true });
});

test('a program with client-go is followed when its container has ended, with no more than the documented rights', async () => {
  // Those of docs/operations.md, in a Role, and of one election.
  const operator = { kind: 'ServiceAccount', name: 'operator', namespace } as const;
  await cluster.createPod(namespace, 'operator', operator.name);
  await cluster.grant(namespace, operator, [
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
    { apiGroups: [''], resources: ['events'], verbs: ['create'] },
    { apiGroups: [''], resources: ['namespaces'], verbs: ['get'] },
    {
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
    },
  ]);
  const token = await cluster.podToken(namespace, operator.name, 'operator');
  const kubeconfigPath = join(directory, 'kubeconfig');
  await writeFile(kubeconfigPath, cluster.kubeconfig({ token }), { mode: 0o600 });
  const { client } = cluster;
  await releaseForUnchangedProgram({ client, kubeconfigPath, namespace });
});
