import { createServer, connect as connectTcp } from 'node:net';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/index.ts';
import type { ClusterAccess } from '../cluster/access.ts';
import { isEmbedded, sharedCluster } from '../cluster/shared.ts';
import { leaseNames, readLease } from './world.ts';

const rule = {
  apiGroups: ['coordination.k8s.io'],
  resources: ['leases'],
  verbs: ['get', 'watch', 'create', 'update', 'patch', 'delete'],
};

interface Kubeconfig {
  clusters: [{ cluster: Record<string, unknown> }];
  users: [{ user: Record<string, unknown> }];
}

let cluster: ClusterAccess;
let namespace: string;
let directory: string;

beforeAll(async () => {
  cluster = await sharedCluster();
  namespace = await cluster.createNamespace();
  directory = await mkdtemp(join(tmpdir(), 'leasehold-kubeconfig-'));
});

afterAll(async () => {
  await cluster.deleteNamespace(namespace);
  await rm(directory, { recursive: true });
});

/** A kubeconfig file, changed by `change` from the administrator's. */
async function kubeconfig(name: string, change: (config: Kubeconfig) => void): Promise<string> {
  const config = JSON.parse(cluster.kubeconfig()) as Kubeconfig;
  change(config);
  const file = join(directory, name);
  await writeFile(file, JSON.stringify(config));
  return file;
}

async function locks(file: string): Promise<void> {
  const leasehold = await connect({ kubeconfig: file, namespace });
  const held = await leasehold.lock('any').acquire({ timeout: '20s' });
  expect(held.valid).toBe(true);
  await held.release();
  await leasehold.close();
}

async function podFile(serviceAccount: string, pod: string): Promise<string> {
  const token = await cluster.podToken(namespace, serviceAccount, pod);
  return kubeconfig(pod, (config) => (config.users[0].user = { token }));
}

describe('identity', () => {
  it('is the Pod of a pod-bound token, which owns the session in its own namespace', async () => {
    const { uid } = await cluster.createPod(namespace, 'billing-x2kq4', 'billing');
    const subject = { kind: 'ServiceAccount', name: 'billing', namespace } as const;
    await cluster.grant(namespace, subject, [rule]);
    const other = await cluster.createNamespace();
    await cluster.grant(other, subject, [rule]);
    const file = await podFile('billing', 'billing-x2kq4');
    for (const where of [namespace, other]) {
      const leasehold = await connect({ kubeconfig: file, namespace: where });
      expect(leasehold.identity).toBe('billing-x2kq4');
      const held = await leasehold.lock('invoices').acquire();
      const session = (await leaseNames(cluster, where)).find((name) => name !== 'invoices') ?? '';
      expect(session).toMatch(/^billing-x2kq4-[0-9a-f]{8}$/);
      const lease = await readLease(cluster, where, session);
      expect(lease?.spec?.holderIdentity).toBe('billing-x2kq4');
      expect(lease?.metadata.ownerReferences ?? []).toEqual(
        where === namespace ? [{ apiVersion: 'v1', kind: 'Pod', name: 'billing-x2kq4', uid }] : [],
      );
      const lock = await readLease(cluster, where, 'invoices');
      expect(lock?.metadata.ownerReferences).toBeUndefined();
      expect(lock?.spec?.holderIdentity).toBe(session);
      await held.release();
      await leasehold.close();
      expect(await leaseNames(cluster, where)).toEqual([]);
    }
    await cluster.deleteNamespace(other);
  });

  it.skipIf(isEmbedded)(
    'without permission is refused at connect, with the rule to add',
    async () => {
      await cluster.createPod(namespace, 'poor-1', 'poor');
      const file = await podFile('poor', 'poor-1');
      await expect(connect({ kubeconfig: file, namespace })).rejects.toMatchObject({
        code: 'FORBIDDEN',
        message: expect.stringMatching(/coordination\.k8s\.io.*leases.*"watch"/) as string,
      });
      const unchecked = await connect({ kubeconfig: file, namespace, checkPermissions: false });
      await expect(unchecked.lock('any').acquire()).rejects.toMatchObject({ code: 'FORBIDDEN' });
      await expect(unchecked.election('any').acquire()).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
      await unchecked.close();
    },
  );
});

describe('credentials of a kubeconfig', () => {
  it.skipIf(isEmbedded)('client certificate', () => locks(cluster.kubeconfigPath));

  it('token', () => locks(cluster.tokenKubeconfigPath));

  it('exec plugin', async () => {
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: cluster.adminToken },
    };
    const plugin = join(directory, 'plugin');
    await writeFile(plugin, `#!/bin/sh\necho '${JSON.stringify(credential)}'\n`);
    await chmod(plugin, 0o755);
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: plugin,
      interactiveMode: 'Never',
    };
    await locks(await kubeconfig('exec', (config) => (config.users[0].user = { exec })));
  });

  it('http proxy', async () => {
    let tunnels = 0;
    const proxy = createHttpServer();
    proxy.on('connect', (request, socket) => {
      tunnels += 1;
      const [host = '', port] = (request.url ?? '').split(':');
      const upstream = connectTcp(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.pipe(socket).pipe(upstream);
      });
      upstream.on('error', () => socket.destroy());
      socket.on('error', () => upstream.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    const file = await kubeconfig('proxy', (config) => {
      config.clusters[0].cluster['proxy-url'] = `http://127.0.0.1:${String(port)}`;
    });
    await locks(file);
    expect(tunnels).toBeGreaterThan(0);
    proxy.close();
  });

  it('tls-server-name', async () => {
    const named = (name: string): Promise<string> =>
      kubeconfig(`server-${name}`, (config) => {
        config.clusters[0].cluster['tls-server-name'] = name;
      });
    await locks(await named('localhost'));
    // Which is not in the certificate.
    await expect(
      connect({ kubeconfig: await named('elsewhere'), namespace }),
    ).rejects.toMatchObject({
      code: 'API_UNREACHABLE',
    });
  });
});

describe('what is wrong is told in one clear error', () => {
  it.each([
    [
      'a refused token',
      'UNAUTHORIZED',
      (config: Kubeconfig) => (config.users[0].user = { token: 'no' }),
    ],
    [
      'an unknown authority',
      'API_UNREACHABLE',
      (config: Kubeconfig) => {
        delete config.clusters[0].cluster['certificate-authority-data'];
      },
    ],
    [
      'a plugin that is not there',
      'CONFIGURATION',
      (config: Kubeconfig) => {
        const apiVersion = 'client.authentication.k8s.io/v1';
        const command = '/nonexistent/plugin';
        config.users[0].user = { exec: { apiVersion, command, interactiveMode: 'Never' } };
      },
    ],
  ])('%s: %s', async (what, code, change) => {
    const file = await kubeconfig(what.replace(/\W/g, '-'), change);
    await expect(connect({ kubeconfig: file, namespace })).rejects.toMatchObject({
      name: 'LeaseholdError',
      code,
    });
  });

  it('an address where nobody listens', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const file = await kubeconfig('nobody', (config) => {
      config.clusters[0].cluster.server = `https://127.0.0.1:${String(port)}`;
    });
    await expect(connect({ kubeconfig: file, namespace })).rejects.toMatchObject({
      code: 'API_UNREACHABLE',
    });
  });

  it('a namespace that does not exist', async () => {
    const leasehold = await connect({ kubeconfig: cluster.kubeconfigPath, namespace: 'nowhere' });
    await expect(leasehold.lock('any').acquire()).rejects.toMatchObject({
      code: 'NAMESPACE_NOT_FOUND',
    });
    await expect(leasehold.election('any').acquire()).rejects.toMatchObject({
      code: 'NAMESPACE_NOT_FOUND',
    });
    await leasehold.close();
  });
});
