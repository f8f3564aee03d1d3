import { onTestFinished } from 'vitest';
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

export interface WorldOptions {
  readonly seed?: number;
  /** Whether the server knows `sendInitialEvents`. */
  readonly watchList?: boolean;
}

/** A cluster in virtual time: one store, some processes, and a network that a test can break. */
export class World {
  readonly time = new VirtualTime();
  readonly store: LeaseStore;
  readonly random: Random;
  /** By how many changes of a Lease the server's cache is behind. */
  cacheLag = 0;
  readonly watchList: boolean;
  readonly requests: SentRequest[] = [];
  readonly processes: VirtualProcess[] = [];
  readonly invariants: Invariants;
  /** Watches from an older version are answered with 410. */
  compactedBefore = 0;
  /** Milliseconds of one way. */
  latency: () => number = () => 1;
  readonly #faults: ((request: SentRequest) => Fault | undefined)[] = [];
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

  /**
   * Asks `choose` what goes wrong with each request, until the returned function is called. If nothing
   * has gone wrong with any, the test has tested nothing, and fails.
   */
  inject(choose: (request: SentRequest) => Fault | undefined): () => void {
    let befell = false;
    const chosen = (request: SentRequest): Fault | undefined => {
      const fault = choose(request);
      befell ||= fault !== undefined;
      return fault;
    };
    this.#faults.push(chosen);
    onTestFinished(() => {
      if (!befell) throw new Error('no request has met a fault that was injected');
    });
    return () => {
      const index = this.#faults.indexOf(chosen);
      if (index !== -1) this.#faults.splice(index, 1);
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
    for (const choose of [...this.#faults]) {
      const fault = choose(request);
      if (fault) return fault;
    }
    return undefined;
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
