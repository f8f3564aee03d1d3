import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, isLeaseholdError } from '../../src/index.ts';
import type { Election, Held, Leadership, Leasehold } from '../../src/index.ts';
import { HistoryWriter, identityOf, monotonic } from './history.ts';
import { SeededRandom } from './random.ts';
import { StoreClient } from './store-client.ts';
import type { StoreSettings } from './store-client.ts';
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
  /** Names and how often each is chosen. */
  readonly locks: readonly (readonly [string, number])[];
  readonly election: string;
  /** How many callers compete inside this process. */
  readonly callers: number;
  readonly clock: ClockSettings;
  readonly store: StoreSettings;
}

const SAMPLE_MS = 200;
/** From here on the test is told of a hold, so that a fault can hit it. */
const LONG_HOLD_MS = 300;
const LONGEST_HOLD_MS = 3_000;
/** How long after its loss a worker that does not look at it still writes. */
const CARELESS_MS = 1_500;

/** What locks and elections have in common for the history. */
interface Claim {
  readonly valid: boolean;
  readonly validFor: number;
  readonly fence: bigint;
  readonly signal: AbortSignal;
}

/** Contends for locks and an election until told to finish, and writes down what it claims. */
class Worker {
  readonly #settings: WorkerSettings;
  readonly #history: HistoryWriter;
  readonly #random: SeededRandom;
  readonly #finishing = new AbortController();
  readonly #clock: WorkerClock;
  readonly #store: StoreClient;
  #calls = 0;
  #writes = 0;

  constructor(settings: WorkerSettings) {
    this.#settings = settings;
    this.#clock = new WorkerClock(settings.clock);
    this.#store = new StoreClient(settings.store);
    this.#history = new HistoryWriter(settings.history);
    this.#random = new SeededRandom(settings.seed);
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
      const name = random.weighted(this.#settings.locks);
      const lock = leasehold.lock(name);
      const way = random.weighted([
        ['patient', 30],
        ['timeout', 35],
        ['cancel', 15],
        ['try', 20],
      ] as const);
      if (way === 'patient') {
        await this.#call(name, way, undefined, () => lock.acquire());
      } else if (way === 'timeout') {
        const timeout = random.chance(0.3) ? random.between(1, 50) : random.between(50, 6_000);
        const trueTimeout = this.#clock.trueLength(timeout);
        await this.#call(name, way, trueTimeout, () => lock.acquire({ timeout }));
      } else if (way === 'cancel') {
        const after = Math.round(random.between(0, 150));
        const signal = AbortSignal.timeout(after);
        await this.#call(name, way, after, () => lock.acquire({ signal }));
      } else {
        await this.#call(name, way, undefined, () => lock.tryAcquire());
      }
      await sleep(random.chance(0.7) ? random.between(0, 5) : random.between(5, 50));
    }
  }

  /** One call and, when it is granted, one hold. */
  async #call(
    lock: string,
    how: string,
    timeout: number | undefined,
    acquire: () => Promise<Held | undefined>,
  ): Promise<void> {
    const call = this.#begin(lock, how, timeout);
    let held: Held | undefined;
    try {
      held = await acquire();
    } catch (error) {
      this.#failed(call, error);
      return;
    }
    if (!held) {
      this.#history.write({ type: 'unheld', at: monotonic(), call, outcome: 'TAKEN' });
      return;
    }
    await this.#hold(call, lock, held, this.#duration());
    this.#history.write({ type: 'release', at: monotonic(), call });
    await held.release();
    this.#history.write({ type: 'released', at: monotonic(), call });
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

  async #campaign(election: Election, patience: number | undefined): Promise<void> {
    const lock = `election:${election.name}`;
    const call = this.#begin(lock, 'campaign', patience);
    const { signal } = this.#finishing;
    let term: Leadership;
    try {
      const given = patience === undefined ? [] : [AbortSignal.timeout(patience)];
      term = await election.acquire({ signal: AbortSignal.any([signal, ...given]) });
    } catch (error) {
      this.#failed(call, error);
      return;
    }
    const most = this.#random.chance(0.1) ? LONGEST_HOLD_MS : 150;
    await this.#hold(call, lock, term, this.#random.between(0, most));
    this.#history.write({ type: 'release', at: monotonic(), call });
    if (this.#random.chance(0.3)) await term.transfer(identityOf(this.#settings.process));
    else await term.resign();
    this.#history.write({ type: 'released', at: monotonic(), call });
  }

  #begin(lock: string, how: string, timeout: number | undefined): number {
    this.#calls += 1;
    const call = this.#calls;
    this.#history.write({ type: 'wait', at: monotonic(), call, lock, how, timeout });
    return call;
  }

  #failed(call: number, error: unknown): void {
    const outcome = isLeaseholdError(error) ? error.code : 'THROWN';
    const detail = error instanceof Error ? error.message : String(error);
    this.#history.write({ type: 'unheld', at: monotonic(), call, outcome, detail });
  }

  #duration(): number {
    const random = this.#random;
    if (this.#finishing.signal.aborted) return 0;
    if (random.chance(0.02)) return random.between(LONG_HOLD_MS, 2_000);
    return random.chance(0.7) ? 0 : random.between(0, 20);
  }

  /** Writes down the claims of one hold for as long as it lasts. */
  async #hold(call: number, lock: string, claim: Claim, duration: number): Promise<void> {
    const first = this.#claim(claim);
    const fence = String(claim.fence);
    this.#history.write({ type: 'held', call, lock, fence, ...first });
    await this.#write(call, lock, fence);
    if (duration === 0) return;
    if (duration < LONG_HOLD_MS) {
      await this.#keep(call, lock, claim, duration);
    } else {
      tell('holds');
      await this.#keep(call, lock, claim, duration);
      tell('free');
    }
  }

  async #keep(call: number, lock: string, claim: Claim, duration: number): Promise<void> {
    const fence = String(claim.fence);
    const lost = new AbortController();
    claim.signal.addEventListener('abort', () => {
      const reason = (claim.signal.reason as Error).message;
      this.#history.write({ type: 'lost', at: monotonic(), call, reason });
      lost.abort();
    });
    const isLost = (): boolean => claim.signal.aborted;
    const end = monotonic() + duration;
    while (monotonic() < end && !isLost()) {
      const left = Math.min(SAMPLE_MS, end - monotonic());
      await sleep(Math.max(1, left), undefined, { signal: lost.signal }).catch(() => undefined);
      this.#history.write({ type: 'still', call, ...this.#claim(claim) });
      // Without another look: a pause in between is what the fence is for.
      if (!isLost()) await this.#write(call, lock, fence);
    }
    if (!isLost() || !this.#random.chance(0.5)) return;
    await sleep(this.#random.between(0, CARELESS_MS));
    await this.#write(call, lock, fence);
  }

  async #write(call: number, lock: string, fence: string): Promise<void> {
    this.#writes += 1;
    const number = this.#writes;
    const { process } = this.#settings;
    this.#history.write({ type: 'write', at: monotonic(), call, number });
    const accepted = await this.#store.write({ lock, fence, process, number });
    this.#history.write({ type: 'written', at: monotonic(), call, number, accepted });
  }

  /**
   * Valid now means: nobody else holds it from `at` until `until`. `until` is no later, and `at`
   * no earlier than what the library said, so that a pause in between claims less, never more.
   */
  #claim(claim: Claim): { at: number; until: number } {
    const before = monotonic();
    const until = before + (claim.valid ? this.#clock.trueLength(claim.validFor) : 0);
    return { until, at: monotonic() };
  }
}

/** To the test, also through `leasehold run`. */
function tell(word: string): void {
  process.stdout.write(`${word}\n`);
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
