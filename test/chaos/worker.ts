import { setTimeout as sleep } from 'node:timers/promises';
import { connect, isLeaseholdError } from '../../src/index.ts';
import type { Election, Held, Leadership, Leasehold } from '../../src/index.ts';
import { HistoryWriter, monotonic } from './history.ts';
import { SeededRandom } from './random.ts';

/** How a worker is told what to do: by its environment variable CHAOS_WORKER. */
export interface WorkerSettings {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly identity: string;
  readonly ttl: number;
  readonly seed: number;
  readonly history: string;
  /** Names and how often each is chosen. */
  readonly locks: readonly (readonly [string, number])[];
  readonly election: string;
  /** How many callers compete inside this process. */
  readonly callers: number;
}

const SAMPLE_MS = 200;
const LONGEST_HOLD_MS = 3_000;

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
  #calls = 0;

  constructor(settings: WorkerSettings) {
    this.#settings = settings;
    this.#history = new HistoryWriter(settings.history);
    this.#random = new SeededRandom(settings.seed);
  }

  finish(): void {
    this.#finishing.abort();
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
    this.#history.close();
  }

  async #connect(): Promise<Leasehold> {
    const { kubeconfig, namespace, identity, ttl } = this.#settings;
    for (;;) {
      try {
        return await connect({
          kubeconfig,
          namespace,
          identity,
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
        await this.#call(name, way, timeout, () => lock.acquire({ timeout }));
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
    if (this.#random.chance(0.3)) await term.transfer(this.#settings.identity);
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
    if (random.chance(0.004)) return random.between(300, 2_000);
    return random.chance(0.7) ? 0 : random.between(0, 20);
  }

  /** Writes down the claims of one hold for as long as it lasts. */
  async #hold(call: number, lock: string, claim: Claim, duration: number): Promise<void> {
    const first = this.#claim(claim);
    const fence = String(claim.fence);
    this.#history.write({ type: 'held', call, lock, fence, ...first });
    if (duration === 0) return;
    const lost = new AbortController();
    claim.signal.addEventListener('abort', () => {
      const reason = (claim.signal.reason as Error).message;
      this.#history.write({ type: 'lost', at: monotonic(), call, reason });
      lost.abort();
    });
    const end = monotonic() + duration;
    while (monotonic() < end && !claim.signal.aborted) {
      const left = Math.min(SAMPLE_MS, end - monotonic());
      await sleep(Math.max(1, left), undefined, { signal: lost.signal }).catch(() => undefined);
      this.#history.write({ type: 'still', call, ...this.#claim(claim) });
    }
  }

  /**
   * Valid now means: nobody else holds it from `at` until `until`. `until` is no later, and `at`
   * no earlier than what the library said, so that a pause in between claims less, never more.
   */
  #claim(claim: Claim): { at: number; until: number } {
    const before = monotonic();
    const until = before + (claim.valid ? claim.validFor : 0);
    return { until, at: monotonic() };
  }
}

const settings = JSON.parse(process.env.CHAOS_WORKER ?? '{}') as WorkerSettings;
const worker = new Worker(settings);
process.once('message', () => worker.finish());
// The test is gone: nobody reads the history.
const orphaned = (): never => process.exit(1);
process.once('disconnect', orphaned);
await worker.run();
process.off('disconnect', orphaned);
process.disconnect();
