import { Option } from 'commander';
import type { Command } from 'commander';
import { plainExitCodesHelp, REPAIR_EXIT_CODES } from './exit-codes.ts';
import { addRepairOptions } from './repair/options.ts';
import type { ResizeFlags } from './repair/resize.ts';

const MANUAL = `
Changes how many permits of a semaphore may be held at a time, without a change
of its programs: they go on stating theirs, and the semaphore's Lease says what
counts instead. Shows how many are held, and asks first.

  more       whoever waits is let in, as far as there is room
  fewer      nothing is taken from those who hold; nobody is let in until there
             is room again
  0          nobody is let in any more; whoever waits goes on waiting
  as stated  takes the change back

The Lease of a semaphore that was changed stays while nobody is in it, until
that is taken back.

What its programs state is what their entries in the Lease say. Where nobody is
in it, or they disagree, as while a new version of them is rolled out, it has to
be named by --stated: the number is changed for programs that state that, and
for no others. One Lease holds one such change.

Only what was shown is changed: if somebody else has changed the number
meanwhile, nothing is.

Needs get on leases, and update; create where there is no Lease yet, delete
where it is to go; create on events, to leave an Event on the Lease, which
'kubectl describe lease NAME' shows. Where the guard is enforced, it takes the
verb steal.

Examples
  leasehold resize gpu --permits 8 --dry-run
  leasehold resize gpu -n billing --permits 0 --yes
  leasehold resize gpu --permits 8 --stated 5 --yes -o json

`;

const EXIT_CODES = plainExitCodesHelp([
  ...REPAIR_EXIT_CODES,
  ['81', 'nothing was changed: somebody else has changed the number meanwhile'],
]);

export function addResizeCommand(program: Command): void {
  const command = program
    .command('resize')
    .summary("change the number of a semaphore's permits")
    .description("Changes the number of a semaphore's permits.")
    .usage('NAME --permits N [options]')
    .argument('<name>', 'the semaphore')
    .addOption(
      new Option('--permits <n>', 'how many may be held, from 0 to 1000000').makeOptionMandatory(),
    )
    .addOption(new Option('--stated <n>', 'what its programs state, where that is not known'));
  addRepairOptions(command)
    .addHelpText('after', MANUAL + EXIT_CODES)
    .action(async (name: string, flags: ResizeFlags) => {
      const { runResize } = await import('./repair/resize.ts');
      process.exitCode = await runResize(name, flags);
    });
}
