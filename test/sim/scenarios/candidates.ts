import { MACHINES } from '../faults/machines.ts';
import { PEOPLE } from '../faults/people.ts';
import { SERVERS } from '../faults/servers.ts';
import { ALL_REQUEST_FAULTS, Trouble } from '../faults/trouble.ts';
import { PublishedValues } from '../invariants/published-values.ts';
import { Violation } from '../invariants/violation.ts';
import { standAsClientGo } from '../life/client-go.ts';
import { rated } from '../life/rated-candidate.ts';
import type { Mood, RatedCandidate } from '../life/rated-candidate.ts';
import type { Scenario } from '../scenario.ts';
import { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { within } from './within.ts';

const TROUBLE_MS = 60_000;
/** Everybody has recovered, and each of four candidates has led in the order of their priorities. */
const SETTLES_MS = 180_000;
/** Whoever was sick or was asked to go has gone. */
const LAST_WORK_MS = 30_000;
const STEADY_MS = 60_000;
const PRIORITIES = [-1, 0, 1, 5];
const NAME = 'controller';
const LEASE_SECONDS = 6;

/** Candidates that are not equally good, some of them sick at times, and one of another library. */
export const candidates: Scenario = {
  name: 'candidates',
  run: async (world, seed) => {
    const dice = new Dice(seeded(seed * 3_571));
    const cast = new Cast(world, dice);
    for (let count = 0; count < 4; count += 1) cast.enter();
    if (dice.chance(0.5)) cast.strangers();
    const mishaps = {
      ...MACHINES,
      ...SERVERS,
      'label edited': PEOPLE['label edited'],
      'session deleted': PEOPLE['session deleted'],
    };
    const crashed = (victim: VirtualProcess): void => cast.replace(victim);
    const options = { mishaps, requests: ALL_REQUEST_FAULTS, longest: 15_000, crashed };
    const trouble = new Trouble(world, dice, options);
    await world.time.advance(TROUBLE_MS);
    trouble.end();
    world.mend();
    cast.mood.steady = true;
    const best = 'the best of those who live leads once nothing fails';
    await world.time.advance(LAST_WORK_MS);
    await world.time.runUntil(() => cast.bestLeads, SETTLES_MS, best);
    await cast.staysSo();
    await cast.goHome();
  },
};

class Cast {
  readonly mood: Mood = { steady: false, over: false };
  readonly #world: World;
  readonly #dice: Dice;
  readonly #values = new PublishedValues();
  readonly #living = new Map<VirtualProcess, RatedCandidate>();
  #started = 0;

  constructor(world: World, dice: Dice) {
    this.#world = world;
    this.#dice = dice;
  }

  enter(): void {
    this.#started += 1;
    const dice = this.#dice;
    const process = this.#world.process(`p${String(this.#started)}`, {
      ttl: dice.pick([3, 5]) ?? 5,
      rate: dice.between(0.95, 1.05),
      skew: dice.between(-60_000, 60_000),
    });
    const priority = dice.pick(PRIORITIES) ?? 0;
    const { mood } = this;
    const candidate = rated(this.#world, process, this.#values, priority, dice, mood);
    this.#living.set(process, candidate);
  }

  replace(victim: VirtualProcess): void {
    if (this.#living.delete(victim)) this.enter();
  }

  /** One of another library at a time, which keeps annotations that it does not know, and soon dies. */
  strangers(): void {
    const world = this.#world;
    const dice = this.#dice;
    this.#started += 1;
    const process = world.process(`go${String(this.#started)}`);
    standAsClientGo(world, process, NAME, process.name, LEASE_SECONDS);
    const end = (): void => {
      if (process.alive) process.crash();
      if (!this.mood.steady) world.time.schedule(dice.between(0, 5_000), () => this.strangers());
    };
    const over = (): void => {
      if (this.mood.steady || !process.alive || world.time.now >= until) end();
      else world.time.schedule(500, over);
    };
    const until = world.time.now + dice.between(5_000, 20_000);
    over();
  }

  get bestLeads(): boolean {
    const best = Math.max(...[...this.#living.values()].map(({ priority }) => priority));
    const { holderIdentity } = this.#world.store.peek(NAME)?.spec ?? {};
    return [...this.#living.values()].some(
      ({ election, priority, process }) =>
        priority === best &&
        holderIdentity === election.identity &&
        process.host.peek(() => election.leadership?.valid ?? false),
    );
  }

  /** Nothing changes hands any more, and the list has everybody. */
  async staysSo(): Promise<void> {
    const world = this.#world;
    const changes = (): number => world.store.peek(NAME)?.spec?.leaseTransitions ?? 0;
    const before = changes();
    await world.time.advance(STEADY_MS);
    if (!this.bestLeads || changes() !== before) {
      throw new Violation('stuck', `${String(changes() - before)} changes, and nothing fails`);
    }
    const reader = world.process('reader').election(NAME);
    const listed = await within(world, 5_000, 'the list can be read', reader.candidates());
    const names = listed.map(({ identity, priority }) => `${identity} ${String(priority)}`);
    const wanted = [...this.#living.values()].map(
      ({ election, priority }) => `${election.identity} ${String(priority)}`,
    );
    if (names.sort().join() === wanted.sort().join()) return;
    throw new Violation('stuck', `listed are ${names.join()} in place of ${wanted.join()}`);
  }

  async goHome(): Promise<void> {
    const world = this.#world;
    this.mood.over = true;
    const home = [...this.#living.keys()];
    const closing = Promise.all(home.map((process) => process.close()));
    await within(world, 120_000, 'everybody closes', closing);
    await world.time.advance(10_000);
    for (const { name, host, requests } of home) {
      if (host.timers > 0) {
        throw new Violation('left-behind', `timers of ${name}: ${host.timerSources}`);
      }
      if (requests.watches.size > 0) throw new Violation('left-behind', `watches of ${name}`);
    }
  }
}
