import type { AgentOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../core/clock.ts';
import type { ClusterAccess } from '../kube/connection.ts';
import { messageOf, problem } from './kubeconfig-file.ts';
import type { KubeconfigContext } from './kubeconfig-file.ts';

/** Plugins are asked again after this time; at once when their token was refused. */
const CREDENTIALS_READ_EVERY_MS = 30_000;

type Credentials = AgentOptions & { headers?: Record<string, string> };

/**
 * Credentials of an exec plugin or auth provider.
 *
 * @throws LeaseholdError `CONFIGURATION` when it gives none
 */
export async function pluginCredentials(
  { source, context, cluster, user }: KubeconfigContext,
  clock: Clock,
): Promise<{ tls: AgentOptions; authorization: ClusterAccess['authorization'] }> {
  const config = new KubeConfig();
  config.loadFromString(
    JSON.stringify({
      clusters: [{ name: context, cluster }],
      users: [{ name: context, user }],
      contexts: [{ name: context, context: { cluster: context, user: context } }],
      'current-context': context,
    }),
  );
  const ask = async (): Promise<Credentials> => {
    const options: Credentials = {};
    try {
      await config.applyToHTTPSOptions(options);
    } catch (error) {
      throw problem(source, `the credentials cannot be had: ${messageOf(error)}`, error);
    }
    return options;
  };
  const first = await ask();
  let authorization = first.headers?.Authorization;
  let readAt = clock.now();
  return {
    // A plugin may give a certificate instead of a token.
    tls: { ...(first.cert ? { cert: first.cert } : {}), ...(first.key ? { key: first.key } : {}) },
    async authorization(refused) {
      if (refused || clock.now() - readAt > CREDENTIALS_READ_EVERY_MS) {
        readAt = clock.now();
        authorization = (await ask()).headers?.Authorization;
      }
      return authorization;
    },
  };
}
