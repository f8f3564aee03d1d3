import { openCluster } from '../../client/cluster.ts';
import type { Cluster } from '../../client/cluster.ts';
import { ttlSeconds } from '../../core/duration.ts';
import { isLeaseholdError } from '../../core/errors.ts';
import { listSnapshot } from '../../inspect/list.ts';
import type { ClusterFlags } from '../connection.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonLines } from '../output/json.ts';
import { paintStdout } from '../output/paint.ts';
import type { Colour } from '../output/paint.ts';
import { print, printLines } from '../output/stdout.ts';
import { printable } from '../output/text.ts';
import { wrapped } from '../wrapped.ts';
import { checkConfiguration, checkOwner, checkProgram } from './environment.ts';
import type { Finding, Level } from './finding.ts';
import { checkGuard } from './guard.ts';
import { checkReads, checkTtl, checkWrites } from './latency.ts';
import { checkLeases } from './leases.ts';
import { checkOperator } from './operator.ts';
import { checkPermissions } from './permissions.ts';
import { checkClock, checkIdentity, checkVersion, reach } from './server.ts';

export interface DoctorFlags extends ClusterFlags {
  readonly ttl: string;
  readonly write?: true;
  readonly output?: 'json';
}

const COLOURS: Record<Level, Colour> = {
  good: 'green',
  info: 'dim',
  warning: 'yellow',
  bad: 'red',
};
const COLUMNS = 79;
const INDENT = '         ';

export async function runDoctor(flags: DoctorFlags): Promise<number> {
  const ttl = ttlSeconds(flags.ttl, '--ttl') * 1_000;
  const findings: Finding[] = [];
  for await (const finding of diagnose(flags, ttl)) {
    findings.push(finding);
    if (flags.output !== 'json') await print(`${lines(finding).join('\n')}\n`);
  }
  const bad = findings.filter(({ level }) => level === 'bad').length;
  const warnings = findings.filter(({ level }) => level === 'warning').length;
  if (flags.output === 'json') {
    await printLines(jsonLines({ kind: 'Diagnosis', bad, warnings, findings }));
  } else {
    await print(`\n${String(bad)} bad, ${counted(warnings, 'warning')}\n`);
  }
  return bad === 0 ? 0 : EXIT.unhealthy;
}

/** One after the other, as a person reads them; what depends on a check that failed is left out. */
async function* diagnose(flags: DoctorFlags, ttl: number): AsyncGenerator<Finding> {
  yield checkProgram(process.versions.node);
  let cluster: Cluster;
  try {
    cluster = await openCluster(flags);
  } catch (error) {
    yield misconfigured(error);
    return;
  }
  try {
    yield checkConfiguration(cluster);
    const reached = await reach(cluster);
    if ('check' in reached) {
      yield reached;
      return;
    }
    yield checkVersion(reached);
    yield checkClock(reached);
    const identity = await checkIdentity(cluster);
    yield identity;
    if (identity.level === 'bad') return;
    yield await checkOwner(cluster);
    yield* await checkPermissions(cluster);
    const { finding, latency } = await checkReads(cluster, ttl);
    yield finding;
    if (flags.write) yield await checkWrites(cluster, ttl);
    yield checkTtl(ttl, latency);
    yield* await leasesOf(cluster);
    yield await checkGuard(cluster);
    yield await checkOperator(cluster);
  } finally {
    cluster.transport.close();
  }
}

function misconfigured(error: unknown): Finding {
  if (!isLeaseholdError(error)) throw error;
  return {
    check: 'configuration',
    level: 'bad',
    message: error.message,
    remedy:
      'set KUBECONFIG, pass --kubeconfig or --context, or give the Pod a service account (automountServiceAccountToken)',
  };
}

async function leasesOf({ transport, clock, namespace }: Cluster): Promise<Finding[]> {
  try {
    const { snapshot } = await listSnapshot(transport, clock, { namespace });
    return checkLeases(snapshot.facts, snapshot.at);
  } catch (error) {
    if (!isLeaseholdError(error)) throw error;
    return [
      {
        check: 'leases',
        level: 'warning',
        message: `Leases are not looked at: ${error.message}`,
        remedy:
          error.code === 'FORBIDDEN'
            ? 'add the rule for ls that is above, or ask somebody who may list Leases to run this'
            : 'run it again once the API server answers',
      },
    ];
  }
}

function lines({ level, message, remedy }: Finding): string[] {
  const [first = '', ...rest] = wrapped(printable(message), COLUMNS - INDENT.length);
  return [
    `${paintStdout(COLOURS[level], level.padEnd(INDENT.length - 1))} ${first}`,
    ...rest.map((line) => INDENT + line),
    ...(remedy === undefined
      ? []
      : wrapped(`-> ${printable(remedy)}`, COLUMNS - INDENT.length).map((line) => INDENT + line)),
  ];
}

function counted(number: number, what: string): string {
  return `${String(number)} ${what}${number === 1 ? '' : 's'}`;
}
