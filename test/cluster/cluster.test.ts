import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { attachCluster, type ClusterConnection } from './access.ts';
import { ApiClient, type WatchEvent } from './client.ts';
import { startElector } from './elector.ts';
import { ClusterUnavailableError } from './errors.ts';
import { type Cluster, startCluster } from './server.ts';

interface Lease {
  metadata: { name: string; resourceVersion: string };
  spec: { holderIdentity?: string };
}

const LONGEST_WAIT_MS = 60_000;

let cluster: Cluster;
let namespace: string;

// The first run ever builds the binaries.
beforeAll(async () => {
  cluster = await startCluster();
  namespace = await cluster.createNamespace();
}, 900_000);

afterAll(async () => {
  await cluster.stop();
});

function leasePath(name?: string): string {
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  return name === undefined ? collection : `${collection}/${name}`;
}

async function createLease(name: string): Promise<Lease> {
  const response = await cluster.request<Lease>('POST', leasePath(), {
    metadata: { name },
    spec: { holderIdentity: 'first' },
  });
  expect(response.status).toBe(201);
  return response.body;
}

async function take<T>(events: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) {
      break;
    }
  }
  return taken;
}

test('a Lease is created, read, replaced, patched and watched', async () => {
  const created = await createLease('basic');
  const version = created.metadata.resourceVersion;
  const events = await cluster.watch<Lease>(
    `${leasePath()}?fieldSelector=metadata.name%3Dbasic&resourceVersion=${version}`,
    AbortSignal.timeout(LONGEST_WAIT_MS),
  );

  const read = await cluster.request<Lease>('GET', leasePath('basic'));
  expect(read.body.spec.holderIdentity).toBe('first');
  const replacement = { ...created, spec: { holderIdentity: 'second' } };
  expect((await cluster.request('PUT', leasePath('basic'), replacement)).status).toBe(200);
  expect((await cluster.request('PUT', leasePath('basic'), replacement)).status).toBe(409);
  const patch = { spec: { holderIdentity: 'third' } };
  const contentType = 'application/merge-patch+json';
  expect((await cluster.request('PATCH', leasePath('basic'), patch, { contentType })).status).toBe(
    200,
  );

  const seen: WatchEvent<Lease>[] = await take(events, 2);
  expect(seen.map(({ type, object }) => [type, object.spec.holderIdentity])).toEqual([
    ['MODIFIED', 'second'],
    ['MODIFIED', 'third'],
  ]);
});

test('a pod-bound token names the Pod and is what RBAC grants it to be', async () => {
  const pod = await cluster.createPod(namespace, 'pod', 'worker');
  const token = await cluster.podToken(namespace, 'worker', 'pod');
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  expect(JSON.parse(payload)).toMatchObject({
    sub: `system:serviceaccount:${namespace}:worker`,
    'kubernetes.io': { namespace, pod: { name: 'pod', uid: pod.uid }, node: { name: 'test-node' } },
  });

  expect((await cluster.request('GET', leasePath(), undefined, { token })).status).toBe(403);
  await cluster.grant(namespace, { kind: 'ServiceAccount', name: 'worker', namespace }, [
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['list'] },
  ]);
  expect((await cluster.request('GET', leasePath(), undefined, { token })).status).toBe(200);
});

test('a client certificate names user and groups', async () => {
  const { certificate, key } = await cluster.clientCertificate('alice', ['team-a']);
  expect(cluster.kubeconfig({ certificate, key })).toContain('client-certificate-data');
  const outgoing = request(`${cluster.url}${leasePath()}`, {
    ca: cluster.ca,
    cert: certificate,
    key,
    agent: false,
  }).end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  expect(await text(response)).toContain('User \\"alice\\" cannot list');
});

test('requests are counted by the server itself', async () => {
  const before = await cluster.countRequests();
  await createLease('counted');
  await cluster.request('GET', leasePath('missing'));
  await vi.waitFor(async () => {
    const counts = (await cluster.countRequests()).since(before);
    expect(counts.total({ resource: 'leases', verb: 'POST', code: '201' })).toBe(1);
    expect(counts.total({ resource: 'leases', verb: 'GET', code: '404' })).toBe(1);
  }, LONGEST_WAIT_MS);
});

test('a namespace is deleted with its contents, though no controller runs', async () => {
  const name = await cluster.createNamespace();
  await cluster.createPod(name, 'pod', 'worker');
  await cluster.deleteNamespace(name);
  expect((await cluster.request('GET', `/api/v1/namespaces/${name}`)).status).toBe(404);
});

test('the API server can be stopped, killed and paused, and etcd restarted', async () => {
  await createLease('durable');
  for (const end of [() => cluster.stopApiServer(), () => cluster.killApiServer()]) {
    await end();
    await expect(cluster.request('GET', leasePath('durable'))).rejects.toThrow('ECONNREFUSED');
    await cluster.startApiServer();
    expect((await cluster.request('GET', leasePath('durable'))).status).toBe(200);
  }
  cluster.pauseApiServer();
  const options = { timeoutMilliseconds: 200 };
  await expect(
    cluster.request('GET', leasePath('durable'), undefined, options),
  ).rejects.toMatchObject({ name: 'AbortError' });
  cluster.resumeApiServer();
  expect((await cluster.request('GET', leasePath('durable'))).status).toBe(200);
  await cluster.restartEtcd();
  expect((await cluster.request('GET', leasePath('durable'))).status).toBe(200);
}, 180_000);

test('a second API server on the same etcd goes on without the first', async () => {
  const { port } = await cluster.addApiServer();
  const { url, ca, adminToken } = cluster;
  const second = new ApiClient(url.replace(/\d+$/, String(port)), ca, adminToken);
  await createLease('shared');
  expect((await second.request('GET', leasePath('shared'))).status).toBe(200);
  await cluster.killApiServer();
  expect((await second.request('DELETE', leasePath('shared'))).status).toBe(200);
  await cluster.startApiServer();
  expect((await cluster.request('GET', leasePath('shared'))).status).toBe(404);
  second.closeConnections();
}, 180_000);

test('client-go electors hand over', async () => {
  const options = {
    kubeconfigPath: cluster.kubeconfigPath,
    namespace,
    name: 'election',
    retryPeriodMilliseconds: 200,
    releaseOnCancel: true,
  };
  const first = await startElector({ ...options, identity: 'first' });
  expect(await first.waitFor('started-leading')).toMatchObject({ leader: 'first' });
  const second = await startElector({ ...options, identity: 'second' });
  expect(await second.waitFor('new-leader')).toMatchObject({ leader: 'first' });
  first.release(10_000);
  await first.waitFor('stopped-leading');
  await second.waitFor('started-leading');
  await second.quit();
  await first.waitFor('started-leading', 2);
  await first.kill('SIGTERM');
}, 300_000);

test('another process attaches by the connection data alone', async () => {
  const file = await readFile(join(cluster.directory, 'connection.json'), 'utf8');
  const attached = attachCluster(JSON.parse(file) as ClusterConnection);
  expect((await attached.request('GET', leasePath())).status).toBe(200);
  attached.close();
});

test('missing binaries are told from a broken cluster', async () => {
  vi.stubEnv('KUBEBUILDER_ASSETS', '/nonexistent');
  await expect(startCluster()).rejects.toBeInstanceOf(ClusterUnavailableError);
  vi.unstubAllEnvs();
});

test('stop leaves no process and no file', async () => {
  const other = await startCluster();
  expect(processesOf(other.directory).length).toBeGreaterThanOrEqual(2);
  await other.stop();
  await vi.waitFor(() => {
    expect(processesOf(other.directory)).toEqual([]);
  }, LONGEST_WAIT_MS);
  expect(existsSync(other.directory)).toBe(false);
}, 180_000);

test('a cluster dies with the process that started it, however that dies', async () => {
  const cli = spawn(process.execPath, [`${import.meta.dirname}/cli.ts`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  cli.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await vi.waitFor(() => {
    expect(output).toContain('is ready');
  }, LONGEST_WAIT_MS);
  const directory = /logs are in ([^;]+);/.exec(output)?.[1] ?? '';
  expect(processesOf(directory).length).toBeGreaterThanOrEqual(2);

  cli.kill('SIGKILL');
  await vi.waitFor(() => {
    expect(processesOf(directory)).toEqual([]);
    expect(existsSync(directory)).toBe(false);
  }, LONGEST_WAIT_MS);
}, 180_000);

/** The processes whose command line mentions the directory, watchdogs included. */
function processesOf(directory: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory);
      } catch {
        return false;
      }
    });
}
