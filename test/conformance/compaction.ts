import { request } from 'node:http';
import { dirname, join } from 'node:path';
import type { ClusterConnection } from '../cluster/access.ts';

/**
 * Compacts the history of the real cluster's etcd up to now, as the API server does every five
 * minutes with what is older than that.
 */
export async function compactEtcd(connection: ClusterConnection): Promise<void> {
  const socketPath = join(dirname(connection.kubeconfigPath), 'etcd.sock');
  const { header } = await call(socketPath, '/v3/maintenance/status', {});
  await call(socketPath, '/v3/kv/compaction', { revision: header.revision });
}

/** The JSON gateway of etcd. */
async function call(
  socketPath: string,
  path: string,
  body: object,
): Promise<{ header: { revision: string } }> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, method: 'POST' })
      .on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text) as never);
          else reject(new Error(`etcd refuses ${path}: ${text}`));
        });
      })
      .on('error', reject)
      .end(JSON.stringify(body));
  });
}
