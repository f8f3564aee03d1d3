import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, isLeaseholdError } from '../../src/index.ts';
import type { Election, Held, Leadership, Leasehold, ReadWriteLock } from '../../src/index.ts';
import { HistoryWriter, identityOf, monotonic } from './history.ts';
import type { Company } from './history.ts';
import { HoldRecorder, LONG_HOLD_MS, tell } from './hold-recorder.ts';
import type { Call } from './hold-recorder.ts';
import { SeededRandom } from './random.ts';
import { StoreClient } from './store-client.ts';
import type { StoreSettings } from './store-client.ts';
import type { Wanted } from './wanted.ts';
import { WorkerClock } from './worker-clock.ts';
import type { ClockSettings } from './worker-clock.ts';

/** How a worker is told what to do: by its environment variable CHAOS_WORKER. */
export interface WorkerSettings {
  readonly kubeconfig: string;
  readonly namespace: string;
  /** Such as `w3.2`. */
  readonly process: string;
  readonly ttl: number;
  readonly seed: number;
  readonly history: string;
  /** And how often each is chosen. */
  readonly wanted: readonly (readonly [Wanted, number])[];
  readonly election: string;
  /** How many callers compete inside this process. */
  readonly callers: number;
  readonly clock: ClockSettings;
  readonly store: StoreSettings;
}

const LONGEST_HOLD_MS = 3_000;
/** So many holds write once more after their release. */
const LATE_WRITES = 0.05;
const READS = 0.6;
const DOWNGRADES = 0.3;
const READING: Company = { mode: 'shared' };

/** A lock, or so many permits of a semaphore. */
interface Grantor {
  readonly name: string;
  /** Whom a hold may be beside. */
  readonly beside?: Company;
  acquire(options?: { timeout?: number; signal?: AbortSignal }): Promise<Held>;
  tryAcquire(): Promise<Held | undefined>;
}

/** Contends for locks and an election until told to finish, and writes down what it claims. */
class Worker {
  readonly #settings: WorkerSettings;
  readonly #history: HistoryWriter;
  readonly #random: SeededRandom;
  readonly #finishing = new AbortController();
  readonly #clock: WorkerClock;
  readonly #store: StoreClient;
  readonly #recorder: HoldRecorder;

  constructor(settings: WorkerSettings) {
    this.#settings = settings;
    this.#clock = new WorkerClock(settings.clock);
    this.#store = new StoreClient(settings.store);
    this.#history = new HistoryWriter(settings.history);
    this.#random = new SeededRandom(settings.seed);
    this.#recorder = new HoldRecorder({
      ...{ process: settings.process, history: this.#history, random: this.#random },
      ...{ clock: this.#clock, store: this.#store },
    });
  }

  /** One word of the test: `finish`, or `jump` and milliseconds. */
  obey(order: string): void {
    const [word, milliseconds] = order.split(' ');
    if (word === 'finish') this.#finishing.abort();
    else this.#clock.jump(Number(milliseconds));
  }

  async run(): Promise<void> {
    const { ttl, callers } = this.#settings;
    this.#history.write({ type: 'begin', at: monotonic(), pid: process.pid, ttl: ttl * 1_000 });
    const leasehold = await this.#connect();
    const running = Array.from({ length: callers }, () => this.#contend(leasehold));
    await Promise.all([...running, this.#stand(leasehold)]);
    this.#history.write({ type: 'closing', at: monotonic() });
    await leasehold.close();
    this.#history.write({ type: 'closed', at: monotonic() });
    await this.#store.close();
    this.#history.close();
  }

  async #connect(): Promise<Leasehold> {
    const { kubeconfig, namespace, process, ttl } = this.#settings;
    for (;;) {
      try {
        return await connect({
          kubeconfig,
          namespace,
          identity: identityOf(process),
          ttl: ttl * 1_000,
          onEvent: (event) => {
            this.#history.write({ type: 'event', at: monotonic(), event: { ...event } });
          },
        });
      } catch (error) {
        if (!isLeaseholdError(error, 'API_UNREACHABLE')) throw error;
        await sleep(100);
      }
    }
  }

  async #contend(leasehold: Leasehold): Promise<void> {
    const random = this.#random;
    while (!this.#finishing.signal.aborted) {
      const wanted = random.weighted(this.#settings.wanted);
      if (wanted.kind === 'lock') {
        await this.#use(leasehold.lock(wanted.name));
      } else if (wanted.kind === 'semaphore') {
        await this.#use(this.#permits(leasehold, wanted.name, wanted.permits));
      } else {
        const lock = leasehold.readWriteLock(wanted.name);
        if (random.chance(READS)) await this.#use(readerOf(lock));
        else await this.#use(lock.write, lock);
      }
      await sleep(random.chance(0.7) ? random.between(0, 5) : random.between(5, 50));
    }
  }

  /** Mostly one or two; now and then up to all, beside which there is nobody. */
  #permits(leasehold: Leasehold, name: string, limit: number): Grantor {
    const semaphore = leasehold.semaphore(name, { permits: limit });
    const most = this.#random.chance(0.3) ? limit : 2;
    const permits = 1 + Math.floor(this.#random.between(0, most));
    return {
      ...{ name, beside: { mode: 'permit', weight: permits, limit } },
      acquire: (options) => semaphore.acquire({ ...options, permits }),
      tryAcquire: () => semaphore.tryAcquire({ permits }),
    };
  }

  /** One call and, when it is granted, one hold. */
  async #use(grantor: Grantor, toDowngrade?: ReadWriteLock): Promise<void> {
    const { name: lock, beside } = grantor;
    const { timeout, how, grant } = this.#way(grantor);
    const call = this.#recorder.begin({ lock, how, timeout, beside });
    let held: Held | undefined;
    try {
      held = await grant();
    } catch (error) {
      this.#recorder.failed(call, error);
      return;
    }
    if (!held) {
      this.#recorder.taken(call);
      return;
    }
    await this.#recorder.hold(call, held, this.#duration(beside !== undefined));
    const isDowngraded = toDowngrade !== undefined && this.#random.chance(DOWNGRADES);
    if (isDowngraded) await this.#downgrade(toDowngrade, call, held);
    else await this.#release(call, held);
    if (beside || !this.#random.chance(LATE_WRITES)) return;
    await this.#recorder.writeLate(call, held.fence);
  }

  #way(grantor: Grantor): {
    readonly how: string;
    readonly timeout?: number;
    readonly grant: () => Promise<Held | undefined>;
  } {
    const random = this.#random;
    const how = random.weighted([
      ['patient', 30],
      ['timeout', 35],
      ['cancel', 15],
      ['try', 20],
    ] as const);
    if (how === 'patient') return { how, grant: () => grantor.acquire() };
    if (how === 'try') return { how, grant: () => grantor.tryAcquire() };
    if (how === 'timeout') {
      const timeout = random.chance(0.3) ? random.between(1, 50) : random.between(50, 6_000);
      const grant = (): Promise<Held> => grantor.acquire({ timeout });
      return { how, timeout: this.#clock.trueLength(timeout), grant };
    }
    const timeout = Math.round(random.between(0, 150));
    const grant = (): Promise<Held> => grantor.acquire({ signal: AbortSignal.timeout(timeout) });
    return { how, timeout, grant };
  }

  /** The hold is over with the call; what comes of it may be beside other readers. */
  async #downgrade(lock: ReadWriteLock, call: Call, held: Held): Promise<void> {
    this.#recorder.releasing(call);
    const reading = this.#recorder.begin({ lock: lock.name, how: 'downgrade', beside: READING });
    let reads: Held;
    try {
      reads = await lock.downgrade(held);
    } catch (error) {
      this.#recorder.failed(reading, error);
      return;
    }
    this.#recorder.released(call);
    await this.#recorder.hold(reading, reads, this.#duration(true));
    await this.#release(reading, reads);
  }

  async #release(call: Call, held: Held): Promise<void> {
    this.#recorder.releasing(call);
    await held.release();
    this.#recorder.released(call);
  }

  async #stand(leasehold: Leasehold): Promise<void> {
    const random = this.#random;
    const election = leasehold.election(this.#settings.election, {
      leaseDuration: 3_000,
      renewDeadline: 2_000,
      retryPeriod: 400,
    });
    while (!this.#finishing.signal.aborted) {
      const patience = random.chance(0.2) ? Math.round(random.between(10, 3_000)) : undefined;
      await this.#campaign(election, patience);
      await sleep(random.between(0, 100));
    }
  }

  async #campaign(election: Election, timeout: number | undefined): Promise<void> {
    const call = this.#recorder.begin({
      ...{ lock: `election:${election.name}`, how: 'campaign', timeout },
    });
    const { signal } = this.#finishing;
    let term: Leadership;
    try {
      const given = timeout === undefined ? [] : [AbortSignal.timeout(timeout)];
      term = await election.acquire({ signal: AbortSignal.any([signal, ...given]) });
    } catch (error) {
      this.#recorder.failed(call, error);
      return;
    }
    const most = this.#random.chance(0.1) ? LONGEST_HOLD_MS : 150;
    await this.#recorder.hold(call, term, this.#random.between(0, most));
    this.#recorder.releasing(call);
    if (this.#random.chance(0.3)) await term.transfer(identityOf(this.#settings.process));
    else await term.resign();
    this.#recorder.released(call);
  }

  /** Nobody waits for whoever may have others beside it: it stays, so that there are some. */
  #duration(isBeside: boolean): number {
    const random = this.#random;
    if (this.#finishing.signal.aborted) return 0;
    if (random.chance(0.02)) return random.between(LONG_HOLD_MS, 1_200);
    if (isBeside) return random.between(0, 80);
    return random.chance(0.7) ? 0 : random.between(0, 20);
  }
}

function readerOf({ read }: ReadWriteLock): Grantor {
  return {
    ...{ name: read.name, beside: READING },
    acquire: (options) => read.acquire(options),
    tryAcquire: () => read.tryAcquire(),
  };
}

const settings = JSON.parse(process.env.CHAOS_WORKER ?? '{}') as WorkerSettings;
const worker = new Worker(settings);
const orders = createInterface({ input: process.stdin });
orders.on('line', (order) => worker.obey(order));
// The test is gone: nobody reads the history.
const orphaned = (): never => process.exit(1);
orders.once('close', orphaned);
// Under `leasehold run` nobody else knows which process this is.
tell(String(process.pid));
await worker.run();
orders.off('close', orphaned);
orders.close();
process.stdin.destroy();
