import { setTimeout as sleep } from 'node:timers/promises';
import { isLeaseholdError } from '../../src/index.ts';
import { monotonic } from './history.ts';
import type { Company, HistoryWriter, Line } from './history.ts';
import type { SeededRandom } from './random.ts';
import type { StoreClient } from './store-client.ts';
import type { WorkerClock } from './worker-clock.ts';

const SAMPLE_MS = 200;
/** From here on the test is told of a hold, so that a fault can hit it. */
export const LONG_HOLD_MS = 300;
/** How long after its end a worker that does not look at it still writes. */
const CARELESS_MS = 1_500;

/** What is asked for, and how. */
export interface Ask {
  readonly lock: string;
  readonly how: string;
  readonly timeout?: number | undefined;
  /** Whom it may be beside. */
  readonly beside?: Company | undefined;
}

/** A call, by its number. */
export interface Call extends Ask {
  readonly call: number;
}

/** What locks, permits and terms have in common for the history. */
interface Claim {
  readonly valid: boolean;
  readonly validFor: number;
  readonly fence: bigint;
  readonly signal: AbortSignal;
}

interface Tools {
  readonly process: string;
  readonly history: HistoryWriter;
  readonly random: SeededRandom;
  readonly clock: WorkerClock;
  readonly store: StoreClient;
}

/** Writes down the calls of a process, what they claim, and how who is alone writes to what is protected. */
export class HoldRecorder {
  readonly #tools: Tools;
  #calls = 0;
  #writes = 0;

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  begin(ask: Ask): Call {
    this.#calls += 1;
    const call = { ...ask, call: this.#calls };
    this.#record({ type: 'wait', at: monotonic(), ...call });
    return call;
  }

  failed({ call }: Call, error: unknown): void {
    const outcome = isLeaseholdError(error) ? error.code : 'THROWN';
    const detail = error instanceof Error ? error.message : String(error);
    this.#record({ type: 'unheld', at: monotonic(), call, outcome, detail });
  }

  taken({ call }: Call): void {
    this.#record({ type: 'unheld', at: monotonic(), call, outcome: 'TAKEN' });
  }

  /** From here on the call claims nothing. */
  releasing({ call }: Call): void {
    this.#record({ type: 'release', at: monotonic(), call });
  }

  released({ call }: Call): void {
    this.#record({ type: 'released', at: monotonic(), call });
  }

  /** Writes down the claims of one hold for as long as it lasts. */
  async hold(call: Call, claim: Claim, duration: number): Promise<void> {
    const { lock, beside } = call;
    const first = this.#claim(claim);
    const fence = String(claim.fence);
    this.#record({ type: 'held', call: call.call, lock, fence, beside, ...first });
    await this.#write(call, fence);
    if (duration === 0) return;
    if (duration < LONG_HOLD_MS) {
      await this.#keep(call, claim, duration);
    } else {
      tell('holds');
      await this.#keep(call, claim, duration);
      tell('free');
    }
  }

  /** Writes once more when the hold is over, as a request that is tried again does. */
  async writeLate(call: Call, fence: bigint): Promise<void> {
    await sleep(this.#tools.random.between(0, CARELESS_MS));
    await this.#write(call, String(fence));
  }

  async #keep(call: Call, claim: Claim, duration: number): Promise<void> {
    const fence = String(claim.fence);
    const lost = new AbortController();
    claim.signal.addEventListener('abort', () => {
      const reason = (claim.signal.reason as Error).message;
      this.#record({ type: 'lost', at: monotonic(), call: call.call, reason });
      lost.abort();
    });
    const isLost = (): boolean => claim.signal.aborted;
    const end = monotonic() + duration;
    while (monotonic() < end && !isLost()) {
      const left = Math.min(SAMPLE_MS, end - monotonic());
      await sleep(Math.max(1, left), undefined, { signal: lost.signal }).catch(() => undefined);
      this.#record({ type: 'still', call: call.call, ...this.#claim(claim) });
      // Without another look: a pause in between is what the fence is for.
      if (!isLost()) await this.#write(call, fence);
    }
    if (isLost() && this.#tools.random.chance(0.5)) await this.writeLate(call, claim.fence);
  }

  /** Only who is alone writes: the fences of readers and permits do not protect what they write. */
  async #write({ call, lock, beside }: Call, fence: string): Promise<void> {
    if (beside) return;
    this.#writes += 1;
    const number = this.#writes;
    const { process, store } = this.#tools;
    this.#record({ type: 'write', at: monotonic(), call, number });
    const accepted = await store.write({ lock, fence, process, number });
    this.#record({ type: 'written', at: monotonic(), call, number, accepted });
  }

  /**
   * Valid now means: nobody else holds it from `at` until `until`. `until` is no later, and `at`
   * no earlier than what the library said, so that a pause in between claims less, never more.
   */
  #claim(claim: Claim): { at: number; until: number } {
    const before = monotonic();
    const until = before + (claim.valid ? this.#tools.clock.trueLength(claim.validFor) : 0);
    return { until, at: monotonic() };
  }

  #record(line: Line): void {
    this.#tools.history.write(line);
  }
}

/** To the test, also through `leasehold run`. */
export function tell(word: string): void {
  process.stdout.write(`${word}\n`);
}
