import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useFixture } from '../cli/fixture.ts';
import { Program, eventually } from '../cli/program.ts';
import { isEmbedded } from '../cluster/shared.ts';
import { client } from './world.ts';
import type { Client } from './world.ts';

const fixture = useFixture();
const LEADER = 'leasehold.dev/leader';
const NEEDED = [
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch', 'patch'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create'] },
  { apiGroups: [''], resources: ['namespaces'], verbs: ['get'] },
  { apiGroups: [''], resources: ['services'], verbs: ['list'] },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list'] },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
  },
];

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'leasehold-leader-label-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

/** An operator with the rights of these rules and no more; on the embedded server all have all. */
async function startOperator(name: string, rules: typeof NEEDED): Promise<Program> {
  const { cluster, namespace } = fixture();
  await cluster.createPod(namespace, name, name);
  await cluster.grant(namespace, { kind: 'ServiceAccount', name, namespace }, rules);
  const kubeconfig = join(directory, name);
  const token = await cluster.podToken(namespace, name, name);
  await writeFile(kubeconfig, cluster.kubeconfig({ token }), { mode: 0o600 });
  const words = ['-n', namespace, '--election-namespace', namespace, '--port', '0'];
  return Program.start(['operator', '--leader-label', ...words], { KUBECONFIG: kubeconfig });
}

async function candidate(pod: string): Promise<Client & { uid: string }> {
  const { cluster, namespace } = fixture();
  const { uid } = await cluster.createPod(namespace, pod, 'default');
  return { uid, ...(await client(cluster, namespace, { identity: pod })) };
}

async function labelled(): Promise<string[]> {
  const { cluster, namespace } = fixture();
  const { items } = await cluster.client.expect<{ items: { metadata: { name: string } }[] }>(
    'GET',
    `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(`${LEADER}=web`)}`,
  );
  return items.map(({ metadata }) => metadata.name).sort();
}

/** As the controller of EndpointSlices does it, which does not run here. */
async function writeEndpoints(method: 'POST' | 'PUT', uids: readonly string[]): Promise<void> {
  const { cluster, namespace } = fixture();
  const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
  await cluster.client.expect(method, method === 'POST' ? path : `${path}/leader-1`, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'leader-1', labels: { 'kubernetes.io/service-name': 'leader' } },
    addressType: 'IPv4',
    endpoints: uids.map((uid, at) => ({
      addresses: [`10.0.0.${String(at + 1)}`],
      conditions: { ready: true },
      targetRef: { kind: 'Pod', uid },
    })),
    ports: [],
  });
}

describe('leasehold operator --leader-label', () => {
  test('labels the Pod of the leader, and the one that was until its Service has moved', async () => {
    const { cluster, namespace } = fixture();
    const [first, second] = [await candidate('web-0'), await candidate('web-1')];
    // The embedded server keeps no EndpointSlices.
    if (!isEmbedded) {
      await cluster.client.expect('POST', `/api/v1/namespaces/${namespace}/services`, {
        metadata: { name: 'leader' },
        spec: { selector: { [LEADER]: 'web' }, ports: [{ port: 80 }] },
      });
      await writeEndpoints('POST', [first.uid]);
    }
    const operator = await startOperator('labeller', NEEDED);
    const options = { leaderLabel: true };
    await first.leasehold.election('web', options).acquire();
    await eventually('the label of the first', async () => (await labelled())[0] === 'web-0');
    const next = second.leasehold.election('web', options).acquire();
    await first.leasehold.election('web').resign();
    await next;
    await eventually('the label of the second', async () => (await labelled()).includes('web-1'));
    if (!isEmbedded) {
      expect(await labelled()).toEqual(['web-0', 'web-1']);
      await writeEndpoints('PUT', [first.uid, second.uid]);
    }
    await eventually('only the second', async () => (await labelled()).join() === 'web-1');
    await second.leasehold.close();
    await eventually('nobody', async () => (await labelled()).length === 0);
    await operator.printed(/"event":"leader-label","change":"removed".*"pod":"web-1"/);
    operator.child.kill('SIGTERM');
    expect(await operator.finished).toMatchObject({ code: 0, errors: '' });
    await first.leasehold.close();
  });

  test.skipIf(isEmbedded)('tells at the start what it may not do', async () => {
    const { namespace } = fixture();
    const rules = NEEDED.filter(({ resources }) => !resources.includes('endpointslices')).map(
      ({ verbs, ...rule }) => ({ ...rule, verbs: verbs.filter((verb) => verb !== 'patch') }),
    );
    const election = {
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      verbs: ['patch'],
    };
    const refused = await (await startOperator('weak', [...rules, election])).finished;
    expect(refused).toMatchObject({ code: 77, output: '' });
    expect(refused.errors).toContain(
      `patch pods in namespace ${namespace}: add to a Role there { apiGroups: [""], resources: ["pods"], verbs: ["patch"] }`,
    );
    expect(refused.errors).toContain(
      `list endpointslices in namespace ${namespace}: add to a Role there { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list"] }`,
    );
  });

  test('needs no more than a flag of leasehold elect', async () => {
    const words = ['elect', 'flagged', '--leader-label', '--', 'true'];
    expect(await fixture().start(...words).finished).toMatchObject({ code: 0 });
    expect((await fixture().lease('flagged'))?.metadata.labels).toEqual({
      'leasehold.dev/leader-label': 'enabled',
    });
  });

  test('refuses a pattern of holders that names no Pod', async () => {
    const words = ['operator', '--holder-pattern', '^(.+)$', '--port', '0'];
    const refused = await Program.start(words, fixture().environment).finished;
    expect(refused.code).toBe(64);
    expect(refused.errors).toContain('has no group named pod');
  });
});
