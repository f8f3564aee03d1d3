import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { isatty } from 'node:tty';
import { Supervisor } from '../supervisor/supervisor.ts';
import { EXIT, exitCodeOfSignal } from './exit-codes.ts';
import { FORWARDED_SIGNALS } from './signals.ts';
import { say } from './stderr.ts';
import { isForeground } from './terminal.ts';

/**
 * Runs the command until it ends, then does what it has left undone. Resolves with the exit code.
 *
 * @param environment - of the command
 */
export async function superviseCommand(
  [command = '', ...words]: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const supervisor = new Supervisor(say);
  // Before the command runs, which would otherwise be on its own should one come at once.
  const signals = new SignalPassing();
  const child = spawn(command, words, {
    stdio: 'inherit',
    env: { ...environment, ...supervisor.variables },
  });
  signals.to(child);
  if (child.pid !== undefined) supervisor.started(child.pid);
  const code = await exitCodeOf(child, command);
  await supervisor.ended();
  return code;
}

function exitCodeOf(child: ChildProcess, command: string): Promise<number> {
  return new Promise((resolve) => {
    // A signal that may not be sent to it is one, too: each time.
    child.on('error', (error: NodeJS.ErrnoException) => {
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
