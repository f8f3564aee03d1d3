import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { Program, eventually } from '../cli/program.ts';
import { leasePath } from '../real/world.ts';
import { useTools } from './fixture.ts';
import { chart, render } from './helm.ts';
import { Site, leasehold } from './installed.ts';
import { EVERYTHING, find } from './manifests.ts';
import type { Manifest } from './manifests.ts';

const RELEASE = 'app.kubernetes.io/instance=leasehold';
/** Whoever gets a lock in these tests does not get it by the ttl. */
const TTL = '600s';

interface PodTemplate {
  readonly template: {
    readonly metadata: object;
    readonly spec: { readonly containers: readonly { readonly args: readonly string[] }[] };
  };
}

let site: Site;

useTools();

beforeAll(async () => {
  site = await Site.open();
  for (const namespace of ['leasehold', 'billing', 'shop', 'restricted']) {
    await site.cluster.createNamespace(namespace);
  }
  await label('restricted', { 'pod-security.kubernetes.io/enforce': 'restricted' });
  await label('billing', { 'leasehold.dev/guard': 'enforced' });
});

afterAll(async () => {
  await site[Symbol.asyncDispose]();
});

describe('the API server', () => {
  test.each([
    ['the defaults', []],
    ['everything', EVERYTHING],
  ])('takes %s, hooks included', async (_, options) => {
    for (const manifest of await render(...options)) {
      expect(await site.dryRun(manifest), `${manifest.kind} ${manifest.metadata.name}`).toBe('');
    }
  });

  test('finds a field that is not there', async () => {
    const [service] = (await render()).filter(({ kind }) => kind === 'Service');
    expect(service).toBeDefined();
    const wrong = { ...service, spec: { ...(service?.spec as object), port: 80 } } as Manifest;
    expect(await site.dryRun(wrong)).toContain('.spec.port');
  });

  test.each([
    ['Deployment', 'leasehold-operator'],
    ['Job', 'leasehold-test'],
  ])('takes the Pod of the %s under pod security "restricted"', async (kind, name) => {
    const { template } = templateOf(find(await render(), kind, name));
    const spec = { ...template.spec, serviceAccountName: 'default', priorityClassName: undefined };
    await site.cluster.request('POST', '/api/v1/namespaces/restricted/serviceaccounts', {
      metadata: { name: 'default' },
    });
    const { status, body } = await site.cluster.request<{ message?: string }>(
      'POST',
      '/api/v1/namespaces/restricted/pods?dryRun=All',
      { metadata: { ...template.metadata, name: 'pod' }, spec },
    );
    expect(body.message ?? '').toBe('');
    expect(status).toBe(201);
  });
});

describe('a release', () => {
  /** All that were started; whatever fails, none outlives the tests. */
  const programs: Program[] = [];
  let operator: Program;
  let url: string;

  afterAll(() => {
    for (const { child } of programs) child.kill('SIGKILL');
  });

  beforeAll(async () => {
    await site.helm('install', 'leasehold', chart, '-n', 'leasehold', ...EVERYTHING);
    await bind('viewer', 'shop', 'leasehold-viewer');
    await bind('repairer', 'shop', 'leasehold-repair');
    await bind('shopkeeper', 'shop', 'leasehold-application');
  });

  test('lets the operator do what it does', async () => {
    const installed = find(await render(...EVERYTHING), 'Deployment', 'leasehold-operator');
    const [container] = templateOf(installed).template.spec.containers;
    const args = container?.args.map((word) => (word.startsWith('--port=') ? '--port=0' : word));
    const kubeconfig = await site.podKubeconfig('leasehold', 'leasehold-operator', 'operator-0');
    operator = start(kubeconfig, ...(args ?? []), '--election-namespace=leasehold');
    const [, port = ''] = await operator.printed(/"event":"started","port":(\d+)/);
    url = `http://127.0.0.1:${port}`;
    await eventually('the lead', async () => (await metrics()).includes('operator_leader 1'));
    // Who leads has yet to see everything.
    await eventually('readiness', async () => (await fetch(`${url}/readyz`)).status === 200);
    // The one that Helm made.
    expect((await election()).metadata.labels).toMatchObject({
      'app.kubernetes.io/managed-by': 'Helm',
    });
  });

  test('lets applications use locks and elections, in a guarded namespace too', async () => {
    const worker = await site.podKubeconfig('billing', 'worker', 'worker-0');
    const lock = await leasehold(worker, 'exec', 'invoices', '-n', 'billing', '--', 'true');
    expect(lock).toMatchObject({ code: 0, errors: '' });
    const lead = await leasehold(worker, 'elect', 'primary', '-n', 'billing', '--', 'true');
    expect(lead).toMatchObject({ code: 0, errors: '' });
    const elsewhere = await leasehold(worker, 'exec', 'invoices', '-n', 'shop', '--', 'true');
    expect(elsewhere.code).toBe(77);
  });

  test('gives renewals a place of their own in the queues of the API server', async () => {
    const token = await site.cluster.podToken('billing', 'worker', 'worker-0');
    const classify = async (path: string): Promise<unknown> => {
      const { headers } = await site.cluster.request('GET', path, undefined, { token });
      return headers['x-kubernetes-pf-flowschema-uid'];
    };
    const { metadata } = await site.cluster.client.expect<Manifest & { metadata: { uid: string } }>(
      'GET',
      '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/leasehold',
    );
    // The server takes a new one into account a moment after it was created.
    await eventually('the FlowSchema', async () => {
      return (await classify(leasePath('billing', 'invoices'))) === metadata.uid;
    });
    expect(await classify(leasePath('billing'))).not.toBe(metadata.uid);
  });

  test('the operator settles the lock of an ended container in a guarded namespace', async () => {
    const kubeconfig = await site.podKubeconfig('billing', 'worker', 'dying');
    const dying = exec(kubeconfig, 'billing', 'accounts', 'echo held; exec sleep 600');
    await dying.printed(/held/);
    const next = await site.podKubeconfig('billing', 'worker', 'next');
    const waiting = exec(next, 'billing', 'accounts', 'echo mine');
    await eventually('a waiter', async () =>
      Object.keys((await lease('billing', 'accounts')).metadata.annotations ?? {}).some((key) =>
        key.startsWith('queue.'),
      ),
    );
    process.kill(dying.pid, 'SIGSTOP');
    // The second in which the session began is unclear.
    const { creationTimestamp } = (await lease('billing', 'accounts')).metadata;
    await eventually('the next second', () =>
      Promise.resolve(Date.now() >= Date.parse(creationTimestamp ?? '') + 1_000),
    );
    await reportEnd('billing', 'dying');
    await waiting.printed(/mine/);
    expect(await waiting.finished).toMatchObject({ code: 0 });
    // Counted when the last of it was done, after the lock went.
    await operator.printed(/"event":"revoked"/);
    expect(await metrics()).toContain('leasehold_reclaims_total{proof="container-terminated"} 1');
    dying.child.kill('SIGKILL');
    await dying.finished;
  });

  test('lets people look, and those on call mend', async () => {
    const [viewer, repairer, shopkeeper] = await Promise.all(
      ['viewer', 'repairer', 'shopkeeper'].map((user) => site.userKubeconfig(user)),
    );
    const holder = exec(shopkeeper ?? '', 'shop', 'till', 'echo held; exec sleep 600');
    await holder.printed(/held/);
    const listed = await leasehold(viewer ?? '', 'ls', '-n', 'shop');
    expect(listed).toMatchObject({ code: 0, errors: '' });
    expect(listed.output).toContain('till');
    const described = await leasehold(viewer ?? '', 'describe', 'till', '-n', 'shop');
    expect(described).toMatchObject({ code: 0, errors: '' });
    const words = ['release', 'till', '-n', 'shop', '--force', '--yes'];
    expect((await leasehold(viewer ?? '', ...words)).code).toBe(77);
    expect(await leasehold(repairer ?? '', ...words)).toMatchObject({ code: 0 });
    expect((await holder.finished).code).not.toBe(0);
  });

  test('helm test does what the Job does', async () => {
    const manifests = await render(...EVERYTHING);
    const [container] = templateOf(find(manifests, 'Job', 'leasehold-test')).template.spec
      .containers;
    await bind('tester', 'leasehold', 'leasehold-application');
    const tester = await site.userKubeconfig('tester');
    const [command = '', ...words] = container?.args ?? [];
    const done = await leasehold(tester, command, '-n', 'leasehold', ...words);
    expect(done).toMatchObject({ code: 0 });
    expect(done.output).toMatch(/^v\d+\./);
  });

  test('an upgrade leaves locks, and who leads, as they are', async () => {
    const worker = await site.podKubeconfig('billing', 'worker', 'upgraded');
    const holder = exec(worker, 'billing', 'kept', 'echo held; exec cat');
    await holder.printed(/held/);
    const [held, led] = [await lease('billing', 'kept'), await election()];
    const values = ['--set', 'operator.replicas=4,operator.podLabels.tier=one'];
    await site.helm('upgrade', 'leasehold', chart, '-n', 'leasehold', ...EVERYTHING, ...values);
    expect(await lease('billing', 'kept')).toEqual(held);
    const now = await election();
    expect(now.metadata.uid).toBe(led.metadata.uid);
    expect(now.spec).toMatchObject({
      holderIdentity: led.spec?.holderIdentity,
      acquireTime: led.spec?.acquireTime,
    });
    holder.child.stdin?.end();
    expect(await holder.finished).toMatchObject({ code: 0 });
  });

  test('was refused nothing', async () => {
    expect(await metrics()).not.toMatch(/leasehold_api_requests_total\{[^}]*code="40[13]"/);
  });

  test('an uninstall leaves nothing behind', async () => {
    expect((await site.list(RELEASE)).length).toBeGreaterThan(20);
    // While a replica still runs.
    await site.helm('uninstall', 'leasehold', '-n', 'leasehold');
    operator.child.kill('SIGTERM');
    await operator.finished;
    expect(await site.list(RELEASE)).toEqual([]);
    const { items } = await site.cluster.client.expect<{ items: Lease[] }>(
      'GET',
      leasePath('leasehold').replace(/\/$/, ''),
    );
    expect(items.map(({ metadata }) => metadata.name)).toEqual([]);
    const everything = await site.list('');
    const guard = everything.filter((each) => each.includes('leasehold-guard'));
    expect(guard).toEqual([]);
    expect(everything.filter((each) => /\/sh\.helm\./.test(each))).toEqual([]);
  });

  function start(kubeconfig: string, ...words: readonly string[]): Program {
    const program = Program.start(words, { KUBECONFIG: kubeconfig });
    programs.push(program);
    return program;
  }

  /** A holder, or a waiter. */
  function exec(kubeconfig: string, where: string, lock: string, script: string): Program {
    const command = ['--', 'sh', '-c', script];
    return start(kubeconfig, 'exec', lock, '-n', where, '--ttl', TTL, ...command);
  }

  async function metrics(): Promise<string> {
    return (await fetch(`${url}/metrics`)).text();
  }

  function election(): Promise<Lease> {
    return lease('leasehold', 'leasehold-operator');
  }
});

test('kubectl installs the same without Helm, and removes it', async () => {
  const applied = await site.kubectl('apply', '-k', 'deploy');
  expect(applied).toContain('deployment.apps/leasehold-operator created');
  expect(applied).toContain('clusterrole.rbac.authorization.k8s.io/leasehold-application created');
  expect((await site.list(RELEASE)).length).toBeGreaterThan(10);
  await site.kubectl('delete', '-k', 'deploy', '--wait=false');
  expect(await site.list(RELEASE)).toEqual([]);
});

function templateOf({ spec }: Manifest): PodTemplate {
  return spec as PodTemplate;
}

async function lease(namespace: string, name: string): Promise<Lease> {
  return site.cluster.client.expect<Lease>('GET', leasePath(namespace, name));
}

async function label(namespace: string, labels: Readonly<Record<string, string>>): Promise<void> {
  await site.cluster.client.expect(
    'PATCH',
    `/api/v1/namespaces/${namespace}`,
    { metadata: { labels } },
    { contentType: 'application/merge-patch+json' },
  );
}

/** As a person does it: the ClusterRole of the chart, in one namespace. */
async function bind(user: string, namespace: string, role: string): Promise<void> {
  const group = 'rbac.authorization.k8s.io';
  await site.cluster.client.expect(
    'POST',
    `/apis/${group}/v1/namespaces/${namespace}/rolebindings`,
    {
      metadata: { name: user },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: role },
      subjects: [{ apiGroup: group, kind: 'User', name: user }],
    },
  );
}

/** As the kubelet does it: the container began an hour ago, and ended a second from now. */
async function reportEnd(namespace: string, pod: string): Promise<void> {
  const second = (wall: number): string => new Date(wall).toISOString().replace(/\.\d+Z$/, 'Z');
  const terminated = {
    containerID: `containerd://${randomUUID()}`,
    exitCode: 137,
    reason: 'OOMKilled',
    startedAt: second(Date.now() - 3_600_000),
    finishedAt: second(Date.now() + 1_000),
  };
  const container = { name: 'main', image: 'none', imageID: '', ready: false, restartCount: 0 };
  await site.cluster.client.expect(
    'PATCH',
    `/api/v1/namespaces/${namespace}/pods/${pod}/status`,
    { status: { containerStatuses: [{ ...container, state: { terminated } }] } },
    { contentType: 'application/merge-patch+json' },
  );
}
