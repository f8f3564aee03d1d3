import { afterAll, beforeAll, expect, test } from 'vitest';
import { client, until } from '../real/world.ts';
import { reportEnd } from '../real/kubelet.ts';
import { startSyncedOperator } from '../real/synced-operator.ts';
import { Guarded } from './guarded.ts';

let guarded: Guarded;

beforeAll(async () => {
  guarded = await Guarded.open();
});

afterAll(async () => {
  await guarded[Symbol.asyncDispose]();
});

test('the operator, who may settle, releases the Lease of a leader that has ended', async () => {
  const { cluster, namespace } = guarded;
  await cluster.client.expect(
    'PATCH',
    `/api/v1/namespaces/${namespace}`,
    { metadata: { labels: { 'leasehold.dev/reclaim': 'enabled' } } },
    { contentType: 'application/merge-patch+json' },
  );
  const [first, second] = await Promise.all([guarded.pod('first'), guarded.pod('second')]);
  const operator = await guarded.pod('operator', 'operator');
  await cluster.grant(namespace, { kind: 'ServiceAccount', name: 'operator', namespace }, [
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
    { apiGroups: [''], resources: ['events'], verbs: ['create'] },
    { apiGroups: [''], resources: ['namespaces'], verbs: ['get'] },
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['settle'] },
  ]);
  const { program } = await startSyncedOperator(namespace, { KUBECONFIG: operator.kubeconfig });
  const stand = async ({ name, kubeconfig }: typeof first): ReturnType<typeof client> =>
    client(cluster, namespace, { kubeconfig, identity: name });
  // Nobody leads here because a Lease has lapsed.
  const options = { leaseDuration: '600s', renewDeadline: '500s', leaderLabel: true } as const;
  const [a, b] = [await stand(first), await stand(second)];
  const term = await a.leasehold.election('controller', options).acquire();
  const next = b.leasehold.election('controller', options).acquire();
  await reportEnd(cluster.client, namespace, first.name);
  const leads = await next;
  expect(leads.fence).toBeGreaterThan(term.fence);
  const lease = await until(
    () => guarded.read('controller'),
    (read) => read?.spec?.holderIdentity?.startsWith('second_') ?? false,
  );
  expect(lease?.metadata).toMatchObject({
    labels: { 'leasehold.dev/leader-label': 'enabled' },
    annotations: { 'leasehold.dev/holder-principal': second.principal },
  });
  await program.printed(/"event":"released".*"holder":"first_/);
  program.child.kill('SIGTERM');
  expect(await program.finished).toMatchObject({ code: 0, errors: '' });
  await Promise.all([a.leasehold.close(), b.leasehold.close()]);
});
