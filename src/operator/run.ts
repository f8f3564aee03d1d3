import { connectTo } from '../client/connect.ts';
import type { Cluster } from '../client/cluster.ts';
import type { EventLogger } from '../telemetry/log.ts';
import { CountingTransport } from './counting-transport.ts';
import { EventWriter } from './event-writer.ts';
import { operatorLog } from './log.ts';
import { Metrics } from './metrics.ts';
import { Operator } from './operator.ts';
import { checkOperatorPermissions } from './permissions.ts';
import { ProbeServer } from './probe-server.ts';
import type { Report } from './report.ts';

const ELECTION = 'leasehold-operator';
/** A leader that is killed is followed within 8 s, well below the ttl of those whom it serves. */
const TIMES = { leaseDuration: '8s', renewDeadline: '6s', retryPeriod: '2s' } as const;

export interface OperatorOptions {
  /** That it looks after; all if undefined. */
  readonly namespaces: readonly string[] | undefined;
  /** How holders of Leases are known. */
  readonly patterns: readonly RegExp[];
  /** Whether to label the Pods of leaders, which needs more permissions. */
  readonly leaderLabel: boolean;
  /** Of `/metrics`, `/healthz` and `/readyz`. */
  readonly port: number;
  /** A queue that has not moved for so many ttl is told; none if 0. */
  readonly stuckAfter: number;
  readonly logger: EventLogger;
}

/**
 * Runs one replica of the operator until the signal aborts; then it gives up the lead, so that another
 * one goes on at once.
 *
 * @param cluster - in whose namespace the election is
 * @throws LeaseholdError `FORBIDDEN` with the rules to add; `API_UNREACHABLE`, `UNAUTHORIZED`;
 * the error of `listen` when the port cannot be had
 */
export async function runOperator(
  cluster: Cluster,
  options: OperatorOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, namespace } = cluster;
  const { patterns, leaderLabel, port, stuckAfter, logger } = options;
  const namespaces = options.namespaces && [...new Set(options.namespaces)];
  const metrics = new Metrics(clock);
  const transport = new CountingTransport(cluster, metrics.countRequest);
  await checkOperatorPermissions(transport, namespaces, namespace, { leaderLabel });
  const events = new EventWriter(transport, clock, metrics.countEvent);
  const log = operatorLog(logger, clock);
  const report = (told: Report): void => {
    log(told);
    metrics.report(told);
    events.report(told);
  };
  const parts = { requests: transport, clock, random: Math.random, report };
  const operator = new Operator({ ...parts, namespaces, patterns, leaderLabel, stuckAfter });
  metrics.observe(operator);
  const probes = await ProbeServer.start(
    {
      isReady: () => operator.synced,
      metrics: () => metrics.text(),
      metricsType: metrics.contentType,
    },
    port,
  );
  const leasehold = await connectTo(() => Promise.resolve({ ...cluster, transport }), {
    checkPermissions: false,
    logger,
  });
  const watching = new AbortController();
  try {
    const where = namespaces?.join(', ') ?? 'all namespaces';
    logger.info({ event: 'started', port: probes.port }, `looking after ${where}`);
    const broken = new AbortController();
    const followed = operator.watch(watching.signal);
    // What should not happen ends the replica in order, and another one goes on.
    followed.catch(() => broken.abort());
    const stopping = AbortSignal.any([signal, broken.signal]);
    const work = async ({ signal: leading }: { signal: AbortSignal }): Promise<void> => {
      metrics.leads(true);
      try {
        await operator.lead(leading);
      } finally {
        metrics.leads(false);
      }
    };
    await leasehold.election(ELECTION, TIMES).run(work, { signal: stopping });
    watching.abort();
    await followed;
  } finally {
    watching.abort();
    events.stop();
    await probes.stop();
    await leasehold.close();
  }
  logger.info({ event: 'stopped' }, 'stopped, and resigned');
}
