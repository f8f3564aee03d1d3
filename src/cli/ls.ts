import { Option } from 'commander';
import type { Command } from 'commander';
import type { Facts } from '../inspect/facts.ts';
import type { Snapshot } from '../inspect/snapshot.ts';
import { addClusterOptions } from './connection.ts';
import type { ClusterFlags } from './connection.ts';
import { plainExitCodesHelp } from './exit-codes.ts';
import { exitCodeOfError } from './outcome.ts';
import { say } from './stderr.ts';

interface LsFlags extends ClusterFlags {
  readonly allNamespaces?: true;
  readonly output?: 'json' | 'wide';
  readonly kind?: 'lock' | 'session' | 'election' | 'schedule' | 'state' | 'all';
  readonly selector?: string;
  readonly deadlocks?: true;
}

const KINDS: Record<NonNullable<LsFlags['kind']>, readonly Facts['kind'][]> = {
  lock: ['lock'],
  election: ['election'],
  session: ['session'],
  schedule: ['schedule'],
  state: ['state'],
  all: ['lock', 'election', 'schedule', 'state', 'session', 'other'],
};

const MANUAL = `
Lists what the Leases say: locks, elections, and the sessions of the processes
behind them. Reads only, with list requests, and needs the verb list on leases.
Ages are counted on the API server's clock, to the second.

Locks
  A lock that nobody holds or waits for has no Lease, and is not listed; only a
  semaphore that was resized stays. Where several hold, HOLDER says how many do:
  '3 readers', '2 of 5 permits'; STATE is that of the worst of them, HELD of who
  has held longest. STATE tells of its holder:
    held         it renews its session
    overdue      it did not for its ttl: the first waiter takes the lock over,
                 and without a waiter it stays like that until somebody wants
                 the lock
    blank        its session was revoked: whoever looks next passes the lock on
    missing      its session is gone: passed on one ttl after a waiter has found
                 that out
    void         its owner disowns the hold: passed on likewise
    unreadable   the holder's annotation cannot be read, which blocks the lock
                 until a person removes it; see 'leasehold describe'
    free         nobody holds it, and the first who looks will

Sessions
  One per process. TTL LEFT is how long an observer has to wait until it may
  call it dead; negative is for how long it has been overdue. HOLDS and WAITS
  count locks.

Elections
  have no label, so they are told by their shape: a Lease that counts the
  changes of its leader (spec.leaseTransitions), or that has a strategy.
  Heartbeats do not: those of nodes and API servers and others are listed with
  --kind all only, as other Leases. RENEWED is when the leader has last renewed;
  overdue is one that did not for the duration that the Lease states.

Schedules
  of jobs that are run once for each tick, by one of all processes. STATE is
  idle, or that of the run's session: running while that is live, overdue, blank
  or missing when the run is lost. LAST is when the last run that is over began,
  OUTCOME how it ended, NEXT when it is due again.

States
  are counters, latches and barriers, which outlive those who use them. SAYS is
  the value, how much is left, or how many have arrived.

Deadlocks
  With --deadlocks only those who wait for each other, a line for each, in a
  circle: the first waits for what the second holds. PROOF tells what is known:
    certain      each keeps what it holds until its wait ends
    likely       each waits inside of the 'run' of what it holds
    possible     each process holds and waits, perhaps for two of its tasks
  Processes tell of their waits at each renewal, a third of a ttl apart. What
  they hold in other namespaces is seen with -A. See docs/deadlocks.md.

Output
  In a terminal long names lose their middle, and some columns go where it is
  narrow; otherwise, and with -o wide, everything is there. -o json is stable,
  see docs/cli.md. Colours come on a terminal only, and not with NO_COLOR.

Examples
  leasehold ls -n billing
  leasehold ls -A --kind lock -o wide
  leasehold ls -A --deadlocks
  leasehold ls -A -o json | jq '.items[] | select(.state == "overdue")'
  kubectl leasehold ls -l app=billing

`;

export function addLsCommand(program: Command): void {
  const command = program
    .command('ls')
    .summary('list locks, elections and sessions')
    .description('Lists locks, elections and sessions.')
    .usage('[options]')
    .addOption(new Option('-A, --all-namespaces', 'of all namespaces').conflicts('namespace'))
    .addOption(
      new Option('-o, --output <format>', 'all columns, or for programs').choices(['wide', 'json']),
    )
    .addOption(
      new Option('--kind <kind>', 'only these; with all, other Leases too').choices(
        Object.keys(KINDS),
      ),
    )
    .addOption(new Option('-l, --selector <selector>', 'of labels, as kubectl takes them'))
    .addOption(
      new Option('--deadlocks', 'only those who wait for each other').conflicts([
        'kind',
        'selector',
      ]),
    );
  addClusterOptions(command)
    .addHelpText('after', MANUAL + plainExitCodesHelp([]))
    .action(async (flags: LsFlags) => {
      process.exitCode = await list(flags);
    });
}

async function list(flags: LsFlags): Promise<number> {
  try {
    // Loaded when needed, as `--help` is to be fast.
    const [{ openCluster }, { listSnapshot }, { listing }, { jsonListLines }, { printLines }] =
      await Promise.all([
        import('../client/cluster.ts'),
        import('../inspect/list.ts'),
        import('./output/listing.ts'),
        import('./output/json.ts'),
        import('./output/stdout.ts'),
      ]);
    const cluster = await openCluster(flags);
    const namespace = flags.allNamespaces ? undefined : cluster.namespace;
    const scope = { namespace, selector: flags.selector };
    const { snapshot, chosen } = await listSnapshot(cluster.transport, cluster.clock, scope);
    if (flags.deadlocks) {
      await listDeadlocks(snapshot, namespace, flags);
      return 0;
    }
    const kinds = KINDS[flags.kind ?? 'all'].filter(
      (kind) => kind !== 'other' || flags.kind === 'all',
    );
    const facts = chosen.filter(({ kind }) => kinds.includes(kind));
    if (flags.output === 'json') {
      const serverTime = new Date(snapshot.at).toISOString();
      const head = { namespace: namespace ?? null, serverTime };
      await printLines(jsonListLines(head, snapshot.views(facts)));
    } else if (facts.length === 0) {
      const what = flags.kind === 'all' ? 'Leases' : (flags.kind ?? 'lock, election or session');
      say(`no ${what} in ${namespace === undefined ? 'any namespace' : `namespace ${namespace}`}`);
    } else {
      const style = { namespaces: namespace === undefined, wide: flags.output === 'wide' };
      await printLines(listing(snapshot, facts, style));
    }
    return 0;
  } catch (error) {
    return exitCodeOfError(error, undefined);
  }
}

async function listDeadlocks(
  snapshot: Snapshot,
  namespace: string | undefined,
  { output }: LsFlags,
): Promise<void> {
  const [{ deadlocksIn }, { deadlockLines }, { jsonListLines }, { printLines }] = await Promise.all(
    [
      import('../inspect/deadlocks.ts'),
      import('./output/deadlock-lines.ts'),
      import('./output/json.ts'),
      import('./output/stdout.ts'),
    ],
  );
  const deadlocks = deadlocksIn(snapshot);
  if (output === 'json') {
    const serverTime = new Date(snapshot.at).toISOString();
    await printLines(jsonListLines({ namespace: namespace ?? null, serverTime }, deadlocks));
  } else if (deadlocks.length === 0) {
    say(`no deadlock in ${namespace === undefined ? 'any namespace' : `namespace ${namespace}`}`);
  } else {
    const style = { namespaces: namespace === undefined, wide: output === 'wide' };
    await printLines(deadlockLines(deadlocks, style));
  }
}
