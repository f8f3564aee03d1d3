import type { Random } from '../../../src/core/clock.ts';
import { HOLDER_PREFIX, QUEUE_PREFIX } from '../../../src/core/record.ts';
import type { Fault, SentRequest } from './api.ts';
import { wallOf } from '../../../src/testing/virtual/host.ts';
import { Invariants } from './invariants.ts';
import { VirtualProcess } from './process.ts';
import type { ProcessOptions } from './process.ts';
import { seedOf, seeded } from './random.ts';
import { LeaseStore } from './store.ts';
import { VirtualTime } from '../../../src/testing/virtual/time.ts';
import { byTicks } from './ticks.ts';

export interface WorldOptions {
  readonly seed?: number;
  /** Whether the server knows `sendInitialEvents`. */
  readonly watchList?: boolean;
}

/** A cluster in virtual time: one store, some processes, and a network that a test can break. */
export class World {
  readonly time = new VirtualTime(byTicks());
  readonly store: LeaseStore;
  readonly random: Random;
  /** By how many changes of a Lease the server's cache is behind. */
  cacheLag = 0;
  readonly watchList: boolean;
  readonly requests: SentRequest[] = [];
  readonly processes: VirtualProcess[] = [];
  /** What was done to the world, for the timeline. */
  readonly notes: { readonly at: number; readonly line: string }[] = [];
  /** How many of each kind have befallen. */
  readonly faults = new Map<string, number>();
  /** Acquisitions, tries and campaigns that have begun. */
  operations = 0;
  readonly invariants: Invariants;
  /** Watches from an older version are answered with 410. */
  compactedBefore = 0;
  /** Milliseconds of one way. */
  latency: () => number = () => 1;
  readonly #injected: ((request: SentRequest) => Fault | undefined)[] = [];
  readonly #seed: number;

  constructor(options: WorldOptions = {}) {
    this.#seed = options.seed ?? 1;
    this.watchList = options.watchList ?? true;
    this.random = seeded(this.#seed);
    this.store = new LeaseStore(() => wallOf(this.time));
    this.invariants = new Invariants(this.time);
  }

  process(name: string, options: ProcessOptions = {}): VirtualProcess {
    const random = seeded(seedOf(name, this.#seed));
    const process = new VirtualProcess(this, name, random, options);
    this.processes.push(process);
    return process;
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
      this.count(fault.kind === 'refuse' ? `refuse ${String(fault.status)}` : fault.kind);
      return fault;
    }
    return undefined;
  }

  /** A fault of this kind befalls somebody. */
  befall(kind: string, whom: string): void {
    this.count(kind);
    this.notes.push({ at: this.time.now, line: `${whom}  * ${kind}` });
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
}
