import { randomBytes } from 'node:crypto';
import { milliseconds } from '../core/duration.ts';
import type { Duration } from '../core/duration.ts';
import type { Entry } from '../core/entry.ts';
import type { Lease } from '../core/lease.ts';
import { leaseName, sessionPrefix } from '../core/names.ts';
import { parseRecord } from '../core/record.ts';
import type { LockRecord } from '../core/record.ts';
import { ApiHandler } from './api-server/handler.ts';
import { TestProcess } from './test-process.ts';
import type { TestProcessOptions } from './test-process.ts';
import { Host } from './virtual/host.ts';
import { VirtualTime } from './virtual/time.ts';

/** Of a name in which namespace; `default` by default. */
interface Place {
  readonly namespace?: string;
}

const SESSION_SUFFIX = /-[0-9a-f]{8}$/;
const CANDIDATE_SUFFIX = /_[0-9a-f]{8}$/;

/**
 * A cluster for the tests of an application: an API server in memory and simulated processes that
 * use it, without sockets, and in time that moves only by {@link TestCluster.advance}. Requests are
 * answered at once, so that a free lock is acquired without any advance.
 *
 * @example
 * ```ts
 * import { TestCluster } from 'leasehold/testing';
 *
 * const cluster = new TestCluster();
 * const [first, second] = [cluster.process('first'), cluster.process('second')];
 * await first.leasehold.lock('invoices').acquire();
 * const next = second.leasehold.lock('invoices').acquire();
 * first.crash();
 * await cluster.advance('20s');
 * await next;
 * cluster.holders('invoices'); // ['second']
 * ```
 */
export class TestCluster implements AsyncDisposable {
  /** The API server below, for what else a test wants to do there. */
  readonly handler: ApiHandler;
  readonly #time = new VirtualTime();
  readonly #processes = new Set<TestProcess>();

  constructor() {
    this.handler = new ApiHandler({
      clock: new Host(this.#time),
      random: Math.random,
      tokenKey: randomBytes(16).toString('hex'),
    });
  }

  /** A process with a client of its own. Its namespace is made if there is none of that name. */
  process(name: string, options: TestProcessOptions = {}): TestProcess {
    this.#makeNamespace(options.namespace ?? 'default');
    const process = new TestProcess(name, { handler: this.handler, time: this.#time }, options);
    this.#processes.add(process);
    return process;
  }

  /**
   * Lets time pass, at once: renewals, time-outs and takeovers that are due happen in their order.
   * Resolves when nothing is left to do at the end of that time. Moves no other clock, such as that
   * of `setTimeout`.
   *
   * @param duration - milliseconds, or a text such as `20s`
   */
  async advance(duration: Duration): Promise<void> {
    await this.#time.advance(milliseconds(duration, 'duration'));
  }

  /** Lets time pass until the promise is settled, and returns what it resolves with. */
  async settled<T>(promise: Promise<T>): Promise<T> {
    return this.#time.settled(promise);
  }

  /**
   * The names of the processes that hold a lock, or permits of a semaphore, in the order in which they
   * got it, each once; a crashed one until somebody has taken over.
   */
  holders(lock: string, place: Place = {}): string[] {
    const holders = [...(this.#record(lock, place)?.holders ?? [])];
    // Who has created the record has no token in it yet, and was first.
    holders.sort((a, b) => Number((a.fence ?? 0n) - (b.fence ?? 0n)));
    return this.#owners(holders);
  }

  /** The names of the processes that wait for a lock, in the order in which they get it, each once. */
  waiters(lock: string, place: Place = {}): string[] {
    return this.#owners(this.#record(lock, place)?.queue ?? []);
  }

  /** Who leads, or led last if nobody took over from a crashed one; undefined when it was released. */
  leader(election: string, place: Place = {}): string | undefined {
    const holder = this.#lease(election, place)?.spec?.holderIdentity;
    return holder ? holder.replace(CANDIDATE_SUFFIX, '') : undefined;
  }

  /** Crashes all processes, so that nothing of them goes on. */
  [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes) process.crash();
    this.handler.close();
    return Promise.resolve();
  }

  #makeNamespace(name: string): void {
    if (this.handler.store.get('namespaces', name)) return;
    const answer = this.handler.handle({
      method: 'POST',
      url: '/api/v1/namespaces',
      headers: {
        authorization: `Bearer ${this.handler.tokens.ofUser('admin')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
    });
    if (answer.status !== 201) throw new TypeError(`there can be no namespace ${name}`);
  }

  #lease(name: string, { namespace = 'default' }: Place): Lease | undefined {
    const key = `${namespace}/${leaseName(name).lease}`;
    return this.handler.store.get('leases', key) as Lease | undefined;
  }

  #record(lock: string, place: Place): LockRecord | undefined {
    const lease = this.#lease(lock, place);
    return lease && parseRecord(lease);
  }

  #owners(entries: readonly Entry[]): string[] {
    return [...new Set(entries.map(({ session }) => this.#owner(session)))];
  }

  #owner(session: string): string {
    const prefix = session.replace(SESSION_SUFFIX, '');
    for (const { name } of this.#processes) if (sessionPrefix(name) === prefix) return name;
    return session;
  }
}
