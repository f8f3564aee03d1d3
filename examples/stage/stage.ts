import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiServer } from '../../src/testing/index.ts';
import { Worker } from './worker.ts';
import type { WorkerOptions } from './worker.ts';

/** Of a process that is to fail: what is shown is what happens when it has passed. */
const SHORT_TTL = '2s';
/** Of the others: as long as it is by default, so that a machine that is busy is not taken for a failure. */
const LONG_TTL = '15s';

/** What an example runs on: an API server and processes, of which nothing is left afterwards. */
export class Stage implements AsyncDisposable {
  /** The embedded API server; undefined on a cluster of the user's. */
  readonly server: ApiServer | undefined;
  readonly directory: string;
  readonly #stack: AsyncDisposableStack;
  readonly #environment: Readonly<Record<string, string>>;

  private constructor(
    server: ApiServer | undefined,
    directory: string,
    stack: AsyncDisposableStack,
    kubeconfig: string,
  ) {
    this.server = server;
    this.directory = directory;
    this.#stack = stack;
    const codeCache = join(directory, 'code');
    this.#environment = { KUBECONFIG: kubeconfig, NODE_COMPILE_CACHE: codeCache };
  }

  /** On the cluster of `KUBECONFIG` if that is set, and else on an API server of its own. */
  static async start(): Promise<Stage> {
    await using stack = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), 'leasehold-example-'));
    stack.defer(() => rm(directory, { recursive: true, force: true }));
    const { KUBECONFIG: given = '' } = process.env;
    const server = given === '' ? stack.use(await ApiServer.start()) : undefined;
    const kubeconfig = server ? join(directory, 'kubeconfig') : given;
    if (server) await writeFile(kubeconfig, server.kubeconfig(), { mode: 0o600 });
    say(server ? 'on the embedded API server' : `on the cluster of KUBECONFIG, ${kubeconfig}`);
    return new Stage(server, directory, stack.move(), kubeconfig);
  }

  /** Ends with the stage. */
  use<T extends AsyncDisposable>(started: T): T {
    return this.#stack.use(started);
  }

  async worker(name: string, options: WorkerOptions): Promise<Worker> {
    const TTL = options.fault ? SHORT_TTL : LONG_TTL;
    const environment = { ...this.#environment, TTL, NAME: name, ...options.environment };
    return this.use(await Worker.start(name, this.directory, { ...options, environment }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
