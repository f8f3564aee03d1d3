import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../cluster/server.ts';
import type { Administrator, Edit, LeaseRole } from './administrator.ts';
import { monotonic } from './history.ts';
import type { Fault } from './history.ts';
import { CLEAR } from './proxy.ts';
import type { SeededRandom } from './random.ts';
import type { WorkerSlot } from './workers.ts';

/** How often each kind of fault is chosen. */
const WEIGHTS = {
  kill: 6,
  freeze: 6,
  'label-lock': 20,
  'label-session': 12,
  'label-election': 8,
  'delete-lock': 3,
  'delete-session': 4,
  'delete-election': 2,
  'strike-holders': 2,
  'strike-waiters': 3,
  'restore-holder': 2,
  'link-latency': 6,
  'link-bandwidth': 3,
  'link-cut': 4,
  'link-reset': 8,
  'link-blackhole': 4,
  'link-deaf': 6,
  'link-late': 6,
  'link-strand': 2,
  'server-kill': 1,
  'server-stop': 0.7,
  'server-pause': 1.5,
  'etcd-restart': 0.7,
} as const;

export type FaultKind = keyof typeof WEIGHTS;

/** Storms of faults, and calm in which locks are handed over as fast as they can be. */
const STORM_MS = 6_000;
const CALM_MS = 5_000;

/** The server is hurt at most so often: nothing can be handed over while it is away. */
const SERVER_REST_MS = 15_000;

/** Hurts workers, links, Leases and the server, as a seed says, until it is stopped. */
export class FaultScheduler {
  readonly faults: Fault[] = [];
  readonly #cluster: Cluster;
  readonly #workers: readonly WorkerSlot[];
  readonly #administrator: Administrator;
  readonly #random: SeededRandom;
  readonly #kinds: readonly (readonly [FaultKind, number])[];
  readonly #underWay = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #serverMayAt = 0;
  #serverIsHurt = false;

  constructor(
    parts: {
      cluster: Cluster;
      workers: readonly WorkerSlot[];
      administrator: Administrator;
      random: SeededRandom;
    },
    only?: readonly string[],
  ) {
    this.#cluster = parts.cluster;
    this.#workers = parts.workers;
    this.#administrator = parts.administrator;
    this.#random = parts.random;
    this.#kinds = (Object.entries(WEIGHTS) as [FaultKind, number][]).filter(
      ([kind]) => !only || only.some((prefix) => kind.startsWith(prefix)),
    );
    this.#serverMayAt = monotonic() + SERVER_REST_MS;
  }

  /** Begins one fault after the other for so long, and ends all of them. */
  async run(milliseconds: number): Promise<void> {
    const begin = monotonic();
    const end = begin + milliseconds;
    while (monotonic() < end && this.#kinds.length > 0) {
      const phase = (monotonic() - begin) % (STORM_MS + CALM_MS);
      const left = Math.min(STORM_MS + CALM_MS - phase, end - monotonic());
      await sleep(phase > STORM_MS ? left : this.#random.between(50, 600));
      const kind = this.#random.weighted(this.#kinds);
      const fault = this.#begin(kind).finally(() => this.#underWay.delete(fault));
      this.#underWay.add(fault);
    }
    if (this.#kinds.length === 0) await sleep(milliseconds);
    this.#stopping.abort();
    await Promise.all(this.#underWay);
  }

  async #begin(kind: FaultKind): Promise<void> {
    const [family, what] = kind.split('-') as [string, string | undefined];
    if (kind === 'kill' || kind === 'freeze') return this.#hurtProcess(kind);
    if (family === 'link') return this.#hurtLink(kind);
    if (family === 'server' || family === 'etcd') return this.#hurtServer(kind);
    const admin = this.#administrator;
    if (family === 'label') return this.#edit(kind, () => admin.label(what as LeaseRole), what);
    if (family === 'delete') return this.#edit(kind, () => admin.remove(what as LeaseRole), what);
    if (kind === 'restore-holder') return this.#edit(kind, () => admin.restore(), 'lock');
    const entries = kind === 'strike-holders' ? 'holders' : 'waiters';
    return this.#edit(kind, () => admin.strike(entries), 'lock');
  }

  async #hurtProcess(kind: 'kill' | 'freeze'): Promise<void> {
    const worker = await this.#victim();
    if (worker.disturbed || !worker.running) return;
    worker.disturbed = true;
    const at = monotonic();
    if (kind === 'kill') {
      const detail = worker.process;
      await worker.kill();
      this.#record({ kind, target: worker.name, at, until: monotonic(), detail });
      await this.#pause(this.#random.between(0, 1_500));
      worker.start();
    } else {
      worker.freeze();
      await this.#pause(this.#random.between(0.1, 2) * worker.ttl * 1_000);
      worker.thaw();
      this.#record({ kind, target: worker.name, at, until: monotonic(), detail: worker.process });
    }
    worker.disturbed = false;
  }

  /** Mostly a process that holds a lock: its death is the one that others have to recover from. */
  async #victim(): Promise<WorkerSlot> {
    const any = this.#random.pick(this.#workers);
    if (this.#random.chance(0.3)) return any;
    const sessions = await this.#administrator.holders().catch(() => []);
    if (sessions.length === 0) return any;
    const session = this.#random.pick(sessions);
    return this.#workers.find((worker) => session.startsWith(`${worker.name}-`)) ?? any;
  }

  async #hurtLink(kind: FaultKind): Promise<void> {
    const random = this.#random;
    const worker = random.pick(this.#workers);
    const { proxy, name: target } = worker;
    const at = monotonic();
    const blocked = { ...CLEAR, blocked: true };
    let last = random.between(100, 1.5 * worker.ttl * 1_000);
    if (kind === 'link-reset') {
      proxy.reset();
      last = 0;
    } else if (kind === 'link-latency') {
      const slow = { ...CLEAR, latency: random.between(5, 300) };
      proxy.set(slow, slow);
      last *= 2;
    } else if (kind === 'link-bandwidth') {
      const narrow = { ...CLEAR, bytesPerSecond: random.between(2_000, 50_000) };
      proxy.set(narrow, narrow);
    } else if (kind === 'link-cut') proxy.cut();
    else if (kind === 'link-blackhole') proxy.set(blocked, blocked);
    else if (kind === 'link-deaf') proxy.set(CLEAR, blocked);
    else if (kind === 'link-late') proxy.set(blocked, CLEAR);
    else {
      proxy.strand();
      last *= 3;
    }
    await this.#pause(last);
    // Half of the times that answers were lost, the connections break before they arrive.
    if (kind === 'link-deaf' && random.chance(0.5)) proxy.reset();
    proxy.heal();
    this.#record({ kind, target, at, until: monotonic() });
  }

  async #hurtServer(kind: FaultKind): Promise<void> {
    if (this.#serverIsHurt || monotonic() < this.#serverMayAt) return;
    this.#serverIsHurt = true;
    const at = monotonic();
    const cluster = this.#cluster;
    if (kind === 'server-pause') {
      cluster.pauseApiServer();
      await this.#pause(this.#random.between(200, 4_000));
      cluster.resumeApiServer();
    } else if (kind === 'etcd-restart') {
      await cluster.restartEtcd();
    } else {
      const stopped = kind === 'server-stop' ? cluster.stopApiServer() : undefined;
      // An orderly stop waits for open watches as long as it may.
      if (stopped) await Promise.race([stopped, this.#pause(3_000)]);
      await cluster.killApiServer();
      await stopped;
      await this.#pause(this.#random.between(0, 2_000));
      await cluster.startApiServer();
    }
    this.#record({ kind, target: 'server', at, until: monotonic() });
    this.#serverMayAt = monotonic() + SERVER_REST_MS;
    this.#serverIsHurt = false;
  }

  async #edit(kind: FaultKind, edit: () => Promise<Edit>, role: string | undefined): Promise<void> {
    const at = monotonic();
    let done: Edit;
    try {
      done = await edit();
    } catch {
      // The server is away; whether it was done is not known, so it counts as done.
      done = { target: 'unknown', detail: 'no answer' };
    }
    if (!done) return;
    const target = role === 'election' ? `election:${done.target}` : done.target;
    this.#record({ kind, target, at, until: monotonic(), detail: done.detail });
  }

  /** Sleeps, or less when the run ends. */
  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  #record(fault: Fault): void {
    this.faults.push(fault);
  }
}
