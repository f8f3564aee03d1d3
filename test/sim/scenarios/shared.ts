import type { Entry } from '../../../src/core/entry.ts';
import { parseEntry } from '../../../src/core/entry.ts';
import type { Lease } from '../../../src/core/lease.ts';
import { MACHINES } from '../faults/machines.ts';
import { SERVERS } from '../faults/servers.ts';
import { ALL_REQUEST_FAULTS, Trouble } from '../faults/trouble.ts';
import { Violation } from '../invariants/violation.ts';
import {
  COUNTER,
  Meetings,
  Shared,
  LATCH_COUNT,
  addSome,
  countDown,
  meet,
  passLatch,
} from '../life/sharer.ts';
import { sleep } from '../life/work.ts';
import type { Scenario } from '../scenario.ts';
import { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import type { StoreEvent } from '../world/store.ts';
import type { World } from '../world/world.ts';
import { within } from './within.ts';

const PROCESSES = 4;
const PARTIES = 3;
const BARRIER = 'barrier';
const PARTY = 'party.leasehold.dev/';
const TTLS = [3, 5, 8];
const TROUBLE_MS = 60_000;
/** What was sent in trouble has landed by then, and what waits for a server is tried again. */
const CALM_MS = 60_000;
const PEACE_MS = 120_000;

/** Processes count, wait for latches and meet at a barrier while everything fails; nobody edits a Lease. */
export const shared: Scenario = {
  name: 'shared',
  run: (world, seed) => new Sharing(world, new Dice(seeded(seed * 4_127))).run(),
};

class Sharing {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #shared = new Shared();
  readonly #meetings: Meetings;
  readonly #cast = new Set<VirtualProcess>();
  readonly #roles = new Map<VirtualProcess, number>();
  readonly #work = new Map<VirtualProcess, Promise<unknown>>();
  readonly #waits: Promise<unknown>[] = [];
  #working = true;
  #started = 0;
  #latches = 0;

  constructor(world: World, dice: Dice) {
    this.#world = world;
    this.#dice = dice;
    this.#meetings = new Meetings(world);
  }

  async run(): Promise<void> {
    const world = this.#world;
    world.store.observe((event) => this.#judge(event));
    for (let index = 0; index < PROCESSES; index += 1) this.#enter(index);
    for (let round = 0; round < 2; round += 1) {
      const trouble = new Trouble(world, this.#dice, {
        mishaps: { ...MACHINES, ...SERVERS },
        requests: ALL_REQUEST_FAULTS,
        longest: 15_000,
        crashed: (victim) => this.#replace(victim),
      });
      await world.time.advance(TROUBLE_MS);
      trouble.end();
      world.mend();
      await world.time.advance(CALM_MS);
    }
    this.#working = false;
    await this.#finish();
  }

  #enter(role: number): void {
    this.#started += 1;
    const dice = this.#dice;
    const process = this.#world.process(`p${String(this.#started)}`, {
      ttl: dice.pick(TTLS) ?? 5,
    });
    const server = dice.pick(this.#world.controlPlane.servers);
    if (server) process.requests.network.server = server;
    this.#roles.set(process, role);
    this.#cast.add(process);
    const work = [this.#count(process), this.#count(process), this.#latch(process)];
    this.#work.set(process, Promise.all(work));
    // Who meets is not waited for: where the others have stopped, it does not end.
    if (role < PARTIES) work.push(this.#meet(process, role));
    for (const one of work) one.catch((error: unknown) => this.#world.fail(error));
  }

  #replace(victim: VirtualProcess): void {
    this.#cast.delete(victim);
    this.#enter(this.#roles.get(victim) ?? 0);
  }

  async #count(process: VirtualProcess): Promise<void> {
    while (this.#working) {
      await sleep(process, this.#dice.mostlyShort(6_000));
      const some = 1 + this.#dice.below(3);
      await Promise.all(
        Array.from({ length: some }, () => addSome(this.#world, process, this.#shared, this.#dice)),
      );
    }
  }

  /** Counts latches down, each in its turn, and waits for the next. */
  async #latch(process: VirtualProcess): Promise<void> {
    while (this.#working) {
      await sleep(process, this.#dice.mostlyShort(2_000));
      const name = `latch-${String(this.#latches)}`;
      const latch = process.shared.latch(name, { count: LATCH_COUNT });
      if (this.#dice.chance(0.3)) {
        const wait = passLatch(latch, this.#shared);
        wait.catch((error: unknown) => this.#world.fail(error));
        this.#waits.push(Promise.race([wait, ended(process)]));
      }
      const timeout = this.#dice.chance(0.3) ? this.#dice.mostlyShort(10_000) : undefined;
      await countDown(latch, this.#shared, timeout);
      this.#world.operations += 1;
      // It may be open, or not: enough is known to have been counted for sure.
      const { sure } = this.#shared.latch(name);
      if (sure >= LATCH_COUNT && name === `latch-${String(this.#latches)}`) this.#latches += 1;
    }
    // The last one is counted down to its end.
    const last = process.shared.latch(`latch-${String(this.#latches)}`, { count: LATCH_COUNT });
    while (this.#shared.latch(last.name).sure < LATCH_COUNT) {
      await countDown(last, this.#shared, undefined);
    }
  }

  #meet(process: VirtualProcess, role: number): Promise<void> {
    const barrier = process.shared.barrier(BARRIER, { parties: PARTIES });
    return meet(this.#world, process, barrier, this.#dice, {
      resets: role === 0,
      goesOn: () => this.#working,
      meetings: this.#meetings,
    });
  }

  /** Nothing fails: who waits for a latch is let go, the barrier trips, and the counter says what was added. */
  async #finish(): Promise<void> {
    const world = this.#world;
    const work = [...this.#cast].map((process) => this.#work.get(process) ?? Promise.resolve());
    await within(world, PEACE_MS, 'everything is counted', Promise.all(work));
    await within(world, PEACE_MS, 'every latch opens', Promise.all(this.#waits));
    const last = world.process('last', { ttl: 3 });
    const value = await within(world, PEACE_MS, 'a get', last.shared.counter(COUNTER).get());
    this.#shared.counted.judge(value);
    const living = [...this.#cast, last];
    const closing = Promise.all(living.map((process) => process.close()));
    await within(world, PEACE_MS, 'every client closes', closing);
    await world.time.advance(10_000);
    for (const { name, host, requests } of living) {
      if (host.timers > 0) {
        throw new Violation('left-behind', `timers of ${name}: ${host.timerSources}`);
      }
      if (requests.watches.size > 0) throw new Violation('left-behind', `watches of ${name}`);
    }
    await this.#trips();
  }

  /** Whatever the dead have left there: all who come afterwards pass. */
  async #trips(): Promise<void> {
    const world = this.#world;
    const parties = [1, 2, 3].map((index) => world.process(`later${String(index)}`, { ttl: 3 }));
    const barriers = parties.map(({ shared: own }) => own.barrier(BARRIER, { parties: PARTIES }));
    await within(world, PEACE_MS, 'a reset', barriers[0]?.reset() ?? Promise.resolve());
    const meeting = Promise.all(
      parties.map(({ name }, index) =>
        this.#meetings.arriving(name, () => barriers[index]?.arrive() ?? Promise.resolve()),
      ),
    );
    const codes = await within(world, 10_000, 'the barrier trips', meeting);
    if (codes.some((code) => code !== undefined)) throw new Error(codes.join());
    await within(world, PEACE_MS, 'they close', Promise.all(parties.map((one) => one.close())));
  }

  #judge({ lease, before, name, type, writer }: StoreEvent): void {
    if (name === COUNTER) {
      const [is, was] = [valueOf(lease), valueOf(before)];
      this.#shared.counted.written(is - was, writer.process ?? '');
    }
    if (name !== BARRIER || type === 'DELETED') return;
    try {
      this.#judgeBarrier(before, lease, writer.process ?? '');
    } catch (error) {
      this.#world.fail(error);
    }
  }

  #judgeBarrier(before: Lease | undefined, after: Lease, writer: string): void {
    const [was, is] = [partiesOf(before), partiesOf(after)];
    const added = is.filter(({ id }) => !was.some((entry) => entry.id === id));
    for (const entry of added) this.#meetings.entered(this.#ownerOf(entry));
    const isFull = generationOf(after) > generationOf(before) && eraOf(after) === eraOf(before);
    if (!isFull && !(before && eraOf(before) === '-' && generationOf(after) === 2)) return;
    // The last one of them was never in the record by itself.
    this.#meetings.entered(writer);
    this.#meetings.full([...was.map((entry) => this.#ownerOf(entry)), writer], PARTIES);
  }

  #ownerOf({ session }: Entry): string {
    return session.slice(0, session.lastIndexOf('-'));
  }
}

function partiesOf(lease: Lease | undefined): Entry[] {
  return Object.entries(lease?.metadata.annotations ?? {}).flatMap(([key, text]) =>
    key.startsWith(PARTY) ? (parseEntry(key.slice(PARTY.length), text) ?? []) : [],
  );
}

function stateOf(lease: Lease | undefined): string {
  return lease?.metadata.annotations?.['leasehold.dev/state'] ?? '';
}

function valueOf(lease: Lease | undefined): number {
  return Number(/ value=(\d+)/.exec(stateOf(lease))?.[1] ?? 0);
}

function generationOf(lease: Lease | undefined): number {
  return Number(/ generation=(\d+)/.exec(stateOf(lease))?.[1] ?? 1);
}

function eraOf(lease: Lease | undefined): string {
  return / era=(\S+)/.exec(stateOf(lease))?.[1] ?? '-';
}

/** Resolves when the process has died. */
function ended(process: VirtualProcess): Promise<void> {
  return new Promise((resolve) => {
    const crash = process.crash.bind(process);
    process.crash = () => {
      crash();
      resolve();
    };
  });
}
