import { Option } from 'commander';
import type { Command } from 'commander';
import { addClusterOptions } from './connection.ts';
import type { DoctorFlags } from './doctor/run.ts';
import { plainExitCodesHelp } from './exit-codes.ts';
import { exitCodeOfError } from './outcome.ts';

const MANUAL = `
Checks from where it is run, so run it where the application runs as well:
  kubectl exec POD -- npx leasehold doctor

Each line is good, a warning, bad, or information for which nothing has to be
done; below it is the remedy. It tells
  the configuration that is used, and whether the API server can be reached
  the versions of leasehold, Node and Kubernetes
  the server's clock against this machine's
  what is permitted, by use, with the rule to add where something is missing
  how fast the API server answers, and what outage a ttl tolerates
  which sessions are silent, which locks are stuck, and what mends each
  whether the guard guards this namespace, and an operator runs

Reads only, with one exception: --write also measures writes, on Leases of its
own, named leasehold-doctor-*, which it deletes at once. Unless it can list
Leases, it does not look at them.

Examples
  leasehold doctor -n billing
  leasehold doctor --write --ttl 5s
  leasehold doctor -o json | jq '.findings[] | select(.level == "bad")'

`;

const EXIT_CODES = plainExitCodesHelp([['1', 'something is bad']]);

export function addDoctorCommand(program: Command): void {
  const command = program
    .command('doctor')
    .summary('check configuration, permissions, latency, locks')
    .description('Checks everything that locks and elections need.')
    .usage('[options]')
    .addOption(new Option('--ttl <duration>', 'to be judged against the latency').default('15s'))
    .addOption(new Option('--write', 'measure writes too'))
    .addOption(new Option('-o, --output <format>', 'for programs').choices(['json']));
  addClusterOptions(command)
    .addHelpText('after', MANUAL + EXIT_CODES)
    .action(async (flags: DoctorFlags) => {
      try {
        const { runDoctor } = await import('./doctor/run.ts');
        process.exitCode = await runDoctor(flags);
      } catch (error) {
        process.exitCode = exitCodeOfError(error, undefined);
      }
    });
}
