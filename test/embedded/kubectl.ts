import { execFile } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiServer } from '../../src/testing/index.ts';
import { findKubectl } from '../cluster/binaries.ts';

export interface Finished {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** The real kubectl, for one server. */
export class Kubectl {
  readonly #program: string;
  readonly #directory: string;

  private constructor(program: string, directory: string) {
    this.#program = program;
    this.#directory = directory;
  }

  static async for(server: ApiServer): Promise<Kubectl> {
    const directory = await mkdtemp(join(tmpdir(), 'leasehold-kubectl-'));
    await writeFile(join(directory, 'kubeconfig'), server.kubeconfig());
    return new Kubectl(await findKubectl(), directory);
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true });
  }

  /** @param input - for stdin, where a word is `-` */
  async run(
    words: readonly string[],
    input?: unknown,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Finished> {
    return new Promise((resolve) => {
      const onEnd = (code: number, output: string, errors: string): void =>
        resolve({ code, output, errors });
      const child = this.start(words, onEnd, environment);
      child.stdin?.end(input === undefined ? undefined : JSON.stringify(input));
    });
  }

  /** What it printed; fails when kubectl does. */
  async expect(words: string, input?: unknown): Promise<string> {
    const { code, output, errors } = await this.run(words.split(' '), input);
    if (code !== 0) throw new Error(`kubectl ${words}: ${errors}${output}`);
    return output;
  }

  start(
    words: readonly string[],
    onEnd: (code: number, output: string, errors: string) => void,
    environment: Readonly<Record<string, string>> = {},
  ): ChildProcess {
    const env = {
      ...process.env,
      ...environment,
      KUBECONFIG: join(this.#directory, 'kubeconfig'),
      KUBECACHEDIR: join(this.#directory, 'cache'),
    };
    return execFile(this.#program, words, { env }, (error, output, errors) => {
      const code = typeof error?.code === 'number' ? error.code : 1;
      onEnd(error ? code : 0, output, errors);
    });
  }
}
