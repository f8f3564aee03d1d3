import { LeaseholdError } from '../core/errors.ts';
import { leaseName } from '../core/names.ts';
import { Shards, checkCount } from './shards.ts';
import type { ShardsContext, ShardsOptions } from './shards.ts';

/** All shards of one process in one namespace. */
export class AllShards {
  readonly #context: ShardsContext;
  readonly #shards = new Map<string, Shards>();
  readonly #closing = new AbortController();

  constructor(context: ShardsContext) {
    this.#context = context;
  }

  /** Those of this name; the same object for the same name. */
  shards(name: string, { count }: ShardsOptions): Shards {
    checkCount(count);
    const { lease } = leaseName(name);
    let shards = this.#shards.get(lease);
    if (!shards) {
      shards = new Shards(this.#context, name, count, this.#closing.signal);
      this.#shards.set(lease, shards);
    }
    if (shards.count === count) return shards;
    throw new LeaseholdError(
      'INVALID_ARGUMENT',
      `this process has ${String(shards.count)} shards of ${name} already: it cannot have ${String(count)}`,
    );
  }

  /** Hands all of them over. */
  async close(): Promise<void> {
    const reason = new LeaseholdError(
      'CLOSED',
      'the client was closed: stop the work on this shard',
    );
    this.#closing.abort(reason);
    await Promise.all([...this.#shards.values()].map((shards) => shards.over()));
  }
}
