import { linked } from '../core/abort.ts';
import { LeaseholdError } from '../core/errors.ts';
import type { Parts } from '../core/parts.ts';
import type { Group } from '../group/group.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import type { Lock } from '../lock/lock.ts';
import { closed } from '../lock/until-held.ts';
import { Handovers } from './handovers.ts';
import { Pace } from './pace.ts';
import { ShardsRun } from './shards-run.ts';
import { insideOf } from './tending.ts';
import type { ShardWork } from './tending.ts';

export interface ShardsOptions {
  /** How many shards there are, from 1 to 10,000: the same number in all programs. */
  readonly count: number;
}

export interface ShardsRunOptions {
  /** Ends the run: this member leaves, and hands its shards over. */
  readonly signal?: AbortSignal;
}

/** What shards are made of. */
export interface ShardsContext {
  readonly api: LeaseApi;
  readonly parts: Parts;
  readonly group: (name: string) => Group;
  readonly lock: (name: string) => Lock;
}

const MOST_SHARDS = 10_000;

/**
 * Work in so many parts, each of which is done by one living member at a time. Made by `Leasehold.shards`.
 */
export class Shards {
  /** The name, as given. */
  readonly name: string;
  readonly count: number;
  readonly #context: ShardsContext;
  readonly #closing: AbortSignal;
  #running: Promise<void> | undefined;

  /** @internal */
  constructor(context: ShardsContext, name: string, count: number, closing: AbortSignal) {
    this.name = name;
    this.count = count;
    this.#context = context;
    this.#closing = closing;
  }

  /**
   * Joins those who run the shards of this name, and calls `work` for each shard that is this member's, as long
   * as it is: once when it begins to own it, under the lock of that shard. Ends when `signal` aborts or the
   * client is closed, once all works have ended and their shards are handed over.
   *
   * `work` must stop when its `signal` aborts: the next owner waits for that. Work that returns before is done,
   * and not called again until the shard comes anew to this member or another. Work that throws is called again
   * after a second, then two, up to a minute (event `shard-failed`); this does not end the run.
   *
   * Sends what joining a group sends, and for each shard what a lock sends: two writes while nobody else wants
   * it, one PATCH to queue and one write to hand over otherwise; a hundred shards are begun in a second at most.
   * While it owns them nothing but the heartbeat of the process.
   *
   * @example
   * ```ts
   * await leasehold.shards('orders', { count: 64 }).run(async ({ shard, signal }) => {
   *   while (!signal.aborted) await processOrders(shard, signal);
   * });
   * ```
   * @throws LeaseholdError `REENTRANT` (this client already runs them), `CLOSED`, `FOREIGN_LEASE`,
   * `UNREADABLE_RECORD`, `FORBIDDEN`, `NAMESPACE_NOT_FOUND`, `NAMESPACE_TERMINATING` or `API_ERROR`
   */
  async run(work: ShardWork, { signal }: ShardsRunOptions = {}): Promise<void> {
    if (this.#closing.aborted) throw closed();
    if (this.#running) {
      throw new LeaseholdError(
        'REENTRANT',
        `this client already runs the shards of ${this.name}: use one run() at a time`,
      );
    }
    const running = this.#run(work, signal);
    this.#running = running.catch(() => undefined);
    try {
      await running;
    } finally {
      this.#running = undefined;
    }
  }

  /** @internal Resolves when the run has ended; at once inside of its own work, which it would wait for. */
  async over(): Promise<void> {
    if (!insideOf.getStore()) await this.#running;
  }

  async #run(work: ShardWork, signal: AbortSignal | undefined): Promise<void> {
    const { api, parts, group, lock } = this.#context;
    const { signal: stop, unlink } = linked(signal ? [signal, this.#closing] : [this.#closing]);
    const context = {
      name: this.name,
      parts,
      work,
      pace: new Pace(parts.clock),
      handovers: new Handovers(api, parts),
      lockOf: (shard: number): Lock => lock(`${this.name}.shard-${String(shard)}`),
    };
    const members = group(`${this.name}.members`);
    try {
      await new ShardsRun(context, members, this.count).run(stop);
    } finally {
      unlink();
    }
  }
}

/** @throws LeaseholdError `INVALID_ARGUMENT` */
export function checkCount(count: number): void {
  if (Number.isSafeInteger(count) && count >= 1 && count <= MOST_SHARDS) return;
  throw new LeaseholdError(
    'INVALID_ARGUMENT',
    `there are from 1 to ${String(MOST_SHARDS)} shards: count is ${String(count)}`,
  );
}
