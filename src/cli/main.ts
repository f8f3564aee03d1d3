#!/usr/bin/env node
import { basename } from 'node:path';
import { Command, CommanderError } from 'commander';
import { VERSION } from '../client/version.ts';
import { addCommands } from './commands.ts';
import { EXIT } from './exit-codes.ts';
import { exitCodeOfError } from './outcome.ts';

const MANUAL = `
Inside a Pod it uses the Pod's service account, elsewhere the kubeconfig that
kubectl uses. As kubectl-leasehold on the PATH it is a plugin: 'kubectl
leasehold exec ...'.

Each command has a manual, such as 'leasehold exec --help'.`;

function createProgram(): Command {
  const isPlugin = basename(process.argv[1] ?? '').startsWith('kubectl-');
  const program = new Command(isPlugin ? 'kubectl leasehold' : 'leasehold')
    .description('Distributed locks and leader election on Kubernetes Leases.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError("leasehold: see 'leasehold --help' or 'leasehold COMMAND --help'")
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'leasehold: ')),
    })
    .addHelpText('after', MANUAL);
  addCommands(program);
  return program;
}

try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  else process.exitCode = exitCodeOfError(error, undefined);
}
// Timers and idle connections of the library must not keep what has ended.
process.exit();
