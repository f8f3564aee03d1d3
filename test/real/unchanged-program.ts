import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { eventually } from '../cli/program.ts';
import type { ApiClient } from '../cluster/client.ts';
import { startElector } from '../cluster/elector.ts';
import { createPod } from '../cluster/pods.ts';
import { reportEnd } from './kubelet.ts';
import { startSyncedOperator } from './synced-operator.ts';
import { leasePath } from './world.ts';

/** Nobody leads in these tests because a Lease has lapsed. */
const FOREVER_MS = 600_000;

/**
 * Two Pods with a program that uses client-go and knows nothing of leasehold: one is killed while it
 * leads, and the other one leads when the kubelet has reported that.
 *
 * @param kubeconfigPath - of the operator and of the program
 */
export async function releaseForUnchangedProgram(server: {
  client: ApiClient;
  kubeconfigPath: string;
  namespace: string;
}): Promise<void> {
  const { client, kubeconfigPath, namespace } = server;
  const lease = async (): Promise<Lease> =>
    client.expect('GET', leasePath(namespace, 'controller'));
  const { program: operator } = await startSyncedOperator(namespace, {
    KUBECONFIG: kubeconfigPath,
  });
  const candidate = async (pod: string): ReturnType<typeof startElector> => {
    await createPod(client, namespace, pod, 'controller');
    return startElector({
      kubeconfigPath,
      namespace,
      name: 'controller',
      // As controller-runtime does it: the hostname and a UUID.
      identity: `${pod}_${randomUUID()}`,
      leaseDurationMilliseconds: FOREVER_MS,
      renewDeadlineMilliseconds: FOREVER_MS / 2,
      retryPeriodMilliseconds: 200,
    });
  };
  const first = await candidate('controller-0');
  try {
    await first.waitFor('started-leading');
    await client.expect(
      'PATCH',
      `/api/v1/namespaces/${namespace}`,
      { metadata: { labels: { 'leasehold.dev/reclaim': 'enabled' } } },
      { contentType: 'application/merge-patch+json' },
    );
    const second = await candidate('controller-1');
    try {
      await second.waitFor('new-leader');
      await first.kill('SIGKILL');
      const { spec } = await lease();
      expect(spec?.holderIdentity).toMatch(/^controller-0_/);
      // What was renewed in the second of the end is unclear.
      const renewed = Date.parse(spec?.renewTime ?? '');
      await eventually('the next second', () => Date.now() >= renewed + 1_000);
      const containerID = await reportEnd(client, namespace, 'controller-0');
      await second.waitFor('started-leading');
      await operator.printed(new RegExp(`"event":"released".*"containerID":"${containerID}"`));
      await eventually('Events on the Lease and the Pod', async () => {
        const { items } = await client.expect<{
          items: { involvedObject: { name: string }; reason: string }[];
        }>('GET', `/api/v1/namespaces/${namespace}/events`);
        const about = items
          .filter(({ reason }) => reason === 'LeaderReleased')
          .map(({ involvedObject }) => involvedObject.name);
        return about.includes('controller') && about.includes('controller-0');
      });
      await eventually('the Lease of the second', async () => {
        return (await lease()).spec?.holderIdentity?.startsWith('controller-1_') ?? false;
      });
      expect((await lease()).spec).toMatchObject({ leaseTransitions: 1 });
    } finally {
      await second.kill();
    }
  } finally {
    await first.kill();
    operator.child.kill('SIGTERM');
    expect(await operator.finished).toMatchObject({ code: 0, errors: '' });
  }
}
