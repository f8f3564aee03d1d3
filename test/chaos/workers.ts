import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { ClusterAccess } from '../cluster/access.ts';
import { renderKubeconfig } from '../cluster/kubeconfig.ts';
import { SUPERVISOR_VARIABLE } from '../../src/client/announcement.ts';
import { monotonic } from './history.ts';
import type { Killed } from './history.ts';
import type { RecordedProcess } from './merge.ts';
import { FaultProxy } from './proxy.ts';
import type { Store } from './store.ts';
import type { ClockSettings } from './worker-clock.ts';
import type { WorkerSettings } from './worker.ts';

/** What all workers of a run share. */
export interface Workload {
  readonly namespace: string;
  readonly directory: string;
  readonly seed: number;
  readonly wanted: WorkerSettings['wanted'];
  readonly election: string;
  readonly callers: number;
  readonly store: Store;
}

/** What is a worker's own. */
export interface WorkerTraits {
  readonly name: string;
  /** Seconds. */
  readonly ttl: number;
  /** Whether it runs under `leasehold run`. */
  readonly supervised: boolean;
  readonly clock: ClockSettings;
  /** The ports of the API servers to which it connects. */
  readonly servers: readonly number[];
}

interface Start {
  readonly process: string;
  readonly history: string;
  /** The worker, or its supervisor. */
  readonly child: ChildProcess;
  readonly errors: Promise<string>;
  readonly output: WorkerOutput;
  killed?: Killed;
}

const SUPERVISOR = join(import.meta.dirname, '../../src/cli/main.ts');
const WORKER = join(import.meta.dirname, 'worker.ts');

/** A worker behind proxies of its own: one process at a time, started again when killed. */
export class WorkerSlot {
  readonly traits: WorkerTraits;
  readonly proxy: FaultProxy;
  readonly storeProxy: FaultProxy;
  readonly #workload: Workload;
  readonly #kubeconfig: string;
  readonly #starts: Start[] = [];
  /** Whether a fault is at work on this worker's process. */
  disturbed = false;

  private constructor(
    traits: WorkerTraits,
    proxies: { proxy: FaultProxy; storeProxy: FaultProxy },
    workload: Workload,
    kubeconfig: string,
  ) {
    this.traits = traits;
    this.proxy = proxies.proxy;
    this.storeProxy = proxies.storeProxy;
    this.#workload = workload;
    this.#kubeconfig = kubeconfig;
  }

  static async create(
    traits: WorkerTraits,
    cluster: ClusterAccess,
    workload: Workload,
  ): Promise<WorkerSlot> {
    const proxy = await FaultProxy.start(traits.servers);
    const storeProxy = await FaultProxy.start([workload.store.port]);
    const server = `https://127.0.0.1:${String(proxy.port)}`;
    const kubeconfig = join(workload.directory, `${traits.name}.kubeconfig`);
    const user = { token: cluster.adminToken };
    writeFileSync(kubeconfig, renderKubeconfig(server, cluster.ca, user), { mode: 0o600 });
    return new WorkerSlot(traits, { proxy, storeProxy }, workload, kubeconfig);
  }

  get name(): string {
    return this.traits.name;
  }

  get ttl(): number {
    return this.traits.ttl;
  }

  start(): void {
    const { directory, namespace, wanted, election, callers, seed, store } = this.#workload;
    const { name, ttl, supervised, clock } = this.traits;
    const process_ = `${name}.${String(this.#starts.length + 1)}`;
    const history = join(directory, `${process_}.jsonl`);
    const settings: WorkerSettings = {
      kubeconfig: this.#kubeconfig,
      namespace,
      process: process_,
      ttl,
      seed: seedOf(`${String(seed)} ${process_}`),
      history,
      wanted,
      election,
      callers,
      clock,
      store: { kind: store.kind, port: this.storeProxy.port },
    };
    writeFileSync(history, '');
    const words = supervised ? [SUPERVISOR, 'run', '--', process.execPath, WORKER] : [WORKER];
    const child = spawn(process.execPath, words, {
      env: { ...process.env, NODE_OPTIONS: '', CHAOS_WORKER: JSON.stringify(settings) },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // Sending to a process that has just died is no failure of the test.
    child.on('error', () => undefined);
    child.stdin.on('error', () => undefined);
    const errors = text(child.stderr);
    const output = new WorkerOutput(child.stdout);
    this.#starts.push({ process: process_, history, child, errors, output });
  }

  get running(): boolean {
    const child = this.#starts.at(-1)?.child;
    return child !== undefined && isRunning(child);
  }

  /** Whether it holds a lock now, for long enough to be hit. */
  get holds(): boolean {
    return this.running && (this.#starts.at(-1)?.output.holds ?? 0) > 0;
  }

  get process(): string {
    return this.#starts.at(-1)?.process ?? this.name;
  }

  /**
   * By SIGKILL, and its supervisor with it if told; resolves when the process and its supervisor are
   * gone.
   */
  async kill(withSupervisor: boolean): Promise<void> {
    const start = this.#starts.at(-1);
    if (!start || !this.running) return;
    const pid = await start.output.pid;
    if (pid === undefined || !isRunning(start.child)) return;
    const gone = once(start.child, 'exit');
    const { supervised } = this.traits;
    const how = !supervised ? 'alone' : withSupervisor ? 'with its supervisor' : 'supervised';
    start.killed = { at: monotonic(), how };
    const announcements = withSupervisor ? announcementsOf(pid) : undefined;
    if (withSupervisor) start.child.kill('SIGKILL');
    signal(pid, 'SIGKILL');
    await gone;
    // Nobody is left to do it.
    if (announcements !== undefined) rmSync(announcements, { recursive: true, force: true });
  }

  /** Whether there was a process to freeze. */
  async freeze(): Promise<boolean> {
    const pid = await this.#starts.at(-1)?.output.pid;
    return this.running && pid !== undefined && signal(pid, 'SIGSTOP');
  }

  async thaw(): Promise<void> {
    const pid = await this.#starts.at(-1)?.output.pid;
    if (this.running && pid !== undefined) signal(pid, 'SIGCONT');
  }

  /** Steps the wall clock of the process. */
  jump(milliseconds: number): void {
    this.#order(`jump ${milliseconds.toFixed(0)}`);
  }

  /** Asks the process to finish its calls and to close; resolves when it is gone. */
  async finish(): Promise<void> {
    const child = this.#starts.at(-1)?.child;
    if (!child || !this.running) return;
    const gone = once(child, 'exit');
    this.#order('finish');
    await gone;
  }

  /** What went wrong with a process that was not killed. */
  async crashes(): Promise<string[]> {
    const found: string[] = [];
    for (const { process, child, errors, killed } of this.#starts) {
      if (killed !== undefined || child.exitCode === 0) continue;
      const how = child.signalCode ?? `code ${String(child.exitCode)}`;
      found.push(`${process} ended by ${how}: ${(await errors).slice(0, 2_000)}`);
    }
    return found;
  }

  processes(): RecordedProcess[] {
    return this.#starts.map(({ process, history, killed }) => ({
      process,
      history,
      ttl: this.ttl * 1_000,
      ...(killed === undefined ? {} : { killed }),
    }));
  }

  /** Ends the process, if it runs, and the links. */
  async close(): Promise<void> {
    await this.kill(true);
    this.proxy.close();
    this.storeProxy.close();
  }

  #order(order: string): void {
    this.#starts.at(-1)?.child.stdin?.write(`${order}\n`);
  }
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

/** What a worker tells while it runs. */
class WorkerOutput {
  /** Of the worker itself, not of its supervisor; undefined when it ended before it could tell. */
  readonly pid: Promise<number | undefined>;
  /** How many locks it holds for long. */
  holds = 0;

  constructor(output: NodeJS.ReadableStream) {
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    this.pid = promise;
    const lines = createInterface({ input: output });
    lines.on('line', (line) => {
      if (line === 'holds') this.holds += 1;
      else if (line === 'free') this.holds -= 1;
      else resolve(Number(line));
    });
    lines.once('close', () => resolve(undefined));
  }
}

/** The directory of its supervisor, in memory that outlives both. */
function announcementsOf(pid: number): string | undefined {
  try {
    const environment = readFileSync(`/proc/${String(pid)}/environ`, 'utf8').split('\0');
    const variable = environment.find((one) => one.startsWith(`${SUPERVISOR_VARIABLE}=`));
    return variable?.slice(variable.indexOf(':') + 1);
  } catch {
    return undefined;
  }
}

/** Whether it was there. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** A seed for each process, from words (FNV-1a). */
function seedOf(words: string): number {
  let hash = 0x811c9dc5;
  for (const letter of words) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
  return hash >>> 0;
}
