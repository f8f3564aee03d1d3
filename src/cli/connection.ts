import { Option } from 'commander';
import type { Command } from 'commander';
import { SUPERVISOR_VARIABLE } from '../client/announcement.ts';
import type { LeaseholdEvent } from '../core/events.ts';
import type { ConnectOptions, Leasehold } from '../index.ts';
import { say } from './stderr.ts';

/** Which API server, and where on it. */
export interface ClusterFlags {
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** What every command that uses the library is given. */
export interface ConnectionFlags extends ClusterFlags {
  readonly verbose?: true;
}

export function addClusterOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '-n, --namespace <name>',
        "where the Lease is; the context's or the Pod's if omitted",
      ),
    )
    .addOption(
      new Option(
        '--kubeconfig <file>',
        "inside a Pod its service account if omitted, else kubectl's",
      ),
    )
    .addOption(new Option('--context <name>', 'of the kubeconfig; its current one if omitted'));
}

export function addConnectionOptions(command: Command): Command {
  return addClusterOptions(command).addOption(
    new Option('--verbose', 'log what happens to stderr, as JSON lines'),
  );
}

/** Connects, and tells people what they should know. Loads the library, which takes its time. */
export async function open(flags: ConnectionFlags, options: ConnectOptions): Promise<Leasehold> {
  const [{ connect }, logging] = await Promise.all([import('../index.ts'), loggingOf(flags)]);
  const { namespace, kubeconfig, context } = flags;
  // Our death is not that of the command that we run, which the watchdog ends a little later.
  Reflect.deleteProperty(process.env, SUPERVISOR_VARIABLE);
  return connect({
    ...(namespace === undefined ? {} : { namespace }),
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
    ...logging,
    ...options,
  });
}

async function loggingOf(
  flags: ConnectionFlags,
): Promise<Pick<ConnectOptions, 'logger' | 'onEvent'>> {
  if (!flags.verbose) return { onEvent: warn() };
  const { pino } = await import('pino');
  // Written at once, so that nothing is missing however this process ends.
  const logger = pino(
    { name: 'leasehold', level: 'debug' },
    pino.destination({ fd: 2, sync: true }),
  );
  return { logger };
}

/** The few events that need a person; the same trouble is told once, not at every try. */
function warn(): (event: LeaseholdEvent) => void {
  let told = '';
  return (event) => {
    if (event.type === 'session-warning' || event.type === 'leadership-warning') {
      const seconds = (event.validForMs / 1_000).toFixed(1);
      say(`the API server does not answer; ${seconds} s are left to renew`);
    } else if (event.type === 'api-trouble' && event.error !== told) {
      told = event.error;
      say(event.error);
    }
  };
}
