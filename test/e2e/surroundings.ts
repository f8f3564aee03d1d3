import { readFile } from 'node:fs/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { ApiClient } from '../cluster/client.ts';

/** Names a file that says where the suite runs; `npm run e2e` writes it. */
export const surroundingsVariable = 'LEASEHOLD_E2E';

/** Where the suite runs. Plain data. */
export interface Surroundings {
  /** Of an admin. */
  readonly kubeconfig: string;
  readonly kubectl: string;
  /** Of leasehold, which the nodes have, or can pull. */
  readonly image: string;
  /** On the local node alone: what others cannot do to theirs. */
  readonly node?: {
    /** Frozen together, and woken together. */
    readonly kubelet: readonly number[];
    readonly podLogs: string;
  };
}

export async function surroundings(): Promise<Surroundings> {
  const path = process.env[surroundingsVariable];
  if (path === undefined) {
    throw new Error('this suite needs a cluster with nodes: run it by npm run e2e');
  }
  return JSON.parse(await readFile(path, 'utf8')) as Surroundings;
}

/** A client with the credentials of the kubeconfig, whatever they are. */
export async function clientOf(kubeconfig: string): Promise<ApiClient> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new Error(`${kubeconfig} has no current context`);
  const options: { cert?: string; key?: string; ca?: string; headers?: Record<string, string> } =
    {};
  await config.applyToHTTPSOptions(options);
  const { cert = '', key = '', ca = '', headers = {} } = options;
  const token = headers.Authorization?.replace('Bearer ', '');
  // Many a kubeconfig has a slash at the end, which every path begins with.
  return new ApiClient(server.replace(/\/+$/, ''), ca, token ?? { certificate: cert, key });
}
