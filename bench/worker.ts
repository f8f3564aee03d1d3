import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

interface Call {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** A program in a process of its own that is called by messages; see {@link serve}. */
export class Worker {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #calls = 0;

  constructor(program: string, nodeArguments: readonly string[], env: Record<string, string>) {
    const extra = (process.env.LEASEHOLD_BENCH_NODE_ARGUMENTS ?? '').split(' ').filter(Boolean);
    const execArgv = [...nodeArguments, ...extra];
    this.#child = fork(program, { execArgv, env, serialization: 'advanced' });
    this.#child.on('message', (reply: Reply) => {
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
    this.#child.on('exit', () => {
      for (const settle of this.#waiting.values()) settle({ id: 0, error: 'the worker is gone' });
    });
  }

  // The caller says what the function of that name returns.
  async call<T = void>(name: string, argument?: unknown): Promise<T> {
    this.#calls += 1;
    const id = this.#calls;
    const reply = await new Promise<Reply>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.send({ id, name, argument } satisfies Call);
    });
    if (reply.error !== undefined) throw new Error(`${name}: ${reply.error}`);
    return reply.result as T;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Lets it end by itself, after its function `stop`. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    await this.call('stop');
    if (this.#child.connected) this.#child.disconnect();
    await exited;
  }
}

type Functions = Record<string, (argument: never) => unknown> & { stop(): Promise<void> };

/** In the worker: answers calls by name until the caller disconnects. */
export function serve(functions: Functions): void {
  process.on('disconnect', () => process.exit());
  process.on('message', ({ id, name, argument }: Call) => {
    const reply = (rest: Omit<Reply, 'id'>): void => void process.send?.({ id, ...rest });
    void (async () => {
      try {
        const run = functions[name] as ((argument: unknown) => unknown) | undefined;
        if (!run) throw new Error('no such function');
        reply({ result: await run(argument) });
      } catch (error) {
        reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      }
    })();
  });
}
