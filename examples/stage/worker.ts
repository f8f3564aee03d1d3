import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { SupervisedProcess } from '../../test/cluster/process.ts';

const FROM_SOURCE = new URL('from-source.ts', import.meta.url).href;
const FAULT = new URL('fault.ts', import.meta.url).href;

export interface Fault {
  /** It fails when it has printed this. */
  readonly after: string;
  readonly signal: 'SIGSTOP' | 'SIGKILL';
}

export interface WorkerOptions {
  /** The program of the example. */
  readonly program: URL;
  readonly words?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly fault?: Fault | undefined;
  /** Told of each line that it prints. */
  readonly onLine?: (line: string) => void;
}

/** One process of an example: it is to an example what a Pod is in a cluster. */
export class Worker implements AsyncDisposable {
  readonly name: string;
  /** Resolves when it has ended, and rejects with what it has said if it has failed. */
  readonly finished: Promise<void>;
  readonly #process: SupervisedProcess;
  readonly #lines: string[] = [];
  readonly #onLine: (line: string) => void;
  #lookAgain = Promise.withResolvers<undefined>();
  #isOver = false;

  private constructor(name: string, child: SupervisedProcess, onLine: (line: string) => void) {
    this.name = name;
    this.#process = child;
    this.#onLine = onLine;
    this.finished = this.#untilFinished();
    // Whoever waits for the end learns of it; what is ended by us, nobody waits for.
    this.finished.catch(() => undefined);
  }

  /** @param directory - is removed, should this process be killed */
  static async start(name: string, directory: string, options: WorkerOptions): Promise<Worker> {
    const { program, words = [], environment, fault, onLine = () => undefined } = options;
    const failing = fault && { FAULT_AFTER: fault.after, FAULT_SIGNAL: fault.signal };
    const variables = Object.entries({ ...environment, ...failing });
    const child = await SupervisedProcess.start({
      command: 'env',
      arguments: [
        ...variables.map(([variable, value]) => `${variable}=${value}`),
        process.execPath,
        ...['--import', FROM_SOURCE, ...(fault ? ['--import', FAULT] : [])],
        fileURLToPath(program),
        ...words,
      ],
      directory,
    });
    return new Worker(name, child, onLine);
  }

  /** Resolves with the match of the first line that has one. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      for (const line of this.#lines) {
        const match = pattern.exec(line);
        if (match) return match;
      }
      if (this.#isOver) {
        await this.finished;
        throw new Error(`${this.name} ended without ${String(pattern)}`);
      }
      await this.#lookAgain.promise;
    }
  }

  /** How many lines match. */
  count(pattern: RegExp): number {
    return this.#lines.filter((line) => pattern.test(line)).length;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.signal(signal);
  }

  /** A frozen one, too, which would not take a kinder signal. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.end('SIGKILL');
  }

  async #untilFinished(): Promise<void> {
    const { child } = this.#process;
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
    if (child.stdout)
      createInterface({ input: child.stdout }).on('line', (line) => this.#heard(line));
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    this.#isOver = true;
    this.#lookAgain.resolve(undefined);
    if (code !== 0 && signal === null) {
      throw new Error(`${this.name} failed with exit code ${String(code)}:\n${errors}`);
    }
  }

  #heard(line: string): void {
    this.#lines.push(line);
    this.#onLine(line);
    this.#lookAgain.resolve(undefined);
    this.#lookAgain = Promise.withResolvers<undefined>();
  }
}
