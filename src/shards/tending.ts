import { AsyncLocalStorage } from 'node:async_hooks';
import { linked } from '../core/abort.ts';
import { pause } from '../core/clock.ts';
import { isLeaseholdError } from '../core/errors.ts';
import type { LeaseholdError } from '../core/errors.ts';
import type { Parts } from '../core/parts.ts';
import type { Held } from '../lock/held.ts';
import type { Lock } from '../lock/lock.ts';
import type { Handovers } from './handovers.ts';
import type { Pace } from './pace.ts';

/** A shard that this process owns. */
export interface OwnedShard {
  /** From 0 to `count` - 1. */
  readonly shard: number;
  /**
   * Aborts when the work has to stop, and its reason says why: the shard goes to another member, or the run
   * ends (`ABORTED`, `CLOSED`), or it was lost (`LOST`). It aborts once: what is done after that, to stop, may
   * still ask whether the shard is `valid`.
   */
  readonly signal: AbortSignal;
  /** The fencing token: grows with every change of the shard's owner. */
  readonly fence: bigint;
  /** Whether the shard is still owned, by this process's own clock; computed when asked. */
  readonly valid: boolean;
}

export type ShardWork = (owned: OwnedShard) => unknown;

/** What the shards of one run share. */
export interface TendingContext {
  readonly name: string;
  readonly parts: Parts;
  readonly pace: Pace;
  readonly handovers: Handovers;
  readonly work: ShardWork;
  readonly lockOf: (shard: number) => Lock;
}

/** Work that fails is run again after this time, doubled each time. */
const FIRST_RETRY_MS = 1_000;
const MOST_RETRY_MS = 60_000;
/** Work that ran for so long before it failed is not the same failure again. */
const STEADY_MS = 60_000;

/** Whether the current code runs inside of such work. */
export const insideOf = new AsyncLocalStorage<object>();

/**
 * One shard that is this member's: waits for its lock, runs the work while it holds it, until the shard goes
 * elsewhere or is lost.
 *
 *     wait for the lock --granted--> work --end()--> release to whoever waits
 *          |                          |  ^
 *          |                     move()  keep()
 *          |                          v  |
 *          '--move(), end()--> over   wait until the next owner waits --> end
 */
export class Tending {
  readonly shard: number;
  /** Resolves when its work has ended and its lock is given up. */
  readonly over: Promise<void>;
  readonly #context: TendingContext;
  readonly #stop = new AbortController();
  #holds = false;
  #moving: AbortController | undefined;
  #retry = FIRST_RETRY_MS;

  constructor(context: TendingContext, shard: number) {
    this.shard = shard;
    this.#context = context;
    this.over = this.#tend();
  }

  get holds(): boolean {
    return this.#holds;
  }

  /** The shard belongs to this member, after all. */
  keep(): void {
    this.#moving?.abort();
    this.#moving = undefined;
  }

  /** The shard belongs to another member: goes on until that waits for it. */
  move(reason: LeaseholdError): void {
    if (!this.#holds) {
      this.end(reason);
      return;
    }
    if (this.#moving || this.#stop.signal.aborted) return;
    const moving = new AbortController();
    this.#moving = moving;
    const { signal } = moving;
    void this.#context.handovers.awaited(this.#lock.name, signal).then(() => {
      if (!signal.aborted) this.end(reason);
    });
  }

  /** Asks the work to stop, or gives up the wait. */
  end(reason: LeaseholdError): void {
    this.#stop.abort(reason);
  }

  get #lock(): Lock {
    return this.#context.lockOf(this.shard);
  }

  async #tend(): Promise<void> {
    const { signal } = this.#stop;
    await this.#context.pace.turn(signal);
    while (!signal.aborted) {
      try {
        await this.#lock.run((held) => this.#own(held), { signal });
        break;
      } catch (error) {
        // The run begins anew if the shard is still this member's.
        if (isLeaseholdError(error, 'LOST') || isLeaseholdError(error, 'CLOSED')) break;
        if (isAborted(signal)) break;
        await this.#failed(error, signal);
      }
    }
    this.#moving?.abort();
  }

  /** Under the lock: until the shard is to go, or has gone. Never rejects. */
  async #own(held: Held): Promise<void> {
    const { name, parts } = this.#context;
    const { shard } = this;
    const { signal, unlink } = linked([held.signal, this.#stop.signal]);
    this.#holds = true;
    parts.observe({ type: 'shard-started', shards: name, shard, fence: held.fence });
    const owned = {
      shard,
      signal,
      fence: held.fence,
      get valid() {
        return held.valid;
      },
    };
    while (!signal.aborted) await this.#work(owned, signal);
    unlink();
    this.#holds = false;
    const { reason } = signal as { reason: unknown };
    parts.observe({ type: 'shard-ended', shards: name, shard, reason: messageOf(reason) });
  }

  async #work(owned: OwnedShard, signal: AbortSignal): Promise<void> {
    const { clock } = this.#context.parts;
    const startedAt = clock.now();
    try {
      await insideOf.run(this, async () => {
        await this.#context.work(owned);
      });
      // Nothing is left to do for it here: it stays this member's, so that no other begins it again.
      await aborted(signal);
    } catch (error) {
      // What it throws after it was asked to stop is its way to do so.
      if (signal.aborted) return;
      if (clock.now() - startedAt >= STEADY_MS) this.#retry = FIRST_RETRY_MS;
      await this.#failed(error, signal);
    }
  }

  async #failed(failure: unknown, signal: AbortSignal): Promise<void> {
    const { name, parts } = this.#context;
    const retryInMs = Math.round(this.#retry * (0.5 + parts.random()));
    this.#retry = Math.min(MOST_RETRY_MS, this.#retry * 2);
    const error = messageOf(failure);
    parts.observe({ type: 'shard-failed', shards: name, shard: this.shard, error, retryInMs });
    await pause(parts.clock, retryInMs, signal);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Asked anew after an await, as the compiler takes an earlier answer for lasting. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
