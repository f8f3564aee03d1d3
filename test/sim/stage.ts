import type { Dice } from './world/dice.ts';
import type { VirtualProcess } from './world/process.ts';
import type { World } from './world/world.ts';
import { Trouble } from './faults/trouble.ts';
import type { TroubleOptions } from './faults/trouble.ts';
import { Violation } from './invariants/violation.ts';
import { standForElection } from './life/candidate.ts';
import { habitsOf, workOnLocks } from './life/lock-worker.ts';
import { OnCall } from './life/on-call.ts';
import { Notebook, superviseEnd } from './life/supervisor.ts';

/** Who takes part, and what goes wrong. */
export interface Play extends Omit<TroubleOptions, 'crashed'> {
  readonly locks: readonly string[];
  readonly elections: readonly string[];
  /** How many processes there are at any time. */
  readonly processes: number;
  /** How often the parent of a process that dies is a supervisor, and how often people help. */
  readonly supervised: number;
  readonly mended: number;
  /** How often a lock is only read. */
  readonly reads?: number;
  /** How many permits there are, if the locks are semaphores. */
  readonly permits?: number;
  /** Milliseconds of trouble, and of work without any, in each of the rounds. */
  readonly rounds: readonly { readonly trouble: number; readonly calm: number }[];
  /** The longest that a lock may be held by nobody, when nothing fails and somebody waits. */
  readonly mostIdle: number;
}

/** Seconds; in one world there are all of them. */
const TTLS = [3, 5, 8];
/** Nothing fails any more: all who wait are served within this time. */
const PEACE_MS = 240_000;
/** What was under way when everybody closed has ended, or was given up. */
const AFTERMATH_MS = 60_000;
/** Nothing fails: whose lock was taken by hand knows it, after 3 of the longest ttl and by any clock. */
const MOST_UNAWARE_MS = 3 * 8_000 + 3_000;
const LOOK_EVERY_MS = 200;

/** Processes that work while everything fails, then while nothing does, and go home in the end. */
export class Stage {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #play: Play;
  readonly #onCall: OnCall;
  readonly #cast = new Map<
    VirtualProcess,
    { notebook: Notebook | undefined; life: Promise<void>[] }
  >();
  readonly #skewed: boolean;
  #started = 0;
  #working = true;
  /** Since when nothing fails; undefined while it does. */
  #calmSince: number | undefined;

  constructor(world: World, dice: Dice, play: Play) {
    this.#world = world;
    this.#dice = dice;
    this.#play = play;
    this.#onCall = new OnCall(world);
    this.#skewed = dice.chance(0.6);
  }

  async run(): Promise<void> {
    const { time, controlPlane } = this.#world;
    for (const server of controlPlane.servers) {
      if (this.#dice.chance(0.3)) server.skew = this.#dice.between(-300_000, 300_000);
    }
    for (let index = 0; index < this.#play.processes; index += 1) this.#enter();
    this.#look();
    for (const { trouble, calm } of this.#play.rounds) {
      const { mishaps, requests, longest } = this.#play;
      const crashed = (victim: VirtualProcess): void => this.#replace(victim);
      const here = new Trouble(this.#world, this.#dice, { mishaps, requests, longest, crashed });
      await time.advance(trouble);
      here.end();
      this.#calm();
      await time.advance(calm);
      this.#calmSince = undefined;
    }
    this.#calm();
    this.#working = false;
    await this.#served();
    await this.#goHome();
  }

  /** A process begins to live. */
  #enter(): void {
    this.#started += 1;
    const dice = this.#dice;
    const { supervised, locks, elections } = this.#play;
    const notebook = dice.chance(supervised) ? new Notebook() : undefined;
    const process = this.#world.process(`p${String(this.#started)}`, {
      ttl: dice.pick(TTLS) ?? 5,
      ...(notebook ? { announcer: notebook } : {}),
      ...(this.#skewed ? this.#clocks() : {}),
    });
    const server = dice.pick(this.#world.controlPlane.servers);
    if (server) process.requests.network.server = server;
    const goesOn = (): boolean => this.#working;
    const life: Promise<void>[] = [];
    if (locks.length > 0) {
      const habits = habitsOf(dice, locks, this.#play.reads ?? 0, this.#play.permits ?? 0);
      for (let worker = dice.below(4); worker >= 0; worker -= 1) {
        life.push(workOnLocks(this.#world, process, habits, dice, goesOn));
      }
    }
    for (const election of elections) {
      life.push(standForElection(this.#world, process, election, dice, goesOn));
    }
    for (const living of life) living.catch((error: unknown) => this.#world.fail(error));
    this.#cast.set(process, { notebook, life });
  }

  /** Fast or slow by 0.1 to 10 %, and off by minutes. */
  #clocks(): { rate: number; skew: number } {
    const dice = this.#dice;
    const drift = dice.pick([0, 0.001, 0.01, 0.1]) ?? 0;
    if (drift > 0) this.#world.count(`clock off by ${String(drift * 100)} %`);
    return {
      rate: dice.chance(0.5) ? 1 + drift : 1 - drift,
      skew: dice.between(-300_000, 300_000),
    };
  }

  #replace(victim: VirtualProcess): void {
    const { mended } = this.#play;
    const { notebook } = this.#cast.get(victim) ?? {};
    this.#cast.delete(victim);
    const helping: Promise<void>[] = [];
    if (notebook) helping.push(superviseEnd(this.#world, victim.name, notebook));
    else if (this.#dice.chance(mended)) helping.push(this.#onCall.mend(victim));
    for (const help of helping) help.catch((error: unknown) => this.#world.fail(error));
    this.#enter();
  }

  #calm(): void {
    this.#world.mend();
    this.#calmSince = this.#world.time.now;
  }

  /** Whether whoever waits is served, and whoever was robbed knows it, whenever nothing fails. */
  #look(): void {
    const { time, progress, invariants, lastLanding } = this.#world;
    if (this.#calmSince !== undefined) {
      try {
        const since = Math.max(this.#calmSince, lastLanding);
        progress.look(time.now, since, this.#play.mostIdle);
        invariants.look(time.now, since, MOST_UNAWARE_MS);
      } catch (error) {
        this.#world.fail(error);
      }
    }
    time.schedule(LOOK_EVERY_MS, () => this.#look());
  }

  async #served(): Promise<void> {
    let served = false;
    const waiting = [...this.#cast.values()].flatMap(({ life }) => life);
    void Promise.allSettled(waiting).then(() => (served = true));
    await this.#within(() => served, 'everybody who waits is served');
  }

  /** Everybody closes, and nothing of them is left but what the dead have left. */
  async #goHome(): Promise<void> {
    const { time } = this.#world;
    const home = [...this.#cast.keys()];
    let closed = false;
    void Promise.all(home.map((process) => process.close())).then(() => (closed = true));
    await this.#within(() => closed, 'everybody closes');
    await time.advance(10_000);
    for (const process of home) this.#leftBy(process);
    await time.advance(AFTERMATH_MS);
    for (const { name } of home) this.#leasesOf(name);
    await this.#last();
  }

  #leftBy({ name, host, requests }: VirtualProcess): void {
    if (host.timers > 0) {
      throw new Violation('left-behind', `timers of ${name}: ${host.timerSources}`);
    }
    if (requests.watches.size > 0) throw new Violation('left-behind', `watches of ${name}`);
  }

  #leasesOf(name: string): void {
    const { store, registry } = this.#world;
    for (const lease of store.names().filter((left) => left.startsWith(`${name}-`))) {
      const { metadata, spec } = store.peek(lease) ?? {};
      // Blank where a request may still bring an entry back.
      if (spec?.holderIdentity === '') continue;
      // Made by a request that was given up: its process could not know.
      const began = registry.beganAt(metadata?.uid ?? '');
      if (began === undefined) continue;
      // Deleted long ago, and brought back with etcd.
      if (began < this.#world.restoredAt) continue;
      throw new Violation('left-behind', `the session ${lease}`);
    }
  }

  /** What the dead have left is recovered by whoever comes next, and then nothing is left. */
  async #last(): Promise<void> {
    const { time, store } = this.#world;
    const last = this.#world.process('last', { ttl: 3 });
    for (const lock of this.#play.locks) {
      let done = false;
      void last
        .acquire(lock)
        .then((held) => held.release())
        .then(() => (done = true));
      await this.#within(() => done, `somebody gets ${lock} from the dead`);
      if (store.peek(lock)) throw new Violation('left-behind', `the lock ${lock}`);
    }
    await time.settled(last.close());
  }

  #within(holds: () => boolean, what: string): Promise<void> {
    return this.#world.time.runUntil(holds, PEACE_MS, what);
  }
}
