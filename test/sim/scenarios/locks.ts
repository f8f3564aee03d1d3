import type { Random } from '../../../src/core/clock.ts';
import { isLeaseholdError } from '../../../src/core/errors.ts';
import type { Scenario } from '../scenario.ts';
import { Violation } from '../world/invariants.ts';
import { Disturbance } from './disturbance.ts';
import type { VirtualProcess } from '../world/process.ts';
import { OnCall } from './on-call.ts';
import { seeded } from '../world/random.ts';
import type { World } from '../world/world.ts';

const TTL_SECONDS = 5;
const LOCKS = ['x', 'y'];
const TROUBLE_MS = 60_000;
/** After the last fault: late requests land, dead sessions are found dead, queues are served. */
const PEACE_MS = 240_000;
const NOTHING_LEFT = 'nothing is left behind';

/** Processes that take and give locks at random while everything fails. */
export const locks: Scenario = {
  name: 'locks',
  run: (world, seed) => new Locking(world, seed).run(),
};

class Locking {
  readonly world: World;
  readonly #random: Random;
  readonly #running = new Map<VirtualProcess, Promise<unknown>[]>();
  readonly #errors: unknown[] = [];
  #started = 0;
  #trouble = true;

  constructor(world: World, seed: number) {
    this.world = world;
    this.#random = seeded(seed * 7_919);
  }

  async run(): Promise<void> {
    const world = this.world;
    const { time } = world;
    for (let index = 0; index < 4; index += 1) this.#spawn();
    const onCall = new OnCall(world);
    const disturbance = new Disturbance(world, this.#random, (crashed) => {
      this.#spawn();
      if (this.#random() < 0.5)
        void onCall.mend(crashed).catch((error: unknown) => this.#fail(error));
    });
    await time.advance(TROUBLE_MS);

    this.#trouble = false;
    disturbance.stop();
    let served = false;
    const all = this.#alive().flatMap((process) => this.#running.get(process) ?? []);
    void Promise.all(all).then(() => (served = true));
    await time.runUntil(() => served, PEACE_MS, 'every waiter served');
    this.#rethrow();
    await time.settled(Promise.all(this.#alive().map((process) => process.close())), PEACE_MS);
    await this.#tidy();
  }

  /** What the dead have left is recovered by whoever comes next, and then nothing is left. */
  async #tidy(): Promise<void> {
    const world = this.world;
    const { time } = world;
    const alive = this.#alive();
    // A request that was in flight has a deadline.
    await time.advance(10_000);
    for (const { name, host } of alive) {
      if (host.timers > 0)
        throw new Violation(NOTHING_LEFT, `${name} has left timers: ${host.timerSources}`);
    }
    // Whatever is still in flight lands.
    await time.advance(60_000);
    const last = world.process('last', { ttl: TTL_SECONDS });
    for (const lock of LOCKS) {
      const held = await time.settled(last.acquire(lock), PEACE_MS);
      await time.settled(held.release());
      if (world.store.peek(lock)) throw new Violation(NOTHING_LEFT, `lock ${lock} was left behind`);
    }
    await time.settled(last.close());
    for (const { name } of alive) {
      for (const lease of world.store.names().filter((left) => left.startsWith(`${name}-`))) {
        const session = world.store.peek(lease);
        const blank = session?.spec?.holderIdentity === '';
        const silent = time.now - 60_000;
        const renewed = Date.parse(session?.spec?.renewTime ?? '') - Date.UTC(2026, 0, 1);
        if (!blank && renewed > silent)
          throw new Violation(NOTHING_LEFT, `${lease} is still renewed`);
      }
    }
  }

  #spawn(): void {
    const world = this.world;
    this.#started += 1;
    const process = world.process(`p${String(this.#started)}`, { ttl: TTL_SECONDS });
    const workers = Array.from({ length: 1 + this.#below(3) }, () => this.#work(process));
    this.#running.set(process, workers);
  }

  async #work(process: VirtualProcess): Promise<void> {
    try {
      while (this.#trouble) {
        await this.#sleep(process, this.#random() ** 3 * 3_000);
        await this.#turn(process);
      }
    } catch (error) {
      this.#errors.push(error);
    }
  }

  async #turn(process: VirtualProcess): Promise<void> {
    const lock = this.#pick(LOCKS) ?? 'x';
    try {
      const held = await this.#take(process, lock);
      if (!held) return;
      await this.#sleep(process, this.#random() ** 4 * 8_000);
      await held.release();
    } catch (error) {
      const expected = ['ABORTED', 'TIMEOUT', 'API_UNREACHABLE', 'API_ERROR'] as const;
      if (!expected.some((code) => isLeaseholdError(error, code))) throw error;
    }
  }

  #take(process: VirtualProcess, lock: string) {
    const dice = this.#random();
    if (dice < 0.15) return process.tryAcquire(lock);
    if (dice < 0.35) return process.acquire(lock, { timeout: this.#random() ** 2 * 10_000 });
    if (dice < 0.55) {
      const stop = new AbortController();
      const cancel = process.host.schedule(this.#random() ** 3 * 5_000, () => stop.abort());
      return process.acquire(lock, { signal: stop.signal }).finally(cancel);
    }
    return process.acquire(lock);
  }

  #alive(): VirtualProcess[] {
    return [...this.#running.keys()].filter(({ host }) => host.state !== 'crashed');
  }

  #fail(error: unknown): void {
    this.#errors.push(error);
  }

  #rethrow(): void {
    if (this.#errors.length > 0) throw this.#errors[0];
  }

  #sleep(process: VirtualProcess, delay: number): Promise<void> {
    return new Promise((resolve) => void process.host.schedule(delay, resolve));
  }

  #pick<T>(choices: readonly T[]): T | undefined {
    return choices[this.#below(choices.length)];
  }

  #below(most: number): number {
    return Math.floor(this.#random() * most);
  }
}
