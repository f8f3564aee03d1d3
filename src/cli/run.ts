import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { isatty } from 'node:tty';
import type { Command } from 'commander';
import { EXIT, exitCodeOfSignal } from './exit-codes.ts';
import { FORWARDED_SIGNALS } from './signals.ts';
import { say } from './stderr.ts';
import { isForeground } from './terminal.ts';

const MANUAL = `
For the command of a container, with a small init such as tini before it:

  ENTRYPOINT ["tini", "--", "leasehold", "run", "--"]
  CMD ["node", "app.js"]

The command
  gets stdin, stdout, stderr and the terminal as they are. INT, TERM, HUP, QUIT, USR1, USR2 and WINCH
  are passed on to it; a second TERM kills it. leasehold run ends with its exit code.

When the command dies
  by a signal, for lack of memory, or by an exit without close(), its session is revoked and its locks
  are passed on at once, in milliseconds instead of after the ttl. That takes at most 5 s, if the API
  server does not answer, and never changes the exit code. A command that has closed its client costs
  no request at all. Leadership of an election, and locks of other processes, end by their own
  durations.

Only the command itself
  is known to have died, not what it has started: with 'npm start' or 'sh -c' the application is
  another process. leasehold run says so, and leaves its locks to the ttl. Name the program itself,
  or use exec in the script. Work that the command has given to processes of its own may go on for a
  moment when it dies.

The API server
  is the one that the command uses, with the service account or the kubeconfig of leasehold run.

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

async function run([command = '', ...words]: readonly string[]): Promise<number> {
  const { Supervisor } = await import('../supervisor/supervisor.ts');
  const supervisor = new Supervisor(say);
  // Before the command runs, which would otherwise be on its own should one come at once.
  const signals = new SignalPassing();
  const child = spawn(command, words, {
    stdio: 'inherit',
    env: { ...process.env, ...supervisor.variables },
  });
  signals.to(child);
  if (child.pid !== undefined) supervisor.started(child.pid);
  const code = await exitCodeOf(child, command);
  await supervisor.ended();
  return code;
}

function exitCodeOf(child: ChildProcess, command: string): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return;
      const isMissing = error.code === 'ENOENT';
      say(
        `${command}: ${isMissing ? 'command not found' : `cannot be executed (${error.message})`}`,
      );
      resolve(isMissing ? EXIT.notFound : EXIT.notExecutable);
    });
    // Not `close`: what the command has started may keep its output open.
    child.once('exit', (code, signal) => {
      resolve(signal === null ? (code ?? 0) : exitCodeOfSignal(signal));
    });
  });
}

/** Its handlers stay in place: no signal must end the supervisor while it passes locks on. */
class SignalPassing {
  #child: ChildProcess | undefined;
  #terms = 0;

  constructor() {
    for (const signal of FORWARDED_SIGNALS) process.on(signal, () => this.#pass(signal));
  }

  to(child: ChildProcess): void {
    this.#child = child;
  }

  #pass(signal: NodeJS.Signals): void {
    if (signal === 'SIGTERM') {
      this.#terms += 1;
      this.#child?.kill(this.#terms === 1 ? 'SIGTERM' : 'SIGKILL');
    } else if (!isFromTerminal(signal)) {
      this.#child?.kill(signal);
    }
  }
}

/** The terminal sends its signals to the whole process group: the command has had it. */
function isFromTerminal(signal: NodeJS.Signals): boolean {
  const isSent = signal !== 'SIGUSR1' && signal !== 'SIGUSR2';
  return isSent && isatty(0) && isForeground();
}
