import { randomUUID } from 'node:crypto';
import type { ApiClient } from './client.ts';

/** Creates a namespace, of a fresh name unless told, and returns its name. */
export async function createNamespace(
  client: ApiClient,
  name = `test-${randomUUID().slice(0, 8)}`,
): Promise<string> {
  await client.expect('POST', '/api/v1/namespaces', { metadata: { name } });
  return name;
}

// What tests create. The namespace controller would ask discovery; this list is shorter and faster.
const contents = [
  '/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases',
  '/api/v1/namespaces/{namespace}/pods',
  '/api/v1/namespaces/{namespace}/configmaps',
  '/api/v1/namespaces/{namespace}/serviceaccounts',
  '/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings',
  '/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles',
];

/**
 * Deletes a namespace with what is in it. No controller manager runs here, so the work of its
 * namespace controller is done by hand: empty the namespace, then take the finalizer away.
 */
export async function deleteNamespace(client: ApiClient, name: string): Promise<void> {
  const path = `/api/v1/namespaces/${name}`;
  await client.expect('DELETE', path);
  for (const collection of contents) {
    // No kubelet either: a Pod without a grace period goes at once.
    const query = '?gracePeriodSeconds=0';
    await client.expect('DELETE', collection.replace('{namespace}', name) + query);
  }
  const namespace = await client.expect<object>('GET', path);
  await client.expect('PUT', `${path}/finalize`, { ...namespace, spec: { finalizers: [] } });
}
