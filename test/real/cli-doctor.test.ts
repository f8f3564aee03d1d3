import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isEmbedded } from '../cluster/shared.ts';
import { useFixture } from '../cli/fixture.ts';
import { Program } from '../cli/program.ts';
import type { Finished } from '../cli/program.ts';
import { Guarded } from '../guard/guarded.ts';
import { leaseNames, leasePath, until } from './world.ts';

const fixture = useFixture();

interface Finding {
  readonly check: string;
  readonly level: string;
  readonly message: string;
  readonly remedy?: string;
  readonly data?: Record<string, unknown>;
}

function findings(finished: Finished): Finding[] {
  return (JSON.parse(finished.output) as { findings: Finding[] }).findings;
}

async function create(lease: object, namespace = fixture().namespace): Promise<void> {
  await fixture().cluster.client.expect('POST', leasePath(namespace), lease);
}

/** A kubeconfig in a file that goes with the test. */
async function kubeconfigFile(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, 'kubeconfig');
  await writeFile(file, text);
  return file;
}

async function check(name: string): Promise<Finding | undefined> {
  return findings(await fixture().run('doctor', '-o', 'json')).find(({ check }) => check === name);
}

async function runAs(kubeconfig: string): Promise<Finished> {
  const words = ['doctor', '-n', fixture().namespace, '--kubeconfig', kubeconfig, '-o', 'json'];
  return Program.start(words, {}).finished;
}

test('finds nothing bad where all is well, and leaves nothing behind', async () => {
  const { cluster } = fixture();
  const namespace = await cluster.createNamespace();
  const words = ['doctor', '-n', namespace, '--write'];
  const finished = await Program.start(words, fixture().environment).finished;
  expect(finished).toMatchObject({ code: 0, errors: '' });
  expect(finished.output).toMatch(/^good +leasehold \d/);
  expect(finished.output).toMatch(/\n0 bad, /);
  expect(finished.output).not.toMatch(/^(bad|warning) .*permitted/m);
  const longest = Math.max(...finished.output.split('\n').map((line) => line.length));
  expect(longest).toBeLessThanOrEqual(80);
  expect(await leaseNames(cluster, namespace)).toEqual([]);
  await cluster.deleteNamespace(namespace);
});

test('tells what is wrong with Leases, and the command that mends it', async () => {
  const role = (name: string) => ({ 'leasehold.dev/role': name });
  const now = '2026-01-01T00:00:00.000000Z';
  await create({
    metadata: { name: 'dead-1', labels: role('session') },
    spec: { holderIdentity: 'dead', leaseDurationSeconds: 1, renewTime: now },
  });
  await create({
    metadata: {
      name: 'orphan',
      labels: role('lock'),
      annotations: {
        'holder.leasehold.dev/0a-1': 'v=1 session=gone-1 uid=u ttl=15 mode=exclusive',
      },
    },
  });
  await create({
    metadata: {
      name: 'blocked',
      labels: role('lock'),
      annotations: { 'holder.leasehold.dev/0a-1': '?' },
    },
  });
  // Once it has been silent for two ttl, on the server's clock.
  const finished = await until(
    () => fixture().run('doctor', '-o', 'json'),
    (run) => findings(run).some(({ check, level }) => check === 'sessions' && level === 'warning'),
  );
  expect(finished.code).toBe(1);
  const found = findings(finished);
  const remedies = found.map(({ remedy }) => remedy);
  expect(remedies).toContain('leasehold revoke dead-1');
  expect(remedies).toContain('leasehold release orphan --force');
  const bad = found.filter(({ level }) => level === 'bad');
  expect(bad.map(({ check }) => check)).toEqual(['unreadable']);
  // The commands do mend it.
  const mended = [
    await fixture().run('revoke', 'dead-1', '--now', '--yes'),
    await fixture().run('release', 'orphan', '--force', '--yes'),
    await fixture().run('release', 'blocked', '--force', '--yes', '--attempt', '0a-1'),
  ];
  expect(mended.map(({ code }) => code)).toEqual([0, 0, 0]);
  const after = await fixture().run('doctor', '-o', 'json');
  expect(after.code).toBe(0);
  const checks = new Map(findings(after).map(({ check, level }) => [check, level]));
  expect(checks.get('sessions')).toBe('good');
  expect(checks.get('locks')).toBe('good');
});

test.skipIf(isEmbedded)('tells what is not permitted, with the rule to add', async () => {
  const { cluster, namespace } = fixture();
  await cluster.createPod(namespace, 'candidate', 'candidate');
  const token = await cluster.podToken(namespace, 'candidate', 'candidate');
  const kubeconfig = await kubeconfigFile(cluster.kubeconfig({ token }));
  const none = await runAs(kubeconfig);
  expect(none.code).toBe(1);
  const bad = findings(none).filter(({ level }) => level === 'bad');
  expect(bad.map(({ data }) => data?.use)).toEqual(['locks (exec)', 'elections (elect)']);
  expect(bad[0]?.remedy).toContain('apiGroups: ["coordination.k8s.io"], resources: ["leases"]');
  const subject = { kind: 'ServiceAccount', name: 'candidate', namespace } as const;
  await cluster.grant(namespace, subject, [
    {
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      verbs: ['get', 'watch', 'create', 'update'],
    },
  ]);
  const candidate = await runAs(kubeconfig);
  expect(candidate.code).toBe(0);
  // Who may not look everywhere is not told that there is none.
  for (const optional of ['operator', 'guard']) {
    expect(findings(candidate).find(({ check }) => check === optional)).toMatchObject({
      level: 'info',
      data: { installed: null },
    });
  }
  const unseen = findings(candidate).find(({ check }) => check === 'leases');
  expect(unseen).toMatchObject({ level: 'warning', remedy: expect.any(String) as string });
  const owner = findings(candidate).find(({ check }) => check === 'session-owner');
  expect(owner?.data).toMatchObject({ identity: 'candidate', pod: 'candidate' });
  expect(findings(candidate).find(({ check }) => check === 'latency')?.level).not.toBe('warning');
});

test('tells whether the operator runs, in whatever namespace it is', async () => {
  const { cluster } = fixture();
  expect(await check('operator')).toMatchObject({
    level: 'info',
    remedy: expect.stringContaining('helm install') as string,
    data: { installed: false },
  });
  const elsewhere = await cluster.createNamespace();
  const metadata = { name: 'leasehold-operator', namespace: elsewhere };
  const free = {
    holderIdentity: '',
    leaseDurationSeconds: 8,
    renewTime: '2020-01-01T00:00:00.000000Z',
  };
  await create({ metadata, spec: free }, elsewhere);
  expect(await check('operator')).toMatchObject({
    level: 'warning',
    remedy: expect.stringContaining(`-n ${elsewhere}`) as string,
    data: { installed: true, running: false, namespace: elsewhere },
  });
  const spec = { holderIdentity: 'operator-1', leaseDurationSeconds: 3_600 };
  const contentType = 'application/merge-patch+json';
  const path = leasePath(elsewhere, metadata.name);
  await cluster.client.expect('PATCH', path, { spec }, { contentType });
  const running = await check('operator');
  await cluster.deleteNamespace(elsewhere);
  // What renewTime says is of the leader's clock; the server tells when it was written.
  expect(running).toMatchObject({ level: 'good', data: { running: true, namespace: elsewhere } });
});

test.skipIf(isEmbedded)('tells whether the guard guards the namespace', async () => {
  await using guarded = await Guarded.open();
  const { namespace } = fixture();
  expect(await check('guard')).toMatchObject({
    level: 'info',
    remedy: expect.stringContaining(
      `kubectl label namespace ${namespace} leasehold.dev/guard=enforced`,
    ) as string,
    data: { installed: true, enforced: false },
  });
  const words = ['doctor', '-n', guarded.namespace, '-o', 'json'];
  const finished = await Program.start(words, fixture().environment).finished;
  expect(findings(finished).find(({ check }) => check === 'guard')).toMatchObject({
    level: 'good',
    data: { installed: true, enforced: true },
  });
});

test('stops where there is nothing to ask', async () => {
  const { cluster } = fixture();
  const missing = await runAs('/nonexistent');
  expect(missing).toMatchObject({ code: 1, errors: '' });
  expect(findings(missing).at(-1)).toMatchObject({ check: 'configuration', level: 'bad' });
  const elsewhere = cluster.kubeconfig().replace(cluster.url, 'https://127.0.0.1:1');
  const unreachable = await runAs(await kubeconfigFile(elsewhere));
  expect(unreachable.code).toBe(1);
  expect(findings(unreachable).at(-1)).toMatchObject({ check: 'reachable', level: 'bad' });
  const stranger = await runAs(await kubeconfigFile(cluster.kubeconfig({ token: 'x' })));
  expect(stranger.code).toBe(1);
  expect(
    findings(stranger).some(({ check, level }) => check === 'identity' && level === 'bad'),
  ).toBe(true);
  expect((await fixture().run('doctor', '--ttl', '1.5s')).code).toBe(64);
});
