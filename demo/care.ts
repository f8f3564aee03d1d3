import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
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
    const [{ directory }] = (await once(child, 'message')) as [FromCaretaker];
    // A message to a caretaker that was killed is lost, and so is what it was to care for.
    child.on('error', () => undefined);
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
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.disconnect();
    await gone;
  }

  #tell(message: ToCaretaker): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }
}
