import { resolve } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { checkNamespace } from '../core/names.ts';
import type { ClusterAccess } from '../kube/connection.ts';
import { Transport } from '../kube/transport.ts';
import { inClusterAccess, isInCluster } from './in-cluster.ts';
import type { ConnectOptions } from './options.ts';
import { systemClock } from './system-clock.ts';

export type ClusterChoice = Pick<ConnectOptions, 'kubeconfig' | 'context' | 'namespace'>;

/** One API server, without a session or anything else that writes. */
export interface Cluster {
  readonly access: ClusterAccess;
  readonly transport: Transport;
  /** The chosen one, else the Pod's or the context's. */
  readonly namespace: string;
  readonly clock: Clock;
  /** By which another process of the same environment opens it; undefined when none can. */
  readonly choice?: ClusterChoice;
}

/**
 * Finds out which API server to use and how to authenticate to it. Sends nothing, but may run an
 * exec plugin.
 *
 * @throws LeaseholdError `CONFIGURATION`, `INVALID_ARGUMENT`
 */
export async function openCluster(choice: ClusterChoice): Promise<Cluster> {
  if (choice.namespace !== undefined) checkNamespace(choice.namespace);
  const clock = systemClock();
  const access = await accessOf(choice, clock);
  const namespace = choice.namespace ?? access.namespace;
  checkNamespace(namespace);
  const { kubeconfig, context } = choice;
  return {
    access,
    transport: new Transport(access, clock),
    namespace,
    clock,
    choice: {
      ...(kubeconfig === undefined ? {} : { kubeconfig: resolve(kubeconfig) }),
      ...(context === undefined ? {} : { context }),
    },
  };
}

async function accessOf(choice: ClusterChoice, clock: Clock): Promise<ClusterAccess> {
  const { kubeconfig, context } = choice;
  const chosen = kubeconfig !== undefined || context !== undefined;
  if (!chosen && isInCluster(process.env)) return inClusterAccess(process.env, clock);
  // Not needed in a Pod: a parser of YAML, and more.
  const { kubeconfigAccess } = await import('./kubeconfig.ts');
  return kubeconfigAccess({ kubeconfig, context }, clock);
}
