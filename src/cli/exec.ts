import { Option } from 'commander';
import type { Command } from 'commander';
import { milliseconds, ttlSeconds } from '../core/duration.ts';
import { MARGIN } from '../core/validity.ts';
import type { Held, Leasehold } from '../index.ts';
import { addConnectionOptions, open } from './connection.ts';
import type { ConnectionFlags } from './connection.ts';
import { EXIT, exitCodeOfSignal, exitCodesHelp } from './exit-codes.ts';
import { Guard } from './guard.ts';
import { exitCodeOfEnding, exitCodeOfError, reasonOf, unless } from './outcome.ts';
import { SignalHandling } from './signals.ts';
import { say } from './stderr.ts';

interface ExecFlags extends ConnectionFlags {
  readonly timeout?: string;
  readonly try?: true;
  readonly ttl: string;
}

/** After a loss there is nothing to give back that others wait for. */
const CLOSE_AFTER_LOSS_MS = 2_000;

const MANUAL = `
Waits until the lock is free, runs the command, and gives the lock back when the
command has ended. Locks are Leases: 'kubectl get lease NAME' names the holder.
Any name will do, of up to 1,024 characters. Waiting is fair: whoever came first
goes first.

The command
  gets LEASEHOLD_LOCK (the name) and LEASEHOLD_FENCE (a number that grows with
  every holder: let whatever the command writes to refuse a lower one) in its
  environment. Its input and output are those of leasehold, and signals (INT,
  TERM, HUP, QUIT, USR1, USR2, WINCH, TSTP, CONT) are passed on to its process
  group. While leasehold still waits, INT, TERM, HUP and QUIT end it.

When the lock is lost
  that is when it could not be renewed for four fifths of the ttl, or somebody
  deleted the Lease, the command's whole process group gets SIGTERM, and SIGKILL
  after another tenth of the ttl: before anybody else can hold the lock. A
  watchdog, a small process that is the command's parent, sees to that even if
  leasehold itself is killed, stopped or stalled. It cannot reach processes that
  left the process group (setsid) or became another user's (sudo), nor protect
  you if it is killed in the same moment as leasehold. A deleted Lease is free
  at once, to others before to you.

When the command ends
  what it has left running in its process group gets a second to end, then
  SIGTERM, then SIGKILL, and only then is the lock given back. A daemon that is
  to go on without the lock needs 'setsid'.

In a terminal
  the command gets the terminal, Ctrl-C and Ctrl-Z included, if stdin and stdout
  are one; that takes /bin/sh with job control (dash, bash, busybox). Otherwise
  it runs in a session of its own, without a controlling terminal. A suspended
  leasehold renews nothing: after the ttl the command is killed.

Examples
  leasehold exec migrations -- npm run migrate
  leasehold exec --try nightly-report -n jobs -- ./report.sh  # or skip
  leasehold exec --timeout 30s deploy/web -- sh -c 'terraform apply && ./test'
  kubectl leasehold exec maintenance -- bash             # an interactive shell

`;

const EXIT_CODES = exitCodesHelp([
  ['75', '--try: somebody else holds the lock'],
  ['76', '--timeout: the lock was not granted in time'],
  ['79', 'the lock was lost, and the command was ended for it'],
]);

export function addExecCommand(program: Command): void {
  const command = program
    .command('exec')
    .summary('run a command while holding a lock')
    .description('Runs a command while holding a lock: never two at a time, in the whole cluster.')
    .usage('NAME [options] -- COMMAND [ARGUMENT...]')
    .argument('<name>', 'the lock')
    .argument('<command...>', 'what to run, and its arguments')
    .addOption(
      new Option('--timeout <duration>', 'give up after this time, such as 500ms, 30s, 5m, 2h'),
    )
    .addOption(
      new Option('--try', 'do not wait while somebody holds the lock').conflicts('timeout'),
    )
    .addOption(
      new Option(
        '--ttl <duration>',
        'how long the lock of a holder that vanished stays taken: 2s to 3600s',
      ).default('15s'),
    );
  addConnectionOptions(command)
    .addHelpText('after', MANUAL + EXIT_CODES)
    .action(async (name: string, words: string[], flags: ExecFlags) => {
      process.exitCode = await execute(name, words, flags);
    });
}

async function execute(
  name: string,
  command: readonly string[],
  flags: ExecFlags,
): Promise<number> {
  const marginMs = ttlSeconds(flags.ttl, '--ttl') * 1_000 * MARGIN;
  if (flags.timeout !== undefined) milliseconds(flags.timeout, '--timeout');
  const signals = new SignalHandling((signal) => process.exit(exitCodeOfSignal(signal)));
  const guard = new Guard(marginMs);
  try {
    const leasehold = await unless(signals.waiting, open(flags, { ttl: flags.ttl }));
    try {
      const held = await acquire(leasehold, name, flags, signals.waiting);
      if (held) return await runHolding(held, command, guard, signals);
      say(`lock ${name} is taken`);
      return EXIT.taken;
    } finally {
      await leasehold.close();
    }
  } catch (error) {
    return exitCodeOfError(error, signals);
  } finally {
    guard.dismiss();
  }
}

function acquire(
  leasehold: Leasehold,
  name: string,
  flags: ExecFlags,
  signal: AbortSignal,
): Promise<Held | undefined> {
  const lock = leasehold.lock(name);
  if (flags.try) return lock.tryAcquire({ signal });
  const { timeout } = flags;
  return lock.acquire({ signal, ...(timeout === undefined ? {} : { timeout }) });
}

async function runHolding(
  held: Held,
  command: readonly string[],
  guard: Guard,
  signals: SignalHandling,
): Promise<number> {
  const variables = { LEASEHOLD_LOCK: held.name, LEASEHOLD_FENCE: String(held.fence) };
  const ending = await guard.run({ command, variables }, held, signals);
  if (ending.kind === 'terminated') {
    say(`${reasonOf(held.signal)}; the command was ended`);
    // The session goes with it; a server that does not answer must not keep us.
    setTimeout(() => process.exit(EXIT.lost), CLOSE_AFTER_LOSS_MS).unref();
    return EXIT.lost;
  }
  await held.release();
  return exitCodeOfEnding(ending, command[0] ?? '');
}
