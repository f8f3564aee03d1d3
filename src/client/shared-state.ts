import { Barrier, leaveAll } from '../barrier/barrier.ts';
import type { BarrierOptions } from '../barrier/barrier.ts';
import type { BarrierContext } from '../barrier/arrival.ts';
import { barrierKind } from '../barrier/barrier-kind.ts';
import { LeaseholdError } from '../core/errors.ts';
import { COUNTER } from '../counter/counter-kind.ts';
import { Counter } from '../counter/counter.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { isLatchCount, Latch } from '../latch/latch.ts';
import type { LatchOptions } from '../latch/latch.ts';
import { latchKind } from '../latch/latch-kind.ts';
import type { Patience } from '../state/patience.ts';
import { States } from '../state/states.ts';

/** An annotation for each has to find room in one Lease. */
const MOST_PARTIES = 500;

/** What outlives its users: counters, latches and barriers of one process in one namespace. */
export class SharedState {
  readonly #context: BarrierContext;
  readonly #states: States;
  readonly #waiting = new Map<Patience, Promise<void>>();

  constructor(api: LeaseApi, context: BarrierContext) {
    this.#context = context;
    this.#states = new States(api, context.parts);
  }

  counter(name: string): Counter {
    const cell = this.#states.cell(name, 'counter', COUNTER);
    return new Counter(name, cell, this.#context.parts.clock);
  }

  latch(name: string, { count }: LatchOptions): Latch {
    if (!isLatchCount(count)) {
      throw new LeaseholdError(
        'INVALID_ARGUMENT',
        `a latch is counted down from 1 to 1,000,000,000: its count is ${String(count)}`,
      );
    }
    const cell = this.#states.cell(name, `latch ${String(count)}`, latchKind(name, count));
    return new Latch(name, count, cell, this.#context.parts.clock);
  }

  barrier(name: string, { parties }: BarrierOptions): Barrier {
    if (!Number.isInteger(parties) || parties < 1 || parties > MOST_PARTIES) {
      throw new LeaseholdError(
        'INVALID_ARGUMENT',
        `a barrier has from 1 to ${String(MOST_PARTIES)} parties: it is ${String(parties)}`,
      );
    }
    const cell = this.#states.cell(name, `barrier ${String(parties)}`, barrierKind(name, parties));
    return new Barrier(name, parties, this.#context, cell, this.#waiting);
  }

  /** Refuses all who wait, and breaks the barriers that they wait at. */
  async close(): Promise<void> {
    await leaveAll(this.#waiting);
    await this.#states.close();
  }
}
