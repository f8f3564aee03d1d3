import type { Random } from '../../../src/core/clock.ts';
import type { Entry } from '../../../src/core/entry.ts';
import { isLeaseholdError } from '../../../src/core/errors.ts';
import { CHALLENGE_ANNOTATION } from '../../../src/core/lease.ts';
import { parseRecord } from '../../../src/core/record.ts';
import type { Scenario } from '../scenario.ts';
import type { Fault, SentRequest } from '../world/network.ts';
import { Violation } from '../invariants/violation.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { within } from './within.ts';

/** So that neither a death nor a challenge, after two of them, hides what was left standing. */
const TTL_SECONDS = 15;
const LOCKS = ['x', 'y'];
const TROUBLE_MS = 60_000;
const LATEST_MS = 4_000;
/** A request that lands late, the patience of those who wait, a few requests that fail. */
const MOST_STANDING_MS = 12_000;
const LOOK_EVERY_MS = 250;

/**
 * Requests on locks whose outcome is unknown, waits that are given up, and in some seeds questions to
 * sessions whether they stand for an attempt. Every process lives, so that a lock for which somebody waits never stands
 * still for long.
 */
export const doubt: Scenario = {
  name: 'doubt',
  run: (world, seed) => new Doubtful(world, seed).run(),
};

class Doubtful {
  readonly #world: World;
  readonly #seed: number;
  readonly #random: Random;
  readonly #processes: VirtualProcess[];
  readonly #standing = new Map<string, number>();
  #trouble = true;
  #over = false;

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#seed = seed;
    this.#random = seeded(seed * 6_271);
    const names = ['a', 'b', 'c'];
    this.#processes = names.map((name) => world.process(name, { ttl: TTL_SECONDS }));
  }

  async run(): Promise<void> {
    const { time } = this.#world;
    this.#world.latency = () => 0.5 + this.#random() * 40;
    const stop = this.#world.inject((request) => this.#fault(request));
    this.#look();
    // Who asks also mends what stands still.
    if (this.#seed % 3 === 0) this.#ask();
    // Two in each process, as one hands over to the other.
    const work = this.#processes.flatMap((process) => [this.#work(process), this.#work(process)]);
    await time.advance(TROUBLE_MS);
    this.#trouble = false;
    stop();
    await within(this.#world, 120_000, 'every waiter served', Promise.all(work));
    this.#over = true;
    const closing = Promise.all(this.#processes.map((process) => process.close()));
    await within(this.#world, 60_000, 'every client closes', closing);
  }

  async #work(process: VirtualProcess): Promise<void> {
    while (this.#trouble) {
      await this.#sleep(process, this.#random() ** 2 * 3_000);
      const lock = LOCKS[Math.floor(this.#random() * LOCKS.length)] ?? 'x';
      const timeout = this.#random() ** 3 * 2_000;
      try {
        const held = await process.acquire(lock, this.#random() < 0.6 ? { timeout } : {});
        await this.#sleep(process, this.#random() ** 3 * 500);
        await held.release();
      } catch (error) {
        if (!isLeaseholdError(error, 'TIMEOUT')) throw error;
      }
    }
  }

  /** Of the requests on locks, never a renewal: no session dies. */
  #fault({ name, verb }: SentRequest): Fault | undefined {
    if (!LOCKS.includes(name) || verb === 'watch' || this.#random() > 0.15) return undefined;
    const after = this.#random() * 200;
    const dice = this.#random();
    if (dice < 0.2) return { kind: 'lose-request', after };
    if (dice < 0.5) return { kind: 'lose-answer', after };
    if (dice < 0.9) return { kind: 'late', after, lands: this.#random() ** 2 * LATEST_MS };
    return { kind: 'refuse', status: 429 };
  }

  /** Somebody asks about any attempt that stands in a record, as a waiter does that has lost patience. */
  #ask(): void {
    const { store, time } = this.#world;
    if (!this.#trouble) return;
    time.schedule(this.#random() * 400, () => this.#ask());
    const entries = LOCKS.flatMap((lock) => {
      const lease = store.peek(lock);
      if (!lease) return [];
      const { holders, queue } = parseRecord(lease);
      return [...holders, ...queue];
    });
    const entry = entries[Math.floor(this.#random() * entries.length)];
    if (!entry) return;
    store.editByHand(entry.session, { annotations: { [CHALLENGE_ANNOTATION]: entry.id } });
  }

  #look(): void {
    if (this.#over) return;
    for (const lock of LOCKS) this.#lookAt(lock);
    this.#world.time.schedule(LOOK_EVERY_MS, () => this.#look());
  }

  /** A record in which nobody lives who holds, and somebody who waits. */
  #lookAt(lock: string): void {
    const { store, time } = this.#world;
    const lease = store.peek(lock);
    const record = lease && parseRecord(lease);
    const isStill =
      record !== undefined &&
      !record.holders.some((entry) => this.#stands(entry)) &&
      record.queue.some((entry) => this.#stands(entry));
    if (!isStill) {
      this.#standing.delete(lock);
      return;
    }
    const since = this.#standing.get(lock) ?? time.now;
    this.#standing.set(lock, since);
    if (time.now - since <= MOST_STANDING_MS) return;
    const ids = record.holders.map(({ id }) => id).join(', ');
    throw new Violation('stuck', `${lock} is held by ${ids}, for whom nobody stands`);
  }

  #stands(entry: Entry): boolean {
    return this.#processes.some(({ sessions }) => sessions.ownerOf(entry)?.isCurrent(entry.id));
  }

  #sleep(process: VirtualProcess, delay: number): Promise<void> {
    return new Promise((resolve) => void process.host.schedule(delay, resolve));
  }
}
