import { ttlSeconds } from '../core/duration.ts';
import { LeaseholdError } from '../core/errors.ts';
import type { Observer } from '../core/events.ts';
import { Principal } from '../core/principal.ts';
import { logTo } from '../telemetry/log.ts';
import { fanOut } from '../telemetry/observers.ts';
import { openTelemetry } from '../telemetry/open-telemetry.ts';
import { announcementOf } from './announcement.ts';
import { openCluster } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { containerOf, readMounts } from './container.ts';
import { identityOf, podClaims } from './identity.ts';
import type { Identity } from './identity.ts';
import { Leasehold } from './leasehold.ts';
import type { ConnectOptions } from './options.ts';
import { checkPermissions } from './permissions.ts';
import { releaseOnSigterm } from './sigterm.ts';
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
  return connectTo(() => openCluster(options), options);
}

/** As {@link connect}, to a cluster that is not looked for. Options are checked before it is opened. */
export async function connectTo(
  open: () => Promise<Cluster>,
  options: Omit<ConnectOptions, 'kubeconfig' | 'context' | 'namespace'>,
): Promise<Leasehold> {
  const ttl = ttlSeconds(options.ttl ?? '15s', 'ttl');
  if (options.identity === '') {
    throw new LeaseholdError('INVALID_ARGUMENT', 'identity is empty: give a name, or leave it out');
  }
  const cluster = await open();
  const { access, transport, namespace, clock } = cluster;
  try {
    const observe = await observerOf(options);
    if (options.checkPermissions ?? true) await checkPermissions(transport, namespace);
    const claims = podClaims(await access.authorization(false));
    const identity = await withContainer(
      identityOf(process.env, claims, namespace, options.identity),
    );
    const announcement = announcementOf(process.env, cluster);
    let stopListening = (): void => undefined;
    const leasehold = new Leasehold(
      transport,
      { clock, random: Math.random, observe },
      { namespace, identity, ttl, principal: new Principal(claims?.uid), announcer: announcement },
      () => {
        stopListening();
        announcement?.close();
      },
    );
    if (options.releaseOnSigterm ?? false) stopListening = releaseOnSigterm(leasehold);
    return leasehold;
  } catch (error) {
    transport.close();
    throw error;
  }
}

/** Named in the session, so that the end of that container is known to be the end of this process. */
async function withContainer(identity: Identity): Promise<Identity> {
  if (!identity.owner) return identity;
  const container = containerOf(process.env, await readMounts(), identity.owner.uid);
  return { ...identity, container };
}

async function observerOf(options: Pick<ConnectOptions, 'logger' | 'onEvent'>): Promise<Observer> {
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
