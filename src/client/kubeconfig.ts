import type { AgentOptions } from 'node:https';
import type { Clock } from '../core/clock.ts';
import { LeaseholdError } from '../core/errors.ts';
import type { ClusterAccess } from '../kube/connection.ts';
import { proxyAgents } from './proxy.ts';

/** Exec plugins and token files are asked again after this time; at once when refused. */
const CREDENTIALS_READ_EVERY_MS = 30_000;

export interface KubeconfigChoice {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
}

/**
 * Access by a kubeconfig: certificates, tokens, exec plugins, OIDC and proxies, as
 * `@kubernetes/client-node` reads them. It is loaded here, and only here, as it takes a third of a
 * second and 90 MiB.
 *
 * @throws LeaseholdError `CONFIGURATION` when there is none, or it cannot be read
 */
export async function kubeconfigAccess(
  choice: KubeconfigChoice,
  clock: Clock,
): Promise<ClusterAccess> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  const source = choice.kubeconfig ?? process.env.KUBECONFIG ?? '~/.kube/config';
  const problem = (what: string, cause?: unknown): LeaseholdError =>
    new LeaseholdError('CONFIGURATION', `kubeconfig ${source}: ${what}`, { cause });
  try {
    if (choice.kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(choice.kubeconfig);
  } catch (error) {
    throw problem(error instanceof Error ? error.message : String(error), error);
  }
  if (choice.context !== undefined) {
    if (!config.getContextObject(choice.context)) {
      const names = config.getContexts().map((context) => context.name);
      throw problem(`has no context ${choice.context}; it has: ${names.join(', ') || 'none'}`);
    }
    config.setCurrentContext(choice.context);
  }
  const cluster = config.getCurrentCluster();
  // client-node falls back to localhost:8080 where nothing is configured.
  const isFallback = cluster?.name === 'cluster' && cluster.server === 'http://localhost:8080';
  if (!cluster || isFallback) {
    throw problem(
      'names no cluster to use: set KUBECONFIG, pass a kubeconfig or a context, or run inside a Pod',
    );
  }

  const apply = async (): Promise<AgentOptions & { headers?: Record<string, string> }> => {
    const options: AgentOptions & { headers?: Record<string, string> } = {};
    try {
      await config.applyToHTTPSOptions(options);
    } catch (error) {
      throw problem(
        `the credentials cannot be had: ${error instanceof Error ? error.message : String(error)}`,
        error,
      );
    }
    return options;
  };
  const first = await apply();
  const {
    headers,
    agent: _,
    auth,
    ...tls
  } = first as typeof first & {
    agent?: unknown;
    auth?: string;
  };
  const basic = auth === undefined ? undefined : `Basic ${Buffer.from(auth).toString('base64')}`;
  let authorization = headers?.Authorization ?? basic;
  let readAt = clock.now();

  const makeAgent = cluster.proxyUrl
    ? await proxyAgents(cluster.proxyUrl, cluster.server)
    : undefined;
  return {
    server: cluster.server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    source: `kubeconfig ${source}`,
    tls,
    ...(makeAgent ? { agent: makeAgent } : {}),
    async authorization(refused) {
      if (refused || clock.now() - readAt > CREDENTIALS_READ_EVERY_MS) {
        readAt = clock.now();
        authorization = (await apply()).headers?.Authorization ?? basic;
      }
      return authorization;
    },
  };
}
