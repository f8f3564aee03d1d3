import { Option } from 'commander';
import type { Command } from 'commander';
import { milliseconds, ttlSeconds } from '../core/duration.ts';
import { isLeaseholdError } from '../core/errors.ts';
import type { Election, Leadership, Leasehold } from '../index.ts';
import { addConnectionOptions, open } from './connection.ts';
import type { ConnectionFlags } from './connection.ts';
import { exitCodeOfSignal, exitCodesHelp } from './exit-codes.ts';
import { Guard } from './guard.ts';
import type { Ending } from './guard.ts';
import { exitCodeOfEnding, exitCodeOfError, reasonOf, unless } from './outcome.ts';
import { SignalHandling } from './signals.ts';
import { say } from './stderr.ts';

interface ElectFlags extends ConnectionFlags {
  readonly leaseDuration: string;
  readonly renewDeadline: string;
  readonly retryPeriod: string;
  readonly identity?: string;
  readonly leaderLabel?: true;
  readonly priority?: string;
  readonly value?: string;
}

const MANUAL = `
Stands for election, runs the command while leading, and resigns when the
command has ended by itself. When the term is lost the command is ended, and
leasehold stands again: the command is started anew with each term. Any number
of candidates may stand, one leads.

The election is a plain Lease, field for field as client-go writes it:
candidates in Go, Java, Python and .NET can stand beside this one. Give all of
them the same durations.

The command
  gets LEASEHOLD_ELECTION (the name), LEASEHOLD_IDENTITY (as in the Lease) and
  LEASEHOLD_FENCE (a number that grows with every term: let whatever the command
  writes to refuse a lower one) in its environment. Signals are passed on to its
  process group; while leasehold stands, INT, TERM, HUP and QUIT end it.

Priorities
  A candidate with a --priority asks a leader of a lower one for its place, when
  it has stood for --lease-duration: the leader's command is then ended as by
  'leasehold resign'. Needs what locks need, and 'leasehold describe' lists it.

When the term is lost
  that is when no renewal succeeded for --renew-deadline, or somebody took or
  deleted the Lease, the command's whole process group gets SIGTERM, and SIGKILL
  half-way between --renew-deadline and --lease-duration: before anybody else
  can lead. A watchdog sees to that even if leasehold itself is killed or
  stopped. What 'leasehold exec --help' says of the watchdog, of terminals and
  of what a command leaves running holds here too.

Examples
  leasehold elect scheduler -- node scheduler.js
  leasehold elect scheduler --identity "$POD_NAME" -n jobs -- ./scheduler
  leasehold elect warmer --lease-duration 5s --renew-deadline 3s -- ./warm --all

`;

const EXIT_CODES = exitCodesHelp([]);

export function addElectCommand(program: Command): void {
  const command = program
    .command('elect')
    .summary('run a command while leading')
    .description('Runs a command while this candidate leads: one of all candidates at a time.')
    .usage('NAME [options] -- COMMAND [ARGUMENT...]')
    .argument('<name>', 'the election')
    .argument('<command...>', 'what to run, and its arguments')
    .addOption(
      new Option(
        '--lease-duration <duration>',
        'how long a silent leader is waited for: whole seconds',
      ).default('15s'),
    )
    .addOption(
      new Option(
        '--renew-deadline <duration>',
        'how long a leader goes on without a renewal',
      ).default('10s'),
    )
    .addOption(new Option('--retry-period <duration>', 'how often a leader renews').default('2s'))
    .addOption(
      new Option(
        '--identity <name>',
        "in the Lease; the Pod's or host's and a random suffix if omitted",
      ),
    )
    .addOption(
      new Option(
        '--leader-label',
        "ask 'leasehold operator --leader-label' to label the leader's Pod for Services",
      ),
    )
    .addOption(
      new Option(
        '--priority <number>',
        'ask a leader of a lower one for its place; none if omitted',
      ),
    )
    .addOption(
      new Option('--value <text>', 'what observers are told of this leader: an address, a version'),
    );
  addConnectionOptions(command)
    .addHelpText('after', MANUAL + EXIT_CODES)
    .action(async (name: string, words: string[], flags: ElectFlags) => {
      process.exitCode = await elect(name, words, flags);
    });
}

async function elect(name: string, command: readonly string[], flags: ElectFlags): Promise<number> {
  const { leaseDuration, renewDeadline, retryPeriod, identity, leaderLabel = false } = flags;
  const { priority, value } = flags;
  const marginMs =
    ttlSeconds(leaseDuration, '--lease-duration') * 1_000 -
    milliseconds(renewDeadline, '--renew-deadline');
  const signals = new SignalHandling((signal) => process.exit(exitCodeOfSignal(signal)));
  try {
    const leasehold = await unless(signals.waiting, openForElection(flags));
    try {
      const election = leasehold.election(name, {
        leaseDuration,
        renewDeadline,
        retryPeriod,
        leaderLabel,
        ...(identity === undefined ? {} : { identity }),
        ...(priority === undefined ? {} : { priority: numberOf(priority) }),
      });
      for (;;) {
        const term = { election, command, value };
        const ending = await runTerm(term, new Guard(marginMs), signals);
        if (ending.kind !== 'terminated') return exitCodeOfEnding(ending, command[0] ?? '');
      }
    } finally {
      await leasehold.close();
    }
  } catch (error) {
    return exitCodeOfError(error, signals);
  }
}

/** What is no number is refused as a priority. */
function numberOf(text: string): number {
  return /^[-+]?\d+$/.test(text) ? Number(text) : Number.NaN;
}

/** Finds out whether the API server can be reached; an election needs less than all permissions. */
async function openForElection(flags: ElectFlags): Promise<Leasehold> {
  try {
    return await open(flags, {});
  } catch (error) {
    if (!isLeaseholdError(error, 'FORBIDDEN')) throw error;
    return open(flags, { checkPermissions: false });
  }
}

async function runTerm(
  {
    election,
    command,
    value,
  }: {
    readonly election: Election;
    readonly command: readonly string[];
    readonly value: string | undefined;
  },
  guard: Guard,
  signals: SignalHandling,
): Promise<Ending> {
  let term: Leadership | undefined;
  try {
    term = await election.acquire({
      signal: signals.waiting,
      ...(value === undefined ? {} : { value }),
    });
    const variables = {
      LEASEHOLD_ELECTION: term.name,
      LEASEHOLD_IDENTITY: term.identity,
      LEASEHOLD_FENCE: String(term.fence),
    };
    const ending = await guard.run({ command, variables }, term, signals);
    if (ending.kind === 'terminated') say(`${reasonOf(term.signal)}; the command was ended`);
    return ending;
  } finally {
    guard.dismiss();
    await term?.resign();
  }
}
