import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Leasehold } from 'leasehold';

export interface CacheTimes {
  /** For so long after it was made an entry is served as it is, in milliseconds. */
  readonly fresh: number;
  /** And for so long after that, while one process makes it anew. */
  readonly stale: number;
}

/** A process that found another one at work looks again after this. */
const LOOK_AGAIN_MS = 1_000;

/**
 * Never overwrites what a later holder of the lock has made: a process that was frozen comes back with
 * something old. Fences are compared as text, as they are larger than a number of Lua.
 */
const WRITE = `
  local fence, last = ARGV[2], redis.call('HGET', KEYS[1], 'fence') or ''
  if #last > #fence or (#last == #fence and last > fence) then return 0 end
  redis.call('HSET', KEYS[1], 'value', ARGV[1], 'fence', fence)
  return redis.call('PEXPIRE', KEYS[1], ARGV[3])`;

interface Entry {
  readonly value: string;
  readonly isFresh: boolean;
}

/** A cache in Redis, of which each entry is made by one process at a time, all over the cluster. */
export class Cache {
  readonly #redis: Redis;
  readonly #leasehold: Leasehold;
  readonly #times: CacheTimes;
  /** What this process has under way, by name: one of each at a time. */
  readonly #first = new Map<string, Promise<string>>();
  readonly #refreshes = new Map<string, Promise<void>>();

  constructor(redis: Redis, leasehold: Leasehold, times: CacheTimes) {
    this.#redis = redis;
    this.#leasehold = leasehold;
    this.#times = times;
  }

  /**
   * The entry at once, also a stale one, which is then made anew behind the back; waits only if there is none.
   *
   * @param make - should stop when the signal aborts
   */
  async get(name: string, make: (signal: AbortSignal) => Promise<string>): Promise<string> {
    const entry = await this.#read(name);
    if (!entry) return once(this.#first, name, () => this.#makeFirst(name, make));
    if (!entry.isFresh) void once(this.#refreshes, name, () => this.#refresh(name, make));
    return entry.value;
  }

  /** One makes it, and the others find it when it is their turn. */
  async #makeFirst(name: string, make: (signal: AbortSignal) => Promise<string>): Promise<string> {
    return this.#leasehold.lock(`cache/${name}`).run(async ({ signal, fence }) => {
      const entry = await this.#read(name);
      if (entry) return entry.value;
      const value = await make(signal);
      await this.#write(name, value, fence);
      return value;
    });
  }

  /** Does nothing while another one does it. */
  async #refresh(name: string, make: (signal: AbortSignal) => Promise<string>): Promise<void> {
    try {
      const held = await this.#leasehold.lock(`cache/${name}`).tryAcquire();
      if (!held) {
        await pause(LOOK_AGAIN_MS, undefined, { ref: false });
        return;
      }
      try {
        // Made between our look and our lock?
        const entry = await this.#read(name);
        if (entry?.isFresh) return;
        const value = await make(held.signal);
        const isWritten = await this.#write(name, value, held.fence);
        if (!isWritten) console.log(`${name}: a later one is there already`);
      } finally {
        await held.release();
      }
    } catch (error) {
      console.error(`${name} could not be refreshed:`, error);
      await pause(LOOK_AGAIN_MS, undefined, { ref: false });
    }
  }

  /** How old it is, Redis knows: no two clocks are compared. */
  async #read(name: string): Promise<Entry | undefined> {
    const [value, left] = await Promise.all([
      this.#redis.hget(name, 'value'),
      this.#redis.pttl(name),
    ]);
    return value === null ? undefined : { value, isFresh: left > this.#times.stale };
  }

  async #write(name: string, value: string, fence: bigint): Promise<boolean> {
    const { fresh, stale } = this.#times;
    const written = await this.#redis.eval(WRITE, 1, name, value, String(fence), fresh + stale);
    return written === 1;
  }
}

/** Those who come while it is under way get what comes of it. */
function once<T>(
  underWay: Map<string, Promise<T>>,
  name: string,
  begin: () => Promise<T>,
): Promise<T> {
  let result = underWay.get(name);
  if (!result) {
    result = begin().finally(() => underWay.delete(name));
    underWay.set(name, result);
  }
  return result;
}
