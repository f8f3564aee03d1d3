import { Option } from 'commander';
import type { Command } from 'commander';
import type { Facts } from '../inspect/facts.ts';
import type { Change } from '../inspect/change.ts';
import { addClusterOptions } from './connection.ts';
import type { ClusterFlags } from './connection.ts';
import { exitCodeOfSignal, plainExitCodesHelp } from './exit-codes.ts';
import { exitCodeOfError, unless } from './outcome.ts';
import { SignalHandling } from './signals.ts';
import { say } from './stderr.ts';

interface WatchFlags extends ClusterFlags {
  readonly allNamespaces?: true;
  readonly output?: 'json';
}

const TICK_MS = 1_000;

const MANUAL = `
Follows what happens to locks, elections and sessions, one line each, until it
is ended (Ctrl-C). What there is already is not told: see 'leasehold ls'. With a
name only of that lock, election or session, and what the session of that name
does. Reads only, and needs the verbs list and watch on leases.

What is told
  acquired, released      a lock was free and is held; was given back, after so
                          long
  waiting, granted        a session has joined the queue; was next: from whom,
                          after how long
  gave-up                 left the queue
  lost, dropped           of a holder, of a waiter: gone without giving it back,
                          and why
  unreadable              the entry of a holder cannot be read, which blocks the
                          lock
  session-began, -ended   of a process
  session-revoked         it is dead for everybody, with all that it held
  session-overdue         not seen renewing for its ttl; -renewed if it was
                          after all
  leading, resigned       a leader was elected: after whom; gave it up
  resign-requested        somebody asked the leader to resign
  leader-overdue          not seen renewing for the lease duration; -renewed if
                          it was after all

When the API server cannot be reached
  it says so, tries again, and goes on where it was. If the server no longer
  knows that point, it compares what is there then with what it knew: nothing is
  told twice, but what came and went in between is not told, nor whether a lock
  was released or lost.

Output
  times are this machine's. -o json writes one document a line, see docs/cli.md;
  what it says of itself goes to stderr.

Examples
  leasehold watch -n billing
  leasehold watch invoices
  leasehold watch -A -o json | jq -c 'select(.type == "lost")'

`;

export function addWatchCommand(program: Command): void {
  const command = program
    .command('watch')
    .summary('follow what happens')
    .description('Follows what happens to locks, elections and sessions.')
    .usage('[NAME] [options]')
    .argument('[name]', 'a lock, an election, or a session; all if omitted')
    .addOption(new Option('-A, --all-namespaces', 'of all namespaces').conflicts('namespace'))
    .addOption(new Option('-o, --output <format>', 'for programs').choices(['json']));
  addClusterOptions(command)
    .addHelpText(
      'after',
      MANUAL + plainExitCodesHelp([['128+n', 'ended by signal n: 130 after Ctrl-C']]),
    )
    .action(async (name: string | undefined, flags: WatchFlags) => {
      process.exitCode = await watch(name, flags);
    });
}

async function watch(name: string | undefined, flags: WatchFlags): Promise<number> {
  const signals = new SignalHandling((signal) => process.exit(exitCodeOfSignal(signal)));
  try {
    const [{ openCluster }, { Follower }, { ChangeTracker }, { isNamed }] = await Promise.all([
      import('../client/cluster.ts'),
      import('../inspect/follow.ts'),
      import('../inspect/changes.ts'),
      import('../inspect/find.ts'),
    ]);
    const [{ changeLine }, { jsonLine }, { print }] = await Promise.all([
      import('./output/change-line.ts'),
      import('./output/json.ts'),
      import('./output/stdout.ts'),
    ]);
    const { transport, clock, ...cluster } = await unless(signals.waiting, openCluster(flags));
    const namespace = flags.allNamespaces ? undefined : cluster.namespace;
    const where = namespace === undefined ? 'all namespaces' : `namespace ${namespace}`;
    const style = { namespaces: namespace === undefined };
    const tracker = new ChangeTracker(clock, (change) => {
      if (name !== undefined && !concerns(change, name, isNamed)) return;
      const line = flags.output === 'json' ? jsonLine(change) : changeLine(change, style);
      void print(`${line}\n`);
    });

    let hears = false;
    let isFirst = true;
    const follower = new Follower(
      transport,
      { clock, random: Math.random },
      { namespace },
      {
        listed(listed) {
          tracker.listed(listed);
          if (isFirst) say(`watching ${where}: ${summary(listed.facts)}`);
          else if (!hears) say('watching again');
          isFirst = false;
          hears = true;
        },
        written: (facts) => tracker.written(facts),
        deleted: (facts) => tracker.deleted(facts),
        interrupted(outcome) {
          const why = outcome.kind === 'refused' ? outcome.message : messageOf(outcome.error);
          if (hears) say(`the API server does not answer (${why}); trying again`);
          hears = false;
        },
        resumed() {
          tracker.resumed();
          say('watching again');
          hears = true;
        },
      },
    );
    const ticking = setInterval(() => {
      if (hears) tracker.tick();
    }, TICK_MS);
    try {
      await follower.run(signals.waiting);
    } finally {
      clearInterval(ticking);
    }
    return exitCodeOfSignal(signals.received ?? 'SIGINT');
  } catch (error) {
    return exitCodeOfError(error, signals);
  }
}

type Named = Pick<Facts, 'name' | 'lease'>;

function concerns(
  change: Change,
  name: string,
  isNamed: (facts: Named, name: string) => boolean,
): boolean {
  return isNamed(change, name) || change.session === name || change.process === name;
}

function summary(facts: readonly Facts[]): string {
  const count = (kind: Facts['kind']): number => facts.filter((one) => one.kind === kind).length;
  const several = (number: number, what: string): string =>
    `${String(number)} ${what}${number === 1 ? '' : 's'}`;
  return [
    several(count('lock'), 'lock'),
    several(count('election'), 'election'),
    several(count('session'), 'session'),
  ].join(', ');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
