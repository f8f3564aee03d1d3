import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import type { Clock } from '../core/clock.ts';
import { LeaseholdError } from '../core/errors.ts';
import type { ClusterAccess } from '../kube/connection.ts';

const DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';
/** The kubelet replaces the token in the file long before it expires. */
const TOKEN_READ_EVERY_MS = 60_000;

/** Whether this process runs in a Pod with a service account. */
export function isInCluster(env: NodeJS.ProcessEnv, directory = DIRECTORY): boolean {
  if (!env.KUBERNETES_SERVICE_HOST || !env.KUBERNETES_SERVICE_PORT) return false;
  return read(`${directory}/token`) !== undefined;
}

/**
 * Access by the Pod's service account: a token file, a CA and two environment variables, so that
 * nothing of a Kubernetes client library has to be loaded.
 *
 * @throws LeaseholdError `CONFIGURATION` when one of them is missing
 */
export function inClusterAccess(
  env: NodeJS.ProcessEnv,
  clock: Clock,
  directory = DIRECTORY,
): ClusterAccess {
  const host = env.KUBERNETES_SERVICE_HOST;
  const port = env.KUBERNETES_SERVICE_PORT;
  const ca = read(`${directory}/ca.crt`);
  if (!host || !port || ca === undefined) {
    throw new LeaseholdError(
      'CONFIGURATION',
      `this Pod has no service account to use: KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT or ${directory}/ca.crt is missing`,
    );
  }
  let token: string | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    namespace: read(`${directory}/namespace`)?.trim() ?? 'default',
    source: 'the service account of this Pod',
    tls: { ca },
    authorization(refused) {
      if (refused || clock.now() - readAt > TOKEN_READ_EVERY_MS) {
        token = read(`${directory}/token`)?.trim() ?? token;
        readAt = clock.now();
      }
      return token === undefined ? undefined : `Bearer ${token}`;
    },
  };
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
