import { ttlSeconds } from '../core/duration.ts';
import { LeaseholdError } from '../core/errors.ts';
import type { Observer } from '../core/events.ts';
import { checkNamespace } from '../core/names.ts';
import type { ClusterAccess } from '../kube/connection.ts';
import { Transport } from '../kube/transport.ts';
import { logTo } from '../telemetry/log.ts';
import { fanOut } from '../telemetry/observers.ts';
import { openTelemetry } from '../telemetry/open-telemetry.ts';
import { identityOf, podClaims } from './identity.ts';
import { inClusterAccess, isInCluster } from './in-cluster.ts';
import { kubeconfigAccess } from './kubeconfig.ts';
import { Leasehold } from './leasehold.ts';
import type { ConnectOptions } from './options.ts';
import { checkPermissions } from './permissions.ts';
import { systemClock } from './system-clock.ts';
import { VERSION } from './version.ts';

/**
 * Connects to the API server of this Pod, or of a kubeconfig.
 *
 * Sends one SelfSubjectRulesReview, unless `checkPermissions` is false. The session Lease is created
 * with the first lock.
 *
 * @example
 * ```ts
 * import { connect } from 'leasehold';
 *
 * const leasehold = await connect();
 * await leasehold.lock('invoices').run(async () => {
 *   // nobody else in the namespace is in here
 * });
 * await leasehold.close();
 * ```
 * @throws LeaseholdError `CONFIGURATION`, `INVALID_ARGUMENT`, `API_UNREACHABLE`, `UNAUTHORIZED`,
 * `FORBIDDEN`
 */
export async function connect(options: ConnectOptions = {}): Promise<Leasehold> {
  const ttl = ttlSeconds(options.ttl ?? '15s', 'ttl');
  if (options.namespace !== undefined) checkNamespace(options.namespace);
  if (options.identity === '') {
    throw new LeaseholdError('INVALID_ARGUMENT', 'identity is empty: give a name, or leave it out');
  }
  const clock = systemClock();
  const access = await accessOf(options, clock);
  const namespace = options.namespace ?? access.namespace;
  checkNamespace(namespace);
  const observe = await observerOf(options);
  const transport = new Transport(access, clock);
  try {
    if (options.checkPermissions ?? true) await checkPermissions(transport, namespace);
    const claims = podClaims(await access.authorization(false));
    const identity = identityOf(process.env, claims, namespace, options.identity);
    let stopListening = (): void => undefined;
    const leasehold = new Leasehold(
      transport,
      { clock, random: Math.random, observe },
      { namespace, identity, ttl },
      () => stopListening(),
    );
    if (options.releaseOnSigterm ?? false) stopListening = releaseOnSigterm(leasehold);
    return leasehold;
  } catch (error) {
    transport.close();
    throw error;
  }
}

async function accessOf(
  options: ConnectOptions,
  clock: ReturnType<typeof systemClock>,
): Promise<ClusterAccess> {
  const { kubeconfig, context } = options;
  const chosen = kubeconfig !== undefined || context !== undefined;
  if (!chosen && isInCluster(process.env)) return inClusterAccess(process.env, clock);
  return kubeconfigAccess({ kubeconfig, context }, clock);
}

async function observerOf(options: ConnectOptions): Promise<Observer> {
  const { logger, onEvent } = options;
  const observers: Observer[] = [];
  if (onEvent) observers.push(onEvent);
  if (logger) observers.push(logTo(logger));
  const telemetry = await openTelemetry(VERSION);
  if (telemetry) observers.push(telemetry);
  return fanOut(observers, (error, event) => {
    const message = `an observer of leasehold failed on event ${event.type}; it is told of further events, its further failures are not`;
    if (logger) logger.error({ err: error }, message);
    else process.emitWarning(message, { detail: String(error) });
  });
}

/** Releases everything, then lets the signal end the process as it would have without us. */
function releaseOnSigterm(leasehold: Leasehold): () => void {
  const onSigterm = (): void => {
    void leasehold.close().then(() => process.kill(process.pid, 'SIGTERM'));
  };
  process.once('SIGTERM', onSigterm);
  return () => {
    process.off('SIGTERM', onSigterm);
  };
}
