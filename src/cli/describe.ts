import { Option } from 'commander';
import type { Command } from 'commander';
import type { View } from '../inspect/views.ts';
import { addClusterOptions } from './connection.ts';
import type { ClusterFlags } from './connection.ts';
import { EXIT, plainExitCodesHelp } from './exit-codes.ts';
import { exitCodeOfError } from './outcome.ts';
import { say } from './stderr.ts';

interface DescribeFlags extends ClusterFlags {
  readonly output?: 'json';
}

const MOST_EVENTS = 5;

const MANUAL = `
Tells all that the Leases say of one lock, election or session, and what can be
done about it. The name is what its users call it, or the name of its Lease; a
lock goes before an election, and that before a session. Reads only, and needs
the verb list on leases; with list on events it tells the last few of them, with
get on pods the nodes of holders.

A lock
  its holder, since when, with its fencing token, its process, and how its
  session is; of readers each, and of a semaphore what each holds, how many
  permits are held of how many, and whether that number was changed; the queue,
  in the order in which it is granted; entries that are void (disowned by their
  owner), challenged (a waiter asks the owner whether it knows them), or cannot
  be read. A lock that nobody holds or waits for has no Lease, so there is
  nothing to describe.

An election
  its leader, since when, when it has last renewed, how often the leader has
  changed, and notes: whom the last leader wants to lead next, and whether the
  leader was asked to resign; the value that the leader publishes and its
  priority; and those candidates that have a priority, the best first.

A schedule
  when it is due, by what it was last run with, and next; the run that goes on,
  and the last one: its tick, when it began and ended, where, and the outcome.

A session
  its process, how much of its ttl is left, and the locks that it holds and
  waits for.

How it counts
  'since' is what the writer's clock said; ages are counted from that on the API
  server's clock. Renewals are what the API server itself has noted, to the
  second. 'ttl left' is what an observer knows: the process itself stops a fifth
  of its ttl earlier.

Examples
  leasehold describe invoices -n billing
  leasehold describe 'nightly report / EU'
  leasehold describe billing-x2kq4-1f9a3c21 -o json | jq '.holds'

`;

export function addDescribeCommand(program: Command): void {
  const command = program
    .command('describe')
    .summary('tell all about one lock, election or session')
    .description('Tells all about one lock, election or session.')
    .usage('NAME [options]')
    .argument('<name>', 'a lock, an election, or a session')
    .addOption(new Option('-o, --output <format>', 'for programs').choices(['json']));
  addClusterOptions(command)
    .addHelpText(
      'after',
      MANUAL +
        plainExitCodesHelp([
          [
            String(EXIT.noSuchName),
            'there is no lock, election, session or other Lease of that name',
          ],
        ]),
    )
    .action(async (name: string, flags: DescribeFlags) => {
      process.exitCode = await describe(name, flags);
    });
}

async function describe(name: string, flags: DescribeFlags): Promise<number> {
  try {
    const [{ openCluster }, { listSnapshot }, { findNamed, nearNames }, surroundings] =
      await Promise.all([
        import('../client/cluster.ts'),
        import('../inspect/list.ts'),
        import('../inspect/find.ts'),
        import('../inspect/surroundings.ts'),
      ]);
    const [{ description }, { jsonLines }, { printLines }, { printable }] = await Promise.all([
      import('./output/description.ts'),
      import('./output/json.ts'),
      import('./output/stdout.ts'),
      import('./output/text.ts'),
    ]);
    const { transport, clock, namespace } = await openCluster(flags);
    const { snapshot } = await listSnapshot(transport, clock, { namespace });
    const found = findNamed(snapshot.facts, name);
    if (!found) {
      const near = nearNames(snapshot.facts, name).map(printable).join(', ');
      const hint = near === '' ? 'a lock that nobody holds has no Lease' : `did you mean ${near}?`;
      say(`no lock, election or session ${printable(name)} in namespace ${namespace}; ${hint}`);
      return EXIT.noSuchName;
    }
    const view = snapshot.view(found);
    const [events, nodes] = await Promise.all([
      surroundings.eventsOf(transport, namespace, found.lease, MOST_EVENTS),
      surroundings.nodesOf(transport, namespace, podsOf(view)),
    ]);
    const { at } = snapshot;
    await printLines(
      flags.output === 'json'
        ? jsonLines({
            ...view,
            serverTime: new Date(at).toISOString(),
            nodes: Object.fromEntries(nodes),
            events: events ?? null,
          })
        : description(view, { nodes, events, at }),
    );
    return 0;
  } catch (error) {
    return exitCodeOfError(error, undefined);
  }
}

/** Of whom it matters on which node they are: not of those that wait. */
function podsOf(view: View): string[] {
  const pods =
    view.kind === 'Lock'
      ? view.holders.map(({ pod }) => pod)
      : view.kind === 'Session'
        ? [view.pod]
        : [];
  return pods.filter((pod) => pod !== null);
}
