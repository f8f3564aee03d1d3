import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../cluster/server.ts';
import type { Administrator, Edit, LeaseRole } from './administrator.ts';
import { monotonic } from './history.ts';
import type { Fault } from './history.ts';
import { CLEAR } from './proxy.ts';
import type { SeededRandom } from './random.ts';
import { ServerFaults } from './server-faults.ts';
import type { WorkerSlot } from './workers.ts';

/** How often each kind of fault is chosen. */
const WEIGHTS = {
  kill: 6,
  'kill-with-supervisor': 2,
  freeze: 6,
  'clock-jump': 3,
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
  'link-half-open': 2,
  'store-latency': 6,
  'store-reset': 2,
  'server-kill': 2,
  'server-stop': 1,
  'server-pause': 2,
  'etcd-kill': 1.5,
  'etcd-pause': 1,
} as const;

export type FaultKind = keyof typeof WEIGHTS;

/** Faults upon faults, and then calm for longer than all that was hurt may take to recover. */
const STORM_MS = 12_000;
/**
 * Between two storms one of these hits somebody who holds a lock, and nothing else happens: what a
 * recovery takes is then known to be its doing.
 */
const SINGLE: readonly FaultKind[] = [
  'kill',
  'link-blackhole',
  'kill-with-supervisor',
  'freeze',
  'link-half-open',
  'server-kill',
  'etcd-kill',
];
/** In ttls: long enough to be taken for dead. */
const SINGLE_LENGTH = 1.5;
/** At most so long a single fault waits for a lock that is held. */
const PATIENCE_MS = 3_000;
const CALM_MARGIN_MS = 500;
/** So often a kind is chosen that has not been yet. */
const FRESH = 0.5;

/** From when to when faults were at work; then there was calm. */
export interface Storm {
  readonly at: number;
  readonly until: number;
  /** Whether it was one fault alone. */
  readonly single: boolean;
}

interface Parts {
  readonly cluster: Cluster;
  readonly workers: readonly WorkerSlot[];
  readonly administrator: Administrator;
  readonly random: SeededRandom;
}

/** Hurts workers, links, Leases and servers, as a seed says, in storms. */
export class FaultScheduler {
  readonly faults: Fault[] = [];
  readonly storms: Storm[] = [];
  readonly #workers: readonly WorkerSlot[];
  readonly #administrator: Administrator;
  readonly #servers: ServerFaults;
  readonly #random: SeededRandom;
  readonly #kinds: readonly (readonly [FaultKind, number])[];
  readonly #calm: number;
  readonly #underWay = new Set<Promise<void>>();
  #over = new AbortController();
  #single = false;

  /**
   * @param calm - how long a storm needs to be recovered from, in milliseconds
   * @param only - only faults whose kind begins with one of these
   */
  constructor(
    { cluster, workers, administrator, random }: Parts,
    calm: number,
    only?: readonly string[],
  ) {
    this.#workers = workers;
    this.#administrator = administrator;
    this.#servers = new ServerFaults(cluster, random);
    this.#random = random;
    this.#calm = calm + CALM_MARGIN_MS;
    this.#kinds = (Object.entries(WEIGHTS) as [FaultKind, number][]).filter(
      ([kind]) => !only || only.some((prefix) => kind.startsWith(prefix)),
    );
  }

  /** Storms, single faults, and calm after each of them, for so long; ends with a calm. */
  async run(milliseconds: number): Promise<void> {
    const end = monotonic() + milliseconds;
    if (this.#kinds.length === 0) await sleep(milliseconds);
    const singles = SINGLE.filter((kind) => this.#kinds.some(([allowed]) => allowed === kind));
    for (let round = 0; monotonic() < end && this.#kinds.length > 0; round += 1) {
      await this.#storm(false, () => this.#rage(Math.min(monotonic() + STORM_MS, end)));
      const single = singles[round % singles.length];
      if (single === undefined || monotonic() > end) continue;
      await this.#storm(true, async () => {
        await this.#untilHeld();
        await this.#begin(single);
      });
    }
  }

  async #storm(single: boolean, blow: () => Promise<void>): Promise<void> {
    const at = monotonic();
    this.#single = single;
    this.#over = new AbortController();
    await blow();
    this.storms.push({ at, until: monotonic(), single });
    await sleep(this.#calm);
  }

  /** Begins one fault after the other until then, and ends all of them. */
  async #rage(until: number): Promise<void> {
    while (monotonic() < until) {
      await sleep(this.#random.between(50, 500));
      const fault = this.#begin(this.#kind()).finally(() => this.#underWay.delete(fault));
      this.#underWay.add(fault);
    }
    this.#over.abort();
    await Promise.all(this.#underWay);
  }

  async #untilHeld(): Promise<void> {
    const end = monotonic() + PATIENCE_MS;
    while (monotonic() < end && !this.#workers.some((worker) => worker.holds)) await sleep(5);
  }

  #kind(): FaultKind {
    const fresh = this.#kinds.filter(([kind]) => !this.faults.some((fault) => fault.kind === kind));
    const isFresh = fresh.length > 0 && this.#random.chance(FRESH);
    return this.#random.weighted(isFresh ? fresh : this.#kinds);
  }

  async #begin(kind: FaultKind): Promise<void> {
    const [family, what] = kind.split('-') as [string, string | undefined];
    if (family === 'kill') return this.#kill(kind);
    if (family === 'freeze') return this.#freeze();
    if (family === 'clock') {
      this.#jump();
      return;
    }
    if (family === 'link') return this.#hurtLink(kind);
    if (family === 'store') return this.#hurtStore(kind);
    if (family === 'server' || family === 'etcd') {
      const fault = await this.#servers.hurt(kind, this.#over.signal);
      if (fault) this.faults.push(fault);
      return;
    }
    const admin = this.#administrator;
    if (family === 'label') return this.#edit(kind, () => admin.label(what as LeaseRole), what);
    if (family === 'delete') return this.#edit(kind, () => admin.remove(what as LeaseRole), what);
    if (kind === 'restore-holder') return this.#edit(kind, () => admin.restore(), 'lock');
    const entries = kind === 'strike-holders' ? 'holders' : 'waiters';
    return this.#edit(kind, () => admin.strike(entries), 'lock');
  }

  async #kill(kind: FaultKind): Promise<void> {
    const withSupervisor = kind === 'kill-with-supervisor';
    const worker = this.#victim(withSupervisor);
    if (worker.disturbed || !worker.running) return;
    worker.disturbed = true;
    const detail = worker.process;
    const at = monotonic();
    await worker.kill(withSupervisor);
    this.faults.push({ kind, target: worker.name, at, until: monotonic(), detail });
    await this.#pause(this.#random.between(0, 1_500));
    worker.start();
    worker.disturbed = false;
  }

  async #freeze(): Promise<void> {
    const worker = this.#victim();
    if (worker.disturbed || !worker.running) return;
    worker.disturbed = true;
    const at = monotonic();
    if (await worker.freeze()) {
      await this.#pause(this.#length(worker, 0.1, 2));
      await worker.thaw();
      const detail = worker.process;
      this.faults.push({ kind: 'freeze', target: worker.name, at, until: monotonic(), detail });
    }
    worker.disturbed = false;
  }

  #jump(): void {
    const worker = this.#victim();
    const at = monotonic();
    const hours = this.#random.between(-2, 2);
    worker.jump(hours * 3_600_000);
    const detail = `${hours.toFixed(2)} h`;
    this.faults.push({ kind: 'clock-jump', target: worker.name, at, until: at, detail });
  }

  /** Mostly a process that holds a lock: its death is the one that others have to recover from. */
  #victim(supervisedOnly = false): WorkerSlot {
    const workers = this.#workers.filter(({ traits }) => !supervisedOnly || traits.supervised);
    const holders = workers.filter((worker) => worker.holds && !worker.disturbed);
    const isAny = holders.length === 0 || (!this.#single && this.#random.chance(0.2));
    return this.#random.pick(isAny ? workers : holders);
  }

  async #hurtLink(kind: FaultKind): Promise<void> {
    const random = this.#random;
    const worker = this.#victim();
    const { proxy, name: target } = worker;
    const at = monotonic();
    const blocked = { ...CLEAR, blocked: true };
    let last = this.#length(worker, 0.05, 1.5);
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
    this.faults.push({ kind, target, at, until: monotonic() });
  }

  /** In milliseconds, from so many ttls to so many. */
  #length({ ttl }: WorkerSlot, least: number, most: number): number {
    return (this.#single ? SINGLE_LENGTH : this.#random.between(least, most)) * ttl * 1_000;
  }

  /** A write that is on its way to the protected resource for longer than its lock is held. */
  async #hurtStore(kind: FaultKind): Promise<void> {
    const { storeProxy, name: target, ttl } = this.#victim();
    const at = monotonic();
    if (kind === 'store-reset') {
      storeProxy.reset();
    } else {
      storeProxy.set({ ...CLEAR, latency: this.#random.between(100, ttl * 1_000) }, CLEAR);
      await this.#pause(this.#random.between(500, ttl * 2_000));
      storeProxy.heal();
    }
    this.faults.push({ kind, target: `store of ${target}`, at, until: monotonic() });
  }

  async #edit(kind: FaultKind, edit: () => Promise<Edit>, role: string | undefined): Promise<void> {
    const at = monotonic();
    // What to edit cannot be found while the server is away.
    const done = await edit().catch(() => undefined);
    if (!done) return;
    const target = role === 'election' ? `election:${done.target}` : done.target;
    const { until, detail, version } = done;
    this.faults.push({ kind, target, at, until, detail, version });
  }

  /** Sleeps, or less when the storm ends. */
  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#over.signal }).catch(() => undefined);
  }
}
