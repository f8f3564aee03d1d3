import { randomUUID } from 'node:crypto';
import { ApiRequestError } from './client.ts';
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
 * namespace controller is done by hand: empty the namespace, then take the finalizer away. The
 * embedded API server does it by itself.
 */
export async function deleteNamespace(client: ApiClient, name: string): Promise<void> {
  const path = `/api/v1/namespaces/${name}`;
  await client.expect('DELETE', path);
  for (const collection of contents) {
    // No kubelet either: a Pod without a grace period goes at once.
    const query = '?gracePeriodSeconds=0';
    const target = collection.replace('{namespace}', name) + query;
    const { status, body } = await client.request('DELETE', target);
    if (status !== 200 && status !== 404) throw new ApiRequestError(target, status, body);
  }
  const namespace = await client.request<object>('GET', path);
  if (namespace.status === 404) return;
  await client.expect('PUT', `${path}/finalize`, { ...namespace.body, spec: { finalizers: [] } });
}
