import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ClusterAccess } from '../cluster/access.ts';
import { renderKubeconfig } from '../cluster/kubeconfig.ts';
import { identityOf, monotonic, parseHistory } from './history.ts';
import type { ProcessHistory } from './history.ts';
import { FaultProxy } from './proxy.ts';
import type { WorkerSettings } from './worker.ts';

/** What all workers of a run share. */
export interface Workload {
  readonly namespace: string;
  readonly directory: string;
  readonly seed: number;
  readonly locks: WorkerSettings['locks'];
  readonly election: string;
  readonly callers: number;
}

interface Start {
  readonly process: string;
  readonly history: string;
  readonly child: ChildProcess;
  readonly errors: Promise<string>;
  killedAt?: number;
}

/** A worker behind a proxy of its own: one process at a time, started again when killed. */
export class WorkerSlot {
  readonly name: string;
  readonly ttl: number;
  readonly proxy: FaultProxy;
  readonly #workload: Workload;
  readonly #kubeconfig: string;
  readonly #starts: Start[] = [];
  readonly #index: number;
  /** Whether a fault is at work on this worker's process. */
  disturbed = false;

  private constructor(
    index: number,
    ttl: number,
    proxy: FaultProxy,
    workload: Workload,
    kubeconfig: string,
  ) {
    this.#index = index;
    this.name = `w${String(index)}`;
    this.ttl = ttl;
    this.proxy = proxy;
    this.#workload = workload;
    this.#kubeconfig = kubeconfig;
  }

  static async create(
    index: number,
    ttl: number,
    cluster: ClusterAccess,
    workload: Workload,
  ): Promise<WorkerSlot> {
    const proxy = await FaultProxy.start(Number(new URL(cluster.url).port));
    const server = `https://127.0.0.1:${String(proxy.port)}`;
    const kubeconfig = join(workload.directory, `w${String(index)}.kubeconfig`);
    const user = { token: cluster.adminToken };
    writeFileSync(kubeconfig, renderKubeconfig(server, cluster.ca, user), { mode: 0o600 });
    return new WorkerSlot(index, ttl, proxy, workload, kubeconfig);
  }

  start(): void {
    const { directory, namespace, locks, election, callers, seed } = this.#workload;
    const process_ = `${this.name}.${String(this.#starts.length + 1)}`;
    const history = join(directory, `${process_}.jsonl`);
    const settings: WorkerSettings = {
      kubeconfig: this.#kubeconfig,
      namespace,
      identity: identityOf(process_),
      ttl: this.ttl,
      seed: seed * 7_919 + this.#index * 104_729 + this.#starts.length,
      history,
      locks,
      election,
      callers,
    };
    writeFileSync(history, '');
    const child = spawn(process.execPath, [join(import.meta.dirname, 'worker.ts')], {
      env: { ...process.env, NODE_OPTIONS: '', CHAOS_WORKER: JSON.stringify(settings) },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    // Sending to a process that has just died is no failure of the test.
    child.on('error', () => undefined);
    const { stderr } = child;
    const errors = stderr ? text(stderr) : Promise.resolve('');
    this.#starts.push({ process: process_, history, child, errors });
  }

  get running(): boolean {
    const child = this.#starts.at(-1)?.child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  get process(): string {
    return this.#starts.at(-1)?.process ?? this.name;
  }

  /** By SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    const start = this.#starts.at(-1);
    if (!start || !this.running) return;
    start.killedAt = monotonic();
    const gone = once(start.child, 'exit');
    start.child.kill('SIGKILL');
    await gone;
  }

  freeze(): void {
    this.#starts.at(-1)?.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#starts.at(-1)?.child.kill('SIGCONT');
  }

  /** Asks the process to finish its calls and to close; resolves when it is gone. */
  async finish(): Promise<void> {
    const child = this.#starts.at(-1)?.child;
    if (!child || !this.running) return;
    const gone = once(child, 'exit');
    child.send('finish', () => undefined);
    await gone;
  }

  /** What went wrong with a process that was not killed. */
  async crashes(): Promise<string[]> {
    const found: string[] = [];
    for (const { process, child, errors, killedAt } of this.#starts) {
      if (killedAt !== undefined || child.exitCode === 0) continue;
      const how = child.signalCode ?? `code ${String(child.exitCode)}`;
      found.push(`${process} ended by ${how}: ${(await errors).slice(0, 2_000)}`);
    }
    return found;
  }

  histories(): ProcessHistory[] {
    return this.#starts.map(({ process, history, killedAt }) => ({
      process,
      ttl: this.ttl * 1_000,
      lines: parseHistory(readFileSync(history, 'utf8')),
      killedAt,
    }));
  }
}
