import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';

const SUPERVISE = fileURLToPath(new URL(`./supervise${extname(import.meta.url)}`, import.meta.url));
/** Where the `NODE_OPTIONS` of the command are while the supervisor runs without them. */
export const NODE_OPTIONS_OF_COMMAND = 'LEASEHOLD_RUN_NODE_OPTIONS';
/**
 * It waits for the whole life of the command and then runs once: the code generators of V8 would take
 * memory for nothing. Not `--jitless`, with which there is no WebAssembly, and so no `fetch` for the
 * credentials of some kubeconfigs.
 */
const NODE_ARGUMENTS = [
  '--no-warnings',
  '--no-opt',
  '--no-maglev',
  '--no-sparkplug',
  // What was compiled at the start is still compiled when the command dies, days later.
  '--no-flush-bytecode',
  '--optimize-for-size',
  '--max-semi-space-size=1',
];

const MANUAL = `
For the command of a container, with a small init such as tini before it:

  ENTRYPOINT ["tini", "--", "leasehold", "run", "--"]
  CMD ["node", "app.js"]

The command
  gets stdin, stdout, stderr and the terminal as they are. INT, TERM, HUP, QUIT,
  USR1, USR2 and WINCH are passed on to it; a second TERM kills it. leasehold
  run ends with its exit code. A TERM for the whole process group or cgroup
  would reach it twice, which only releaseOnSigterm takes for one: do without
  'tini -g', and give systemd KillMode=mixed.

When the command dies
  by a signal, for lack of memory, or by an exit without close(), its session is
  revoked, its locks are passed on and its leadership of elections is given up
  at once, in milliseconds instead of after the ttl. That takes at most 5 s, if
  the API server does not answer, and never changes the exit code. Before that
  nothing is sent but two requests for /version when the command first connects
  (the connection is given up when it has been idle for 55 s), and for a command
  that has closed its client nothing afterwards either.

Only the command itself
  is known to have died, not what it has started: with 'npm start' or 'sh -c'
  the application is another process. leasehold run says so, and leaves its
  locks to the ttl. Name the program itself, or use exec in the script. It has
  to run as the same user as leasehold run. Work that the command has given to
  processes of its own may go on for a moment when it dies.

The API server
  is the one that the command uses, with the service account or the kubeconfig
  of leasehold run.

Exit code: the command's own, or
  64     wrong usage
  126    the command was found, but cannot be executed
  127    the command was not found
  128+n  the command was ended by signal n`;

export function addRunCommand(program: Command): void {
  program
    .command('run')
    .summary('run an application, and pass its locks on when it dies')
    .description('Runs an application, and passes its locks on within milliseconds when it dies.')
    .usage('-- COMMAND [ARGUMENT...]')
    .argument('<command...>', 'what to run, and its arguments')
    .addHelpText('after', MANUAL)
    .action(async (words: string[]) => {
      process.exitCode = await run(words);
    });
}

/**
 * Becomes a smaller program in the same process: without what the other commands need, and without
 * the options of Node that are meant for the command, such as a debugger or an agent.
 */
async function run(words: readonly string[]): Promise<number> {
  if (process.execve && process.platform !== 'win32') {
    const { NODE_OPTIONS: options, ...env } = process.env;
    const nodeArguments = [...process.execArgv, ...NODE_ARGUMENTS];
    process.execve(
      process.execPath,
      [process.execPath, ...nodeArguments, SUPERVISE, ...words],
      options === undefined ? env : { ...env, [NODE_OPTIONS_OF_COMMAND]: options },
    );
  }
  const { superviseCommand } = await import('./application.ts');
  return superviseCommand(words, process.env);
}
