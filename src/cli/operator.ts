import { Option } from 'commander';
import type { Command } from 'commander';
import { LeaseholdError } from '../core/errors.ts';
import { EXIT, exitCodeOfSignal, plainExitCodesHelp } from './exit-codes.ts';
import { exitCodeOfError } from './outcome.ts';
import { SignalHandling } from './signals.ts';
import { say } from './stderr.ts';

interface OperatorFlags {
  readonly namespace?: readonly string[];
  readonly electionNamespace?: string;
  readonly leaderLabel?: true;
  readonly holderPattern?: readonly string[];
  readonly port: string;
  readonly stuckAfter: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly verbose?: true;
}

const MANUAL = `
Runs until INT or TERM. Of several replicas one leads, by an election named
leasehold-operator; the others watch as it does, and one of them goes on at once
when it ends.

What it does
  reclaims   the kubelet reports that a container has ended: the session of the
             process in it is revoked, and its locks go to those who wait, in
             place of after a ttl. Nothing less than the end of the container
             counts: see docs/operations.md.
  releases   and any other election's Lease (client-go, controller-runtime, ...)
             whose leader has ended with all containers of its Pod, if the Lease
             or its namespace has the label leasehold.dev/reclaim=enabled.
  labels     with --leader-label: the Pod of the leader has
             leasehold.dev/leader=<election>, and no other Pod, so that a
             Service can select it; for elections whose Lease has the label
             leasehold.dev/leader-label=enabled.
  tidies up  blank sessions, locks and queue entries of the dead, every five
             minutes. Leases of others that nobody renews are only reported.
  tells      in Events on the Lease and the Pod, in logs (JSON lines on stdout),
             and on /metrics, /healthz and /readyz.

It needs list and watch on pods, create and patch on events, get on namespaces,
and get, list, watch, update and delete on leases in the namespaces that it
looks after; and in its own what an election needs. With --leader-label also
patch on pods, and list on services and endpointslices. What is missing is told
at the start, as rules to add.

Examples
  leasehold operator
  leasehold operator -n billing -n shop --election-namespace leasehold
  leasehold operator --port 0 --verbose

`;

export function addOperatorCommand(program: Command): void {
  program
    .command('operator')
    .summary('reclaim locks of ended containers')
    .description('Reclaims locks as soon as the container of their holder has ended.')
    .usage('[options]')
    .addOption(
      new Option(
        '-n, --namespace <name>',
        'look after this one; may be repeated; all namespaces if omitted',
      ).argParser(repeated),
    )
    .addOption(
      new Option(
        '--election-namespace <name>',
        "where its own election is; the Pod's or the context's if omitted",
      ),
    )
    .addOption(
      new Option('--leader-label', 'label the Pods of leaders, for Services that select by it'),
    )
    .addOption(
      new Option(
        '--holder-pattern <regexp>',
        'how a holder of a Lease names its Pod, beside what is known of libraries: a regular expression with a group (?<pod>...), and (?<unique>...) for what each process makes up anew; may be repeated',
      ).argParser(repeated),
    )
    .addOption(
      new Option('--port <number>', 'of /metrics, /healthz and /readyz; 0 for any').default('8080'),
    )
    .addOption(
      new Option(
        '--stuck-after <number>',
        'tell of a queue that has not moved for so many ttl; 0 for never',
      ).default('20'),
    )
    .addOption(
      new Option(
        '--kubeconfig <file>',
        "inside a Pod its service account if omitted, else kubectl's",
      ),
    )
    .addOption(new Option('--context <name>', 'of the kubeconfig; its current one if omitted'))
    .addOption(new Option('--verbose', 'log details, too'))
    .addHelpText(
      'after',
      MANUAL +
        plainExitCodesHelp([
          ['71', 'the port cannot be had'],
          ['128+n', 'ended at once by a second signal n'],
        ]),
    )
    .action(async (flags: OperatorFlags) => {
      process.exitCode = await operate(flags);
    });
}

function repeated(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

async function operate(flags: OperatorFlags): Promise<number> {
  const signals = new SignalHandling((signal) => process.exit(exitCodeOfSignal(signal)));
  try {
    const port = portOf(flags.port);
    const stuckAfter = stuckAfterOf(flags.stuckAfter);
    const [{ openCluster }, { runOperator }, { holderPatterns }, { checkNamespace }, { pino }] =
      await Promise.all([
        import('../client/cluster.ts'),
        import('../operator/run.ts'),
        import('../operator/holder.ts'),
        import('../core/names.ts'),
        import('pino'),
      ]);
    const { namespace: namespaces, electionNamespace, kubeconfig, context } = flags;
    for (const namespace of namespaces ?? []) checkNamespace(namespace);
    const patterns = holderPatterns(flags.holderPattern);
    const cluster = await openCluster({
      ...(electionNamespace === undefined ? {} : { namespace: electionNamespace }),
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(context === undefined ? {} : { context }),
    });
    const level = flags.verbose ? 'debug' : 'info';
    const logger = pino(
      { name: 'leasehold-operator', level },
      pino.destination({ fd: 1, sync: true }),
    );
    const leaderLabel = flags.leaderLabel ?? false;
    const options = { namespaces, patterns, leaderLabel, port, stuckAfter, logger };
    await runOperator(cluster, options, signals.waiting);
    return 0;
  } catch (error) {
    if (isPortFailure(error)) {
      say(`port ${flags.port} cannot be had (${error.message}): name another by --port`);
      return EXIT.system;
    }
    return exitCodeOfError(error, signals);
  }
}

function isPortFailure(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && error.syscall === 'listen';
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new LeaseholdError(
    'INVALID_ARGUMENT',
    `--port must be a number from 0 to 65535, not ${text}`,
  );
}

function stuckAfterOf(text: string): number {
  const ttls = Number(text);
  if (text.trim() !== '' && ttls >= 0 && Number.isFinite(ttls)) return ttls;
  throw new LeaseholdError(
    'INVALID_ARGUMENT',
    `--stuck-after must be how many ttl a queue may stand, or 0, not ${text}`,
  );
}
