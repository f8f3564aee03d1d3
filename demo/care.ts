import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FromCaretaker, ToCaretaker } from './messages.ts';

/** The demo's end of its caretaker: a directory, and the promise that it and the workers go. */
export class Care implements AsyncDisposable {
  /** For the demo's files. */
  readonly directory: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, directory: string) {
    this.#child = child;
    this.directory = directory;
  }

  /** @param terminal - whether the caretaker is to give the terminal back, should the demo be killed */
  static async start(terminal: boolean): Promise<Care> {
    const child = fork(join(import.meta.dirname, 'caretaker.ts'), {
      detached: true,
      execArgv: [],
      stdio: ['ignore', terminal ? 'inherit' : 'ignore', 'ignore', 'ipc'],
    });
    // A message to a caretaker that was killed is lost; then the demo is on its own.
    child.on('error', () => undefined);
    const told = new Promise<FromCaretaker | undefined>((resolve) => {
      child.once('message', (message: FromCaretaker) => resolve(message));
      child.once('exit', () => resolve(undefined));
    });
    const directory = (await told)?.directory;
    if (directory === undefined) {
      throw new Error(`the demo cannot make a directory for its files in ${tmpdir()}`);
    }
    return new Care(child, directory);
  }

  started(pid: number): void {
    this.#tell({ type: 'started', pid });
  }

  ended(pid: number): void {
    this.#tell({ type: 'ended', pid });
  }

  /** Removes the directory, and whatever still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = once(this.#child, 'exit');
      if (this.#child.connected) this.#child.disconnect();
      await gone;
    }
    await rm(this.directory, { recursive: true, force: true });
  }

  #tell(message: ToCaretaker): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }
}
