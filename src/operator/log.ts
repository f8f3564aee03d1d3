import type { Clock } from '../core/clock.ts';
import type { EventLogger } from '../telemetry/log.ts';
import type { Doubt } from './agreement.ts';
import type { Report, Reporter } from './report.ts';

/** The same trouble is told once in this time, and how often it came. */
const QUIET_MS = 60_000;

/** Writes one structured line for each thing that was done, and none while nothing happens. */
export function operatorLog(logger: EventLogger, clock: Clock): Reporter {
  const troubles = new Map<string, { toldAt: number; untold: number }>();
  return (report) => {
    if (report.type !== 'failed') {
      tell(logger, report);
      return;
    }
    const error = report.error instanceof Error ? report.error.message : String(report.error);
    // A name in it makes it another trouble, but not another cause.
    const trouble = troubles.get(error);
    const now = clock.now();
    if (trouble && now - trouble.toldAt < QUIET_MS) {
      trouble.untold += 1;
      return;
    }
    if (troubles.size > 100) troubles.clear();
    troubles.set(error, { toldAt: now, untold: 0 });
    const untold = trouble && trouble.untold > 0 ? { untold: trouble.untold } : {};
    logger.warn({ event: 'failed', error, ...untold }, `cannot ${report.what}; tries again`);
  };
}

const WHEN: Readonly<Record<Doubt, string>> = {
  beginning: 'when it began',
  renewal: 'when it was last renewed',
  end: 'when its container ended',
};

function tell(logger: EventLogger, report: Exclude<Report, { type: 'failed' }>): void {
  const event = report.type;
  if (report.type === 'revoked') {
    const { session, by, proof, tookMs } = report;
    const times = proof && {
      ...proof,
      sessionStart: new Date(proof.sessionStart).toISOString(),
      finishedAt: new Date(proof.finishedAt).toISOString(),
    };
    logger.info({ event, ...session, by, proof: times, tookMs }, `revoked ${session.name}`);
  } else if (report.type === 'settled') {
    const { namespace, lock, holders, session, held, tookMs } = report;
    const to = holders.map((holder) => holder.session);
    const fields = { event, namespace, lock, session: session?.name, held, to, tookMs };
    logger.info(fields, `settled lock ${lock}`);
  } else if (report.type === 'released') {
    const { namespace, lease, proof, tookMs } = report;
    const times = {
      ...proof,
      acquireTime: new Date(proof.acquireTime).toISOString(),
      renewTime: new Date(proof.renewTime).toISOString(),
      finishedAt: new Date(proof.finishedAt).toISOString(),
    };
    const message = `released Lease ${lease} for ${proof.holder}`;
    logger.info({ event, namespace, lease, proof: times, tookMs }, message);
  } else if (report.type === 'doubtful') {
    const { namespace, lease, holder, why, proof } = report;
    const end = { ...proof, finishedAt: new Date(proof.finishedAt).toISOString() };
    const message = `left ${lease} to its duration: the clocks of its node and of the API server did not agree ${WHEN[why]}`;
    logger.warn({ event, namespace, lease, holder, why, proof: end }, message);
  } else if (report.type === 'leader-label') {
    const { change, namespace, pod, election } = report;
    const message = `${change} the label of ${election}'s leader on Pod ${pod}`;
    logger.info({ event, change, namespace, pod, election }, message);
  } else if (report.type === 'acquired') {
    const { namespace, lock, session, waitedMs } = report;
    logger.debug({ event, namespace, lock, session, waitedMs }, `lock ${lock} was granted`);
  } else if (report.type === 'lost') {
    const { namespace, lock, session, how, by, holders } = report;
    const to = holders.map((holder) => holder.session);
    const fields = { event, namespace, lock, session: session.name, how, by, to };
    logger.info(fields, `lock ${lock} was lost by its holder`);
  } else if (report.type === 'stuck') {
    const { type: _, lockUid: _uid, pod, ...fields } = report;
    const message = `the queue of lock ${report.lock} does not move`;
    logger.warn({ event, ...fields, pod: pod?.name }, message);
  } else if (report.type === 'orphan') {
    const { namespace, lease, holder, silentMs } = report;
    const message = `Lease ${lease} names a holder that does not renew: left as it is`;
    logger.info({ event, namespace, lease, holder, silentMs }, message);
  } else {
    logger.debug({ event, ...report.session }, `deleted blank session ${report.session.name}`);
  }
}
