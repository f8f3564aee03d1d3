import { randomUUID } from 'node:crypto';
import type { ApiClient } from '../cluster/client.ts';

/** As the kubelet does it: the container began an hour ago, and ended a second from now. */
export async function reportEnd(
  client: ApiClient,
  namespace: string,
  pod: string,
): Promise<string> {
  const containerID = `containerd://${randomUUID()}`;
  const second = (wall: number): string => new Date(wall).toISOString().replace(/\.\d+Z$/, 'Z');
  const terminated = {
    containerID,
    exitCode: 137,
    reason: 'Error',
    startedAt: second(Date.now() - 3_600_000),
    finishedAt: second(Date.now() + 1_000),
  };
  const status = { name: 'main', image: 'x', imageID: '', ready: false, restartCount: 0 };
  await client.expect(
    'PATCH',
    `/api/v1/namespaces/${namespace}/pods/${pod}/status`,
    { status: { containerStatuses: [{ ...status, state: { terminated } }] } },
    { contentType: 'application/merge-patch+json' },
  );
  return containerID;
}
