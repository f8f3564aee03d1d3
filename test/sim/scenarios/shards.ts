import { isLeaseholdError } from '../../../src/core/errors.ts';
import { MACHINES } from '../faults/machines.ts';
import { PEOPLE } from '../faults/people.ts';
import { SERVERS } from '../faults/servers.ts';
import { ALL_REQUEST_FAULTS, Trouble } from '../faults/trouble.ts';
import { Violation } from '../invariants/violation.ts';
import { Floor, tendShard } from '../life/shard-owner.ts';
import type { Scenario } from '../scenario.ts';
import { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { within } from './within.ts';

const COUNT = 8;
const MEMBERS = 4;
const TTLS = [3, 5, 8];
const ROUNDS = [
  { trouble: 30_000, calm: 20_000 },
  { trouble: 20_000, calm: 30_000 },
];
/**
 * Nothing fails: each shard is worked on again. The dead are found in up to three ttl, what nobody stands for
 * in two more, and the works of those who fail take a while to begin again.
 */
const MOST_IDLE_MS = 90_000;
const LOOK_EVERY_MS = 200;

/**
 * Members that run shards while everything fails, leave and come: no shard has two owners, no member is taken
 * for dead that lives, and when nothing fails any more each shard has an owner.
 */
export const shards: Scenario = {
  name: 'shards',
  run: (world, seed) => new Company(world, new Dice(seeded(seed * 6_007))).run(),
};

class Company {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #floor: Floor;
  /** Those who are there, each with what ends its run. */
  readonly #members = new Map<VirtualProcess, AbortController>();
  #started = 0;

  constructor(world: World, dice: Dice) {
    this.#world = world;
    this.#dice = dice;
    this.#floor = new Floor(world);
  }

  async run(): Promise<void> {
    const { time } = this.#world;
    for (let member = 0; member < MEMBERS; member += 1) this.#enter();
    const comings = { on: true };
    this.#comeAndGo(comings);
    for (const { trouble, calm } of ROUNDS) {
      const here = new Trouble(this.#world, this.#dice, {
        mishaps: { ...MACHINES, ...SERVERS, ...PEOPLE },
        requests: ALL_REQUEST_FAULTS,
        longest: 15_000,
        crashed: (victim) => {
          this.#members.delete(victim);
          this.#enter();
        },
      });
      await time.advance(trouble);
      here.end();
      this.#world.mend();
      // They go on to come and go for a while.
      await time.advance(calm);
    }
    comings.on = false;
    await time.runUntil(() => this.#isComplete(), MOST_IDLE_MS, 'each shard has an owner');
    await this.#staysComplete();
    const home = [...this.#members.keys()];
    for (const stop of this.#members.values()) stop.abort();
    const closing = Promise.all(home.map((process) => process.close()));
    await within(this.#world, 60_000, 'every member closes', closing);
    await time.advance(10_000);
    for (const { name, host, requests } of home) {
      if (host.timers > 0) throw new Violation('left-behind', `timers of ${name}`);
      if (requests.watches.size > 0) throw new Violation('left-behind', `watches of ${name}`);
    }
  }

  #enter(): void {
    this.#started += 1;
    const dice = this.#dice;
    const process = this.#world.process(`p${String(this.#started)}`, {
      ttl: dice.pick(TTLS) ?? 5,
    });
    const server = dice.pick(this.#world.controlPlane.servers);
    if (server) process.requests.network.server = server;
    this.#run(process);
  }

  /** Runs them until told to stop; what it may not do now it tries again. */
  #run(process: VirtualProcess): void {
    const stop = new AbortController();
    this.#members.set(process, stop);
    const { signal } = stop;
    const living = async (): Promise<void> => {
      while (!signal.aborted) {
        try {
          await process.shards
            .shards('orders', { count: COUNT })
            .run((owned) => tendShard(this.#world, process, owned, this.#dice, this.#floor), {
              signal,
            });
        } catch (error) {
          if (!isLeaseholdError(error, 'API_ERROR') && !isLeaseholdError(error, 'CLOSED')) {
            throw error;
          }
        }
        await new Promise((resolve) => void process.host.schedule(1_000, () => resolve(true)));
      }
    };
    living().catch((error: unknown) => this.#world.fail(error));
  }

  /** A rollout: a new one enters, then an old one leaves and closes. */
  #comeAndGo(comings: { readonly on: boolean }): void {
    const { time } = this.#world;
    time.schedule(this.#dice.between(3_000, 15_000), () => {
      if (!comings.on) return;
      const [oldest] = [...this.#members].find(([{ host }]) => host.state === 'running') ?? [];
      this.#enter();
      time.schedule(this.#dice.mostlyShort(5_000), () => {
        if (!oldest || !this.#members.has(oldest)) return;
        this.#members.get(oldest)?.abort();
        this.#members.delete(oldest);
        void oldest.close();
      });
      this.#comeAndGo(comings);
    });
  }

  #isComplete(): boolean {
    return Array.from({ length: COUNT }, (_, shard) => shard).every((shard) =>
      this.#floor.isOwned(shard),
    );
  }

  /** But for works that fail by themselves, which begin again within a second or two. */
  async #staysComplete(): Promise<void> {
    const { time } = this.#world;
    let since = time.now;
    for (const until = time.now + 20_000; time.now < until;) {
      await time.advance(LOOK_EVERY_MS);
      if (this.#isComplete()) since = time.now;
      else if (time.now - since > MOST_IDLE_MS)
        throw new Violation('stuck', 'a shard has no owner');
    }
  }
}
