import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attachCluster, type ClusterAccess, type ClusterConnection } from './access.ts';
import { startCluster } from './server.ts';

/** Names a file with the connection data of the shared cluster. Child processes inherit it. */
export const sharedClusterVariable = 'LEASEHOLD_TEST_CLUSTER';

/**
 * Whether the cluster is the embedded API server, on which everybody is the admin: what is about
 * permissions, client certificates or the server's metrics is tested on the real one only.
 */
export const isEmbedded = process.env.LEASEHOLD_TEST_SERVER === 'embedded';

/**
 * For vitest's `globalSetup`: one cluster per test run. When the variable is set already (by
 * `npm run cluster`), that cluster is used and left alone.
 */
export default async function setup(): Promise<() => Promise<void>> {
  if (process.env[sharedClusterVariable] !== undefined) {
    return async () => Promise.resolve();
  }
  const cluster = await startCluster();
  process.env[sharedClusterVariable] = join(cluster.directory, 'connection.json');
  return async () => {
    Reflect.deleteProperty(process.env, sharedClusterVariable);
    await cluster.stop();
  };
}

/** The cluster of this test run. */
export async function sharedCluster(): Promise<ClusterAccess> {
  const path = process.env[sharedClusterVariable];
  if (path === undefined) {
    throw new Error(
      `${sharedClusterVariable} is not set: add test/cluster/shared.ts to the globalSetup of ` +
        'this vitest project',
    );
  }
  return attachCluster(JSON.parse(await readFile(path, 'utf8')) as ClusterConnection);
}
