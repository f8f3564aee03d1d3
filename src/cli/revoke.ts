import { Option } from 'commander';
import type { Command } from 'commander';
import { plainExitCodesHelp, REPAIR_EXIT_CODES } from './exit-codes.ts';
import { addRepairOptions } from './repair/options.ts';
import type { RevokeFlags } from './repair/revoke.ts';

const MANUAL = `
Declares the process behind a session dead: blanks its session, which ends it
for everybody, and frees all of its locks at once, each to the next in its
queue. 'leasehold ls' and 'kubectl get lease LOCK' name the session that holds a
lock.

First it looks for a little over a third of the ttl whether the session still
renews (not with --now), and shows what it holds and waits for; then it asks.

  It renews       its process lives: it loses all of its locks at its next
                  renewal, and works on until then, beside whoever gets them.
                  End the process instead, if you can.
  It is silent    its process is dead, paused or cut off. Four fifths of the ttl
                  after its last renewal it does not count on its locks any
                  more, by its own clock.

If a session that was silent renews before you have answered, nothing is
changed.

A session that was revoked before is settled once more, and its Lease deleted
one ttl after that.

Needs get, list and update on leases, and delete; create on events, to leave an
Event on the session and on each lock that it held.

Examples
  leasehold revoke billing-x2kq4-1f9a3c21
  leasehold revoke billing-x2kq4-1f9a3c21 --now --yes  # it is surely gone
  leasehold revoke billing-x2kq4-1f9a3c21 --dry-run -o json

`;

const EXIT_CODES = plainExitCodesHelp([
  ...REPAIR_EXIT_CODES,
  ['81', 'nothing was changed: the session ended, or renews again'],
]);

export function addRevokeCommand(program: Command): void {
  const command = program
    .command('revoke')
    .summary('free all locks of a dead process')
    .description('Ends the session of a process, and frees all of its locks at once.')
    .usage('SESSION [options]')
    .argument('<session>', "the session's Lease")
    .addOption(new Option('--now', 'do not look first whether it renews'));
  addRepairOptions(command)
    .addHelpText('after', MANUAL + EXIT_CODES)
    .action(async (name: string, flags: RevokeFlags) => {
      const { runRevoke } = await import('./repair/revoke.ts');
      process.exitCode = await runRevoke(name, flags);
    });
}
