import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ApiServer } from '../../src/testing/index.ts';
import type { ClusterConnection } from '../cluster/access.ts';
import { embeddedConnectionPath } from './connection.ts';

/**
 * For vitest's `globalSetup`: one embedded API server per test run, which the tests of the real one
 * use in its stead. Everybody is the admin there, and there are no client certificates.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const server = await ApiServer.start();
  const directory = dirname(embeddedConnectionPath);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const kubeconfigPath = join(directory, 'kubeconfig');
  await writeFile(kubeconfigPath, server.kubeconfig());
  const connection: ClusterConnection = {
    url: server.url,
    authority: { certificate: server.ca, key: '' },
    adminToken: server.adminToken,
    kubeconfigPath,
    tokenKubeconfigPath: kubeconfigPath,
  };
  await writeFile(embeddedConnectionPath, JSON.stringify(connection));
  return async () => {
    await server.stop();
    await rm(directory, { recursive: true });
  };
}
