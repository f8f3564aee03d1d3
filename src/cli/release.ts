import { Option } from 'commander';
import type { Command } from 'commander';
import { plainExitCodesHelp, REPAIR_EXIT_CODES } from './exit-codes.ts';
import { addRepairOptions } from './repair/options.ts';
import type { ReleaseFlags } from './repair/release.ts';

const MANUAL = `
Takes a lock from its holder and grants it to the next in the queue, in one
write. Shows who holds it and how that process is, and asks first.

This is a steal: leasehold cannot stop the process. A holder that watches its
lock loses it at once; one that does not is asked to look, and learns at its
next renewal, a third of the ttl later at most; one that is paused or cut off
learns when it goes on. Until then two may be at work, and only the fencing
token protects what they write to. So first think of:

  ending the process    it gives its locks back; and if it is killed, they are
                        free after the ttl
  leasehold revoke      frees all locks of a process that is dead, and says
                        whether it is

Only the attempt that was shown is released. If it ended meanwhile, whoever was
granted the lock since keeps it, and nothing is changed. If its session was
silent and renews again, nothing is changed.

A holder that cannot be read ('unreadable' in leasehold ls) is removed by naming
its --attempt.

Needs get on leases, and update and delete; patch to ask the holder to look;
create on events, to leave an Event on the Lease, which 'kubectl describe lease
NAME' shows.

Examples
  leasehold release invoices --dry-run --force
  leasehold release invoices -n billing --force
  leasehold release invoices --force --attempt 1f9a3c21-17 --yes -o json

`;

const EXIT_CODES = plainExitCodesHelp([
  ...REPAIR_EXIT_CODES,
  ['81', 'nothing was changed: nobody holds the lock, or not that attempt any more'],
]);

export function addReleaseCommand(program: Command): void {
  const command = program
    .command('release')
    .summary('take a lock from its holder')
    .description('Takes a lock from its holder, and grants it to the next.')
    .usage('NAME --force [options]')
    .argument('<name>', 'the lock')
    .addOption(new Option('--force', 'take it although its holder may be at work'))
    .addOption(new Option('--attempt <id>', 'of several holders, or one that cannot be read'));
  addRepairOptions(command)
    .addHelpText('after', MANUAL + EXIT_CODES)
    .action(async (name: string, flags: ReleaseFlags) => {
      const { runRelease } = await import('./repair/release.ts');
      process.exitCode = await runRelease(name, flags);
    });
}
