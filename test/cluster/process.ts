import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { ClusterProcessError } from './errors.ts';

// The shell becomes the program by exec, so that the process id, the signals and the exit status are
// the program's own. Before that it leaves a watchdog behind, which reads from a pipe that only this
// Node process holds open: the end of file without a word before means that Node is gone, however it
// died, and the program has to follow. Then nobody is left to clean up, so the watchdog does.
const superviseScript = `
directory=$1; shift
(
  exec >/dev/null 2>&1
  read -r word <&3 && exit
  kill -9 $$
  sleep 1
  [ -z "$directory" ] || rm -rf "$directory"
) &
exec "$@" 3<&-
`;

export interface ProcessOptions {
  readonly command: string;
  readonly arguments: readonly string[];
  /** stdout and stderr are appended here; without it both go to pipes. */
  readonly logPath?: string;
  /** Removed by the watchdog when this Node process dies. */
  readonly directory?: string;
}

/** A child process that never outlives this one. */
export class SupervisedProcess {
  readonly child: ChildProcess;
  readonly exited: Promise<void>;
  readonly #options: ProcessOptions;

  private constructor(child: ChildProcess, options: ProcessOptions) {
    this.child = child;
    this.#options = options;
    this.exited = once(child, 'exit').then(() => {
      releaseWatchdog(child);
    });
    // Whoever needs the failure awaits `exited`; a missing shell must not crash everybody else.
    this.exited.catch(() => undefined);
  }

  static async start(options: ProcessOptions): Promise<SupervisedProcess> {
    const log = options.logPath === undefined ? undefined : await open(options.logPath, 'a');
    try {
      const output = log?.fd ?? 'pipe';
      const child = spawn(
        '/bin/sh',
        ['-c', superviseScript, 'sh', options.directory ?? '', options.command].concat(
          options.arguments,
        ),
        {
          stdio: [log === undefined ? 'pipe' : 'ignore', output, output, 'pipe'],
          // A session of its own: Ctrl-C in the terminal reaches Node alone, which stops things in
          // order.
          detached: true,
        },
      );
      return new SupervisedProcess(child, options);
    } finally {
      await log?.close();
    }
  }

  get pid(): number {
    if (this.child.pid === undefined) {
      throw new ClusterProcessError(`${this.#options.command} did not start`);
    }
    return this.child.pid;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Sends the signal and waits until the process is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.running) {
      this.signal(signal);
      await this.exited;
    }
  }

  /**
   * Polls until `isReady` says so.
   *
   * @throws ClusterProcessError with the end of the log when the process exits or time runs out.
   */
  async waitUntil(isReady: () => Promise<boolean>, timeoutMilliseconds: number): Promise<void> {
    const deadline = performance.now() + timeoutMilliseconds;
    while (!(await isReady())) {
      const expired = performance.now() > deadline;
      if (expired || !this.running) {
        const reason = expired ? 'is not ready in time' : 'exited while starting';
        throw new ClusterProcessError(
          `${this.#options.command} ${reason}\n${await this.#logTail()}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, pollMilliseconds));
    }
  }

  async #logTail(): Promise<string> {
    const { logPath } = this.#options;
    return logPath === undefined ? '' : (await readFile(logPath, 'utf8')).slice(-3000);
  }
}

const pollMilliseconds = 25;

/** Tells the watchdog that the program ended, lest it kills a later owner of the process id. */
function releaseWatchdog(child: ChildProcess): void {
  const pipe = child.stdio[3];
  if (pipe !== null && pipe !== undefined && 'end' in pipe) {
    pipe.on('error', () => undefined);
    pipe.end('done\n');
  }
}
