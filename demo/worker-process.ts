import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Answer, FromWorker, ToWorker, WorkerSettings } from './messages.ts';

/** How a worker's process has ended. */
export interface Death {
  /** Of the kill, or else when the end was noticed. */
  readonly at: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it has written to stderr. */
  readonly errors: string;
}

const MOST_ERRORS = 4_000;

/** One worker as the operating system sees it. */
export class WorkerProcess {
  readonly name: string;
  readonly pid: number;
  readonly died: Promise<Death>;
  /** Resolves when it has loaded its program, or has died before that. */
  readonly ready: Promise<void>;
  readonly #child: ChildProcess;
  #killedAt: number | undefined;
  #frozen = false;
  #isReady = false;

  /** @param codeCache - a directory for compiled programs, shared by all workers */
  constructor(
    name: string,
    settings: WorkerSettings,
    codeCache: string,
    onMessage: (message: FromWorker) => void,
  ) {
    this.name = name;
    this.#child = fork(join(import.meta.dirname, 'worker.ts'), {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: {
        ...process.env,
        NODE_COMPILE_CACHE: codeCache,
        LEASEHOLD_DEMO_WORKER: JSON.stringify(settings),
      },
    });
    this.pid = this.#child.pid ?? 0;
    // A message to a process that has just died is lost with it.
    this.#child.on('error', () => undefined);
    this.died = this.#whenDead();
    const ready = Promise.withResolvers<undefined>();
    this.#child.on('message', (message: FromWorker) => {
      if (message.type === 'ready') {
        this.#isReady = true;
        ready.resolve(undefined);
      }
      onMessage(message);
    });
    this.ready = Promise.race([ready.promise, this.died.then(noop, noop)]);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  kill(): void {
    this.#killedAt = performance.now();
    this.#child.kill('SIGKILL');
  }

  freeze(): void {
    this.#frozen = this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
    this.#frozen = false;
  }

  answer(answer: Answer): void {
    this.#send(answer);
  }

  /** Asks it to give up what it holds, and to end. */
  finish(): void {
    this.#send({ type: 'finish' });
  }

  #send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  async #whenDead(): Promise<Death> {
    let errors = '';
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-MOST_ERRORS);
    });
    const [code, signal] = (await once(this.#child, 'close')) as [number | null, NodeJS.Signals];
    return { at: this.#killedAt ?? performance.now(), code, signal, errors };
  }
}

function noop(): void {
  // Whoever waits for the death itself learns how it came.
}
