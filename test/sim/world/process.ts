import type { Random } from '../../../src/core/clock.ts';
import type { LeaseholdEvent } from '../../../src/core/events.ts';
import type { Parts } from '../../../src/core/parts.ts';
import { Election } from '../../../src/election/election.ts';
import { electionTimes } from '../../../src/election/options.ts';
import type { ElectionOptions } from '../../../src/election/options.ts';
import type { Leadership } from '../../../src/election/term.ts';
import type { Held } from '../../../src/lock/held.ts';
import { HoldWatches } from '../../../src/lock/hold-watches.ts';
import type { AcquireOptions, Lock } from '../../../src/lock/lock.ts';
import { Locks } from '../../../src/lock/locks.ts';
import type { Announcer } from '../../../src/core/announcer.ts';
import { Deaths } from '../../../src/session/deaths.ts';
import { Sessions } from '../../../src/session/sessions.ts';
import { VirtualApi } from './api.ts';
import { Host } from '../../../src/testing/virtual/host.ts';
import type { World } from './world.ts';

export interface ProcessOptions {
  /** Seconds; 15 by default. */
  readonly ttl?: number;
  readonly announcer?: Announcer;
}

/** One simulated process: its own clock, network, sessions, locks and elections. */
export class VirtualProcess {
  readonly name: string;
  readonly host: Host;
  readonly api: VirtualApi;
  readonly sessions: Sessions;
  readonly deaths: Deaths;
  readonly locks: Locks;
  readonly events: (LeaseholdEvent & { at: number })[] = [];
  readonly #world: World;
  readonly #parts: Parts;
  readonly #elections = new Set<Election>();
  readonly #announcer: Announcer | undefined;

  constructor(world: World, name: string, random: Random, options: ProcessOptions) {
    this.name = name;
    this.#world = world;
    this.host = new Host(world.time);
    this.api = new VirtualApi(world, this.host, name);
    const observe = (event: LeaseholdEvent): void => {
      this.events.push({ ...event, at: world.time.now });
    };
    const parts = { clock: this.host, random, observe };
    this.#parts = parts;
    const ttl = options.ttl ?? 15;
    const { announcer } = options;
    this.#announcer = announcer;
    const settings = { identity: name, ttl, owner: undefined, announcer };
    this.sessions = new Sessions(this.api, parts, settings);
    this.deaths = new Deaths(this.api, parts);
    const { api, sessions, deaths } = this;
    this.locks = new Locks({ api, parts, sessions, deaths, holdWatches: new HoldWatches() });
  }

  lock(name: string): Lock {
    return this.locks.lock(name);
  }

  /** `acquire`, watched by the invariants. */
  async acquire(lock: string, options: AcquireOptions = {}): Promise<Held> {
    this.#world.operations += 1;
    return this.#tracked(lock, await this.lock(lock).acquire(options));
  }

  /** `tryAcquire`, watched by the invariants. */
  async tryAcquire(lock: string, signal?: AbortSignal): Promise<Held | undefined> {
    this.#world.operations += 1;
    const held = await this.lock(lock).tryAcquire(signal ? { signal } : {});
    return held && this.#tracked(lock, held);
  }

  election(name: string, options: ElectionOptions = {}): Election {
    const { api } = this;
    const identity = options.identity ?? `${this.name}_1`;
    const times = electionTimes(options);
    const parts = { api, parts: this.#parts, times, announcer: this.#announcer };
    const election = new Election(parts, name, identity);
    this.#elections.add(election);
    return election;
  }

  /** `acquire` of an election, watched by the invariants. */
  async lead(election: Election, signal?: AbortSignal): Promise<Leadership> {
    this.#world.operations += 1;
    const term = await election.acquire(signal ? { signal } : {});
    const name = `election ${election.name}`;
    this.#world.invariants.granted(name, term, this.host, this.name);
    return term;
  }

  /** Everything in the order in which a client closes it. */
  async close(): Promise<void> {
    await this.locks.close();
    for (const election of this.#elections) await election.close();
    this.deaths.close();
    await this.sessions.close();
  }

  crash(): void {
    this.host.crash();
    for (const watch of this.api.watches) watch.silence();
  }

  eventsOf<T extends LeaseholdEvent['type']>(
    type: T,
  ): (Extract<LeaseholdEvent, { type: T }> & { at: number })[] {
    return this.events.filter(
      (event): event is Extract<LeaseholdEvent, { type: T }> & { at: number } =>
        event.type === type,
    );
  }

  #tracked(lock: string, held: Held): Held {
    const { invariants } = this.#world;
    const release = held.release.bind(held);
    held.release = () => {
      invariants.given(lock, held);
      return release();
    };
    invariants.granted(lock, held, this.host, `${this.name} (${String(held.fence)})`);
    return held;
  }
}
