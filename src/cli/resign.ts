import { Option } from 'commander';
import type { Command } from 'commander';
import { plainExitCodesHelp, REPAIR_EXIT_CODES } from './exit-codes.ts';
import { addRepairOptions } from './repair/options.ts';
import type { ResignFlags } from './repair/resign.ts';

const MANUAL = `
Asks the leader of an election to resign, waits until it has, and says who leads
now. The request is an annotation on the Lease, for the present term only. A
leader of leasehold sees it at its next renewal (every 2s by default), tells its
work to stop, and gives the Lease up when that has ended. It stands again after
that, behind the others.

--to NAME asks the other candidates of leasehold to stand back for one retry
period in favour of NAME: an identity, or the name of a Pod.

A leader of another library (client-go and its like) does not know the request.
Restart it, or see --force.

--force gives the Lease up in the leader's name, without its knowing. A leader
of client-go may take it right back. If another candidate takes it, the old
leader goes on until it notices: its next renewal with leasehold, its renew
deadline (10s by default) with client-go. Until then two lead, and only a
fencing token protects what they write to.

Only the term that was shown is ended: if somebody else leads by then, nothing
is changed.

Needs get and update on leases; create on events, to leave an Event on the
Lease.

Examples
  leasehold resign controller
  leasehold resign controller --to controller-7d9f-x2kq4 --timeout 1m
  leasehold resign kube-controller-manager -n kube-system --force

`;

const EXIT_CODES = plainExitCodesHelp([
  ...REPAIR_EXIT_CODES,
  ['76', '--timeout: the leader has not resigned in time, or it leads again'],
  ['81', 'nothing was changed: nobody leads, or somebody else by now'],
]);

export function addResignCommand(program: Command): void {
  const command = program
    .command('resign')
    .summary('ask a leader to step down')
    .description('Asks the leader of an election to resign.')
    .usage('NAME [options]')
    .argument('<name>', 'the election')
    .addOption(new Option('--to <candidate>', 'who is to lead next'))
    .addOption(new Option('--force', 'take the Lease from a leader that does not know the request'))
    .addOption(
      new Option(
        '--timeout <duration>',
        "how long to wait for it; the Lease's duration if omitted, 5s at least",
      ),
    );
  addRepairOptions(command)
    .addHelpText('after', MANUAL + EXIT_CODES)
    .action(async (name: string, flags: ResignFlags) => {
      const { runResign } = await import('./repair/resign.ts');
      process.exitCode = await runResign(name, flags);
    });
}
