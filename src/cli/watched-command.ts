import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { CommandLine, FromWatchdog } from './messages.ts';
import { endGroup, isRunning, signalGroup, untilGone } from './process-group.ts';
import { TERMINAL_SCRIPT } from './terminal.ts';

/**
 * What a command leaves running in its process group gets so long to end by itself: the last
 * process of a pipeline may still have something to write.
 */
const LEFTOVERS_MS = 1_000;

interface Watch {
  tell(message: FromWatchdog): void;
  /** Whether a command that was told to end must be killed now. */
  isLate(): boolean;
}

/** The command and its process group, as the watchdog sees it. */
export class Command {
  readonly #watch: Watch;
  readonly #child: ChildProcess;
  /** The pipe to the shell that runs the command, where that has the terminal. */
  readonly #shellInput: Writable | undefined;
  readonly #reaped: Promise<unknown>;
  #group: number | undefined;
  #ending = false;

  constructor(line: CommandLine, watch: Watch) {
    this.#watch = watch;
    if (line.input === 'terminal') {
      this.#child = startInTerminal(line);
      this.#shellInput = this.#child.stdio[4] as Writable;
      this.#shellInput.on('error', () => undefined);
      this.#listen(this.#child.stdio[3] as Readable, this.#shellInput);
    } else {
      this.#child = startInOwnSession(line);
      if (this.#child.pid !== undefined) this.#started(this.#child.pid);
    }
    this.#child.on('error', (error: NodeJS.ErrnoException) => {
      if (this.#child.pid !== undefined) return;
      watch.tell({ type: 'failed', code: error.code ?? '', message: error.message });
    });
    this.#reaped = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.on('exit', (code, signal) => void this.#exited(code, signal));
  }

  /** Whether it has been told to end. */
  get ending(): boolean {
    return this.#ending;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#group !== undefined) signalGroup(this.#group, signal);
  }

  /** Lets a command in the terminal go on after it was stopped. */
  resume(foreground: boolean): void {
    this.#shellInput?.write(foreground ? 'fg\n' : 'bg\n');
  }

  /**
   * Leaves the terminal as it is when the command ends: by then the user's own shell may have it,
   * and the shell that runs the command would take it for our process group.
   */
  abandonTerminal(): void {
    if (this.#shellInput) this.#child.kill('SIGKILL');
  }

  /** Ends it, and tells when nothing of it runs any more. */
  terminate(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#shellInput?.end();
    void this.#endAll().then(() => {
      const { exitCode: code, signalCode: signal } = this.#child;
      this.#watch.tell({ type: 'ended', code, signal, terminated: true, leftovers: false });
    });
  }

  async #endAll(): Promise<void> {
    if (this.#group !== undefined) await endGroup(this.#group, () => this.#watch.isLate());
    // Or it would stay behind as a zombie.
    await this.#reaped;
  }

  async #exited(code: number | null, signal: NodeJS.Signals | null): Promise<void> {
    if (this.#ending) return;
    const group = this.#group;
    let leftovers = false;
    if (group !== undefined && isRunning(group)) {
      const until = performance.now() + LEFTOVERS_MS;
      const isLate = (): boolean => this.#ending || performance.now() >= until;
      leftovers = !(await untilGone(group, isLate));
      if (leftovers && !this.#isEnding()) {
        const killAt = performance.now() + LEFTOVERS_MS;
        await endGroup(group, () => this.#watch.isLate() || performance.now() >= killAt);
      }
    }
    if (this.#isEnding()) return;
    this.#watch.tell({ type: 'ended', code, signal, terminated: false, leftovers });
  }

  /** Asked anew after an await, as the compiler takes an earlier answer for lasting. */
  #isEnding(): boolean {
    return this.#ending;
  }

  #started(group: number): void {
    this.#group = group;
    this.#watch.tell({ type: 'started', group });
  }

  #listen(shellOutput: Readable, shellInput: Writable): void {
    let text = '';
    shellOutput.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        if (line === 'stopped') this.#watch.tell({ type: 'stopped' });
        else if (!this.#ending) {
          this.#started(Number(line));
          shellInput.write('go\n');
        }
      }
    });
  }
}

/** A session of its own has a process group of its own. */
function startInOwnSession(line: CommandLine): ChildProcess {
  return spawn(line.command, line.arguments, {
    env: line.environment,
    stdio: [line.input === 'none' ? 'ignore' : 'inherit', 'inherit', 'inherit'],
    detached: true,
  });
}

function startInTerminal(line: CommandLine): ChildProcess {
  return spawn('/bin/sh', ['-c', TERMINAL_SCRIPT, 'sh', line.command, ...line.arguments], {
    env: line.environment,
    stdio: ['inherit', 'inherit', 0, 'pipe', 'pipe', 2],
  });
}
