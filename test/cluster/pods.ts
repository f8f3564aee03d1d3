import { ApiRequestError, type ApiClient } from './client.ts';

const nodeName = 'test-node';

/**
 * Creates a Pod, and its ServiceAccount unless that is there. No kubelet exists: the Pod is assigned
 * to a node by name and stays Pending for ever.
 */
export async function createPod(
  client: ApiClient,
  namespace: string,
  name: string,
  serviceAccount: string,
): Promise<{ readonly uid: string }> {
  const created = await client.request('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, {
    metadata: { name: serviceAccount },
  });
  if (created.status !== 201 && created.status !== 409) {
    throw new ApiRequestError('create ServiceAccount', created.status, created.body);
  }
  const pod = await client.expect<{ metadata: { uid: string } }>(
    'POST',
    `/api/v1/namespaces/${namespace}/pods`,
    {
      metadata: { name },
      spec: {
        nodeName,
        serviceAccountName: serviceAccount,
        containers: [{ name: 'main', image: 'example.invalid/none' }],
      },
    },
  );
  return { uid: pod.metadata.uid };
}

/** A token of the ServiceAccount bound to the Pod, like the one the kubelet would mount into it. */
export async function podToken(
  client: ApiClient,
  namespace: string,
  serviceAccount: string,
  podName: string,
): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`;
  const answer = await client.expect<{ status: { token: string } }>('POST', path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {
      audiences: [],
      expirationSeconds: 3607,
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: podName },
    },
  });
  return answer.status.token;
}
