import type { Random } from '../../../src/core/clock.ts';
import { HOLDER_PREFIX, QUEUE_PREFIX } from '../../../src/core/record.ts';
import { VirtualTime } from '../../../src/testing/virtual/time.ts';
import { Claims } from '../invariants/claims.ts';
import { FencedResource } from '../invariants/fenced-resource.ts';
import { Progress } from '../invariants/progress.ts';
import { judgeWrite } from '../invariants/records.ts';
import { Violation } from '../invariants/violation.ts';
import { ControlPlane } from './control-plane.ts';
import { Registry } from './registry.ts';
import type { Fault, SentRequest } from './network.ts';
import { VirtualProcess } from './process.ts';
import type { ProcessOptions } from './process.ts';
import { seedOf, seeded } from './random.ts';
import { FIRST_REVISION, LeaseStore } from './store.ts';
import type { StoreEvent } from './store.ts';
import { byTicks } from './ticks.ts';
import type { OpenWatch } from './watch-connection.ts';

/** What a compare-and-swap protects, as long as a number of a version is given out once. */
const BY_VERSION = new Set(['kept', 'dropped']);
/** After a restore of etcd two may hold for a ttl: of the longest, by the slowest clock. */
const RESTORE_MS = 10_000;

export interface WorldOptions {
  readonly seed?: number;
  /** Whether the server knows `sendInitialEvents`. */
  readonly watchList?: boolean;
}

/** A cluster in virtual time: one etcd, some processes, and a network that can be broken. */
export class World {
  readonly time = new VirtualTime(byTicks());
  readonly controlPlane = new ControlPlane(this.time);
  readonly store = new LeaseStore(() => this.controlPlane.wall());
  readonly random: Random;
  /** By how many changes of a Lease the server's cache is behind. */
  cacheLag = 0;
  readonly watchList: boolean;
  readonly requests: SentRequest[] = [];
  readonly processes: VirtualProcess[] = [];
  readonly registry = new Registry(this.time);
  readonly invariants = new Claims();
  readonly progress = new Progress((name) => this.invariants.isRelied(name));
  readonly #resources = new Map<string, FencedResource>();
  /** What was done to the world, for the timeline. */
  readonly notes: { readonly at: number; readonly line: string }[] = [];
  /** How many of each kind have befallen. */
  readonly faults = new Map<string, number>();
  /** Acquisitions, tries and campaigns that are over, whatever became of them. */
  operations = 0;
  /** To what locks protect: how many were accepted, and refused as a later holder had written. */
  readonly writes = { accepted: 0, refused: 0 };
  /** When etcd was last restored. */
  restoredAt = -Infinity;
  /** When the last request was done that something had gone wrong with. */
  lastLanding = 0;
  /** Watches from an older version are answered with 410. */
  compactedBefore = 0;
  /** Watches whose connection is gone, which their clients do not know yet. */
  readonly broken = new Set<OpenWatch>();
  /** At any await, for how long the process stands still there. */
  hesitation: (() => number) | undefined;
  /** Milliseconds of one way. */
  latency: () => number = () => 1;
  readonly #injected: ((request: SentRequest) => Fault | undefined)[] = [];
  readonly #seed: number;
  #broken: Error | undefined;
  /** How many restores of etcd have not been digested yet. */
  #restores = 0;

  constructor(options: WorldOptions = {}) {
    this.#seed = options.seed ?? 1;
    this.watchList = options.watchList ?? true;
    this.random = seeded(this.#seed);
    this.store.observe((event) => this.#judge(event));
    this.time.afterStep(() => {
      if (this.#broken) throw this.#broken;
      this.invariants.check();
    });
  }

  process(name: string, options: ProcessOptions = {}): VirtualProcess {
    const random = seeded(seedOf(`${name} ${String(this.processes.length)}`, this.#seed));
    const process = new VirtualProcess(this, name, random, options);
    this.processes.push(process);
    return process;
  }

  /** What the lock or election of this name protects. */
  resource(name: string): FencedResource {
    let resource = this.#resources.get(name);
    if (!resource) this.#resources.set(name, (resource = new FencedResource(name)));
    return resource;
  }

  get resources(): IterableIterator<FencedResource> {
    return this.#resources.values();
  }

  /** Asks `choose` what goes wrong with each request, until the returned function is called. */
  inject(choose: (request: SentRequest) => Fault | undefined): () => void {
    this.#injected.push(choose);
    return () => {
      const index = this.#injected.indexOf(choose);
      if (index !== -1) this.#injected.splice(index, 1);
    };
  }

  /** The fault befalls the first request that `matches`. */
  injectOnce(matches: (request: SentRequest) => boolean, fault: Fault): void {
    const stop = this.inject((request) => {
      if (!matches(request)) return undefined;
      stop();
      return fault;
    });
  }

  /** @internal */
  faultOf(request: SentRequest): Fault | undefined {
    for (const choose of [...this.#injected]) {
      const fault = choose(request);
      if (!fault) continue;
      request.fault = fault;
      this.count('status' in fault ? `${fault.kind} ${String(fault.status)}` : fault.kind);
      return fault;
    }
    return undefined;
  }

  /** @internal The server has done the request. */
  landed(request: SentRequest): void {
    if (request.fault) this.lastLanding = this.time.now;
  }

  /** Connections that are gone are found to be so. */
  mend(): void {
    for (const watch of this.broken) watch.reset();
    this.broken.clear();
  }

  /** etcd is restored from a backup of this revision, and the API servers before it start anew. */
  restore(revision: number): void {
    const { servers } = this.controlPlane;
    for (const server of servers) server.stop();
    this.store.restore(Math.max(FIRST_REVISION, revision));
    for (const server of servers) server.up = true;
    this.restoredAt = this.time.now;
    const forgiven = this.invariants.forgive();
    this.#restores += 1;
    this.time.schedule(RESTORE_MS, () => {
      forgiven();
      this.#restores -= 1;
      this.#forgetFences();
    });
  }

  /** The run is over: something that must hold does not. For code that nobody awaits. */
  fail(error: unknown): void {
    this.#broken ??= error instanceof Error ? error : new Error(String(error));
  }

  /** A fault of this kind befalls somebody. */
  befall(kind: string, whom: string): void {
    this.count(kind);
    this.note(whom, `* ${kind}`);
  }

  note(whom: string, what: string): void {
    this.notes.push({ at: this.time.now, line: `${whom}  ${what}` });
  }

  count(kind: string): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
  }

  /** The requests on a lock since the last call, as `process verb`. */
  requestsOn(name: string, since = 0): string[] {
    return this.requests
      .slice(since)
      .filter((request) => request.name === name)
      .map(({ process, verb }) => `${process} ${verb}`);
  }

  holders(lock: string): string[] {
    return this.#entries(lock, HOLDER_PREFIX);
  }

  queue(lock: string): string[] {
    return this.#entries(lock, QUEUE_PREFIX);
  }

  #entries(lock: string, prefix: string): string[] {
    const annotations = this.store.peek(lock)?.metadata.annotations ?? {};
    return Object.keys(annotations)
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length));
  }

  /** What locks protect is restored too: fences of before are higher than those after it. */
  #forgetFences(): void {
    for (const { accepted, refused } of this.resources) {
      this.writes.accepted += accepted;
      this.writes.refused += refused;
    }
    this.#resources.clear();
  }

  #judge({ type, lease, before, writer }: StoreEvent): void {
    const { process } = writer;
    const write = { before, after: type === 'DELETED' ? undefined : lease, process };
    if (this.#restores > 0) return;
    this.registry.wrote(write);
    if (process === undefined || this.registry.isUnaccountable(process)) return;
    try {
      judgeWrite(write, this.registry);
    } catch (error) {
      // etcd gives out the numbers of versions again: a write may meet another one than it was decided on.
      const isOfRepeated = error instanceof Violation && BY_VERSION.has(error.invariant);
      if (!isOfRepeated || this.restoredAt === -Infinity) this.fail(error);
    }
  }
}
