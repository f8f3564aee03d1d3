import type { Candidate } from '../../../src/core/candidates.ts';
import type { Announcer } from '../../../src/core/announcer.ts';
import type { Random } from '../../../src/core/clock.ts';
import type { OwnerReference } from '../../../src/core/lease.ts';
import type { LeaseholdEvent } from '../../../src/core/events.ts';
import type { Parts } from '../../../src/core/parts.ts';
import { SharedState } from '../../../src/client/shared-state.ts';
import { Election } from '../../../src/election/election.ts';
import { electionTimes } from '../../../src/election/options.ts';
import { electionPolicy } from '../../../src/election/policy.ts';
import { LockRoster } from '../../../src/client/roster.ts';
import type { ElectionOptions, StandOptions } from '../../../src/election/options.ts';
import type { Leadership } from '../../../src/election/term.ts';
import { leaseApi } from '../../../src/kube/lease-api.ts';
import type { LeaseApi } from '../../../src/kube/lease-api.ts';
import type { Held } from '../../../src/lock/held.ts';
import { Groups } from '../../../src/group/groups.ts';
import { HoldWatches } from '../../../src/lock/hold-watches.ts';
import type { Ask } from '../../../src/lock/context.ts';
import type { AcquireOptions, Lock, TryOptions } from '../../../src/lock/lock.ts';
import { Locks } from '../../../src/lock/locks.ts';
import { ReadWriteLock } from '../../../src/lock/read-write-lock.ts';
import type { Workshop } from '../../../src/repair/compare-and-swap.ts';
import { Schedules } from '../../../src/schedule/schedules.ts';
import { Deaths } from '../../../src/session/deaths.ts';
import type { Session } from '../../../src/session/session.ts';
import { Sessions } from '../../../src/session/sessions.ts';
import { AllShards } from '../../../src/shards/all-shards.ts';
import { Host } from '../../../src/testing/virtual/host.ts';
import type { Claim } from '../invariants/claims.ts';
import { SimulatedRequests } from './requests.ts';
import type { ProcessRequests } from './requests.ts';
import type { World } from './world.ts';

export interface ProcessOptions {
  /** Seconds; 15 by default. */
  readonly ttl?: number;
  readonly announcer?: Announcer;
  /** How fast its clocks run. */
  readonly rate?: number;
  /** Milliseconds by which its wall clock is off. */
  readonly skew?: number;
  /** Its identity in Leases; its name if undefined. */
  readonly identity?: string;
  /** The Pod that it runs in, and as which container. */
  readonly owner?: OwnerReference;
  readonly container?: string;
  /** What it talks to; the store of the world if undefined. */
  readonly connect?: (host: Host) => ProcessRequests;
}

const DEADLINE_MS = 10_000;

/** One simulated process: its own clock, network, sessions, locks and elections. */
export class VirtualProcess {
  readonly name: string;
  readonly host: Host;
  readonly requests: ProcessRequests;
  readonly api: LeaseApi;
  readonly sessions: Sessions;
  readonly deaths: Deaths;
  readonly locks: Locks;
  readonly schedules: Schedules;
  readonly groups: Groups;
  readonly shards: AllShards;
  readonly shared: SharedState;
  readonly events: (LeaseholdEvent & { at: number })[] = [];
  readonly #world: World;
  readonly #parts: Parts;
  readonly #elections = new Set<Election>();
  readonly #announcer: Announcer | undefined;
  readonly #identity: string;
  readonly #claims = new Map<object, Claim>();
  readonly #byAttempt = new Map<string, Held>();
  #lastAcquired: { attempt: string; fence: bigint } | undefined;

  constructor(world: World, name: string, random: Random, options: ProcessOptions) {
    this.name = name;
    this.#world = world;
    this.#identity = options.identity ?? name;
    this.host = new Host(world.time);
    this.host.rate = options.rate ?? 1;
    this.host.skew = options.skew ?? 0;
    this.host.hesitation = () => world.hesitation?.() ?? 0;
    this.requests = options.connect?.(this.host) ?? new SimulatedRequests(world, this.host, name);
    this.api = leaseApi(this.requests, 'default', DEADLINE_MS);
    const observe = (event: LeaseholdEvent): void => this.#observe(event);
    const parts = { clock: this.host, random, observe };
    this.#parts = parts;
    const { announcer, owner, container, ttl = 15 } = options;
    this.#announcer = announcer;
    const settings = { identity: this.#identity, ttl, owner, container, announcer };
    this.sessions = new RegisteredSessions(
      (session) => world.registry.began(name, this.host, session),
      this.api,
      parts,
      settings,
    );
    this.deaths = new Deaths(this.api, parts);
    const { api, sessions, deaths } = this;
    const context = { api, parts, sessions, deaths, holdWatches: new HoldWatches() };
    this.locks = new Locks(context);
    this.groups = new Groups(context);
    this.shards = new AllShards({
      api,
      parts,
      group: (group) => this.groups.group(group),
      lock: (lock) => this.lock(lock),
    });
    this.schedules = new Schedules({ api, parts, sessions, deaths, identity: this.#identity });
    this.shared = new SharedState(api, { parts, sessions, deaths });
  }

  /** What people work with. */
  get workshop(): Workshop {
    return { api: this.api, clock: this.host };
  }

  get alive(): boolean {
    return this.host.state !== 'crashed';
  }

  lock(name: string, ask?: Ask): Lock {
    return this.locks.lock(name, ask);
  }

  /** `acquire`, watched by the invariants. */
  async acquire(lock: string, options: AcquireOptions = {}, ask?: Ask): Promise<Held> {
    const over = this.#world.progress.waits(lock, () => this.host.awake);
    try {
      return this.#tracked(lock, await this.#take(lock, options, ask), ask);
    } finally {
      over();
    }
  }

  /** `tryAcquire`, watched by the invariants. */
  async tryAcquire(lock: string, signal?: AbortSignal, ask?: Ask): Promise<Held | undefined> {
    const held = await this.#tried(lock, signal ? { signal } : {}, ask);
    return held && this.#tracked(lock, held, ask);
  }

  /** `downgrade`, watched by the invariants: from here on the hold that is passed writes no more. */
  async downgrade(lock: string, held: Held): Promise<Held> {
    const claim = this.#claims.get(held);
    if (claim) this.#world.invariants.ended(claim);
    const ask = { mode: 'shared' } as const;
    const both = new ReadWriteLock(lock, this.lock(lock, ask), this.lock(lock));
    return this.#tracked(lock, await both.downgrade(held), ask);
  }

  election(name: string, options: ElectionOptions = {}): Election {
    const { api } = this;
    const identity = options.identity ?? `${this.#identity}_1`;
    const times = electionTimes(options);
    const policy = electionPolicy(options, times);
    const enrol = (lease: string, candidate: Candidate): LockRoster =>
      new LockRoster({ parts: this.#parts, locks: this.locks }, lease, candidate);
    const parts = { api, parts: this.#parts, times, policy, enrol, announcer: this.#announcer };
    const election = new Election(parts, name, identity);
    this.#elections.add(election);
    return election;
  }

  /** `acquire` of an election, watched by the invariants. */
  async lead(
    election: Election,
    signal?: AbortSignal,
    options: StandOptions = {},
  ): Promise<Leadership> {
    const name = `election ${election.name}`;
    const over = this.#world.progress.waits(name, () => this.host.awake);
    try {
      const term = await election.acquire(signal ? { ...options, signal } : options);
      this.#claim(term, {
        name,
        who: `${this.name} (${String(term.fence)})`,
        fence: term.fence,
        isRelied: () => this.alive && this.host.peek(() => term.valid),
        isStolen: false,
      });
      return term;
    } finally {
      over();
    }
  }

  /** The grant by which it holds or leads. */
  claimOf(held: Held | Leadership): Claim | undefined {
    return this.#claims.get(held);
  }

  /** Everything in the order in which a client closes it. */
  async close(): Promise<void> {
    await this.shards.close();
    const { locks, groups, schedules, shared } = this;
    await Promise.all([locks.close(), groups.close(), schedules.close(), shared.close()]);
    for (const election of this.#elections) await election.close();
    this.deaths.close();
    await this.sessions.close();
  }

  crash(): void {
    this.host.crash();
    this.requests.close();
  }

  eventsOf<T extends LeaseholdEvent['type']>(
    type: T,
  ): (Extract<LeaseholdEvent, { type: T }> & { at: number })[] {
    return this.events.filter(
      (event): event is Extract<LeaseholdEvent, { type: T }> & { at: number } =>
        event.type === type,
    );
  }

  #take(lock: string, options: AcquireOptions, ask?: Ask): Promise<Held> {
    if (ask?.mode !== 'permit') return this.lock(lock, ask).acquire(options);
    const { weight: permits = 1, of = 1 } = ask;
    return this.locks.semaphore(lock, of).acquire({ ...options, permits });
  }

  #tried(lock: string, options: TryOptions, ask?: Ask): Promise<Held | undefined> {
    if (ask?.mode !== 'permit') return this.lock(lock, ask).tryAcquire(options);
    const { weight: permits = 1, of = 1 } = ask;
    return this.locks.semaphore(lock, of).tryAcquire({ ...options, permits });
  }

  #observe(event: LeaseholdEvent): void {
    const { time, invariants } = this.#world;
    this.events.push({ ...event, at: time.now });
    if (event.type === 'acquired') this.#lastAcquired = event;
    if (event.type !== 'lost') return;
    const claim = this.#claims.get(this.#byAttempt.get(event.attempt) ?? {});
    if (claim) invariants.ended(claim);
  }

  #tracked(lock: string, held: Held, ask?: Ask): Held {
    const { invariants, registry } = this.#world;
    const attempt = this.#attemptOf(held.fence);
    const claim = {
      name: lock,
      who: `${this.name} (${String(held.fence)})`,
      fence: held.fence,
      isRelied: () => registry.isAttemptRelied(attempt),
      ...(ask ? companyOf(ask) : {}),
      get isStolen() {
        return registry.isStolen(attempt);
      },
    };
    this.#byAttempt.set(attempt, held);
    const release = held.release.bind(held);
    held.release = () => {
      invariants.ended(claim);
      return release();
    };
    this.#claim(held, claim);
    return held;
  }

  #claim(held: object, claim: Claim): void {
    this.#claims.set(held, claim);
    try {
      this.#world.invariants.granted(claim);
    } catch (error) {
      this.#world.fail(error);
      throw error;
    }
  }

  /** The process has just told of it; of several locks that were granted together, the right one. */
  #attemptOf(fence: bigint): string {
    if (this.#lastAcquired?.fence === fence) return this.#lastAcquired.attempt;
    const told = this.events.findLast(
      (event) => event.type === 'acquired' && event.fence === fence,
    );
    if (told && 'attempt' in told) return told.attempt;
    const unknown = new Error(`${this.name} holds ${String(fence)}, and was granted no such thing`);
    this.#world.fail(unknown);
    throw unknown;
  }
}

function companyOf({ mode, weight = 1, of = 0 }: Ask): Pick<Claim, 'beside'> {
  return mode === 'exclusive' ? {} : { beside: { mode, weight, limit: of } };
}

/** Says which sessions there are, as soon as they may be named. */
class RegisteredSessions extends Sessions {
  readonly #began: (session: Session) => void;

  constructor(began: (session: Session) => void, ...rest: ConstructorParameters<typeof Sessions>) {
    super(...rest);
    this.#began = began;
  }

  override async current(): Promise<Session> {
    const session = await super.current();
    this.#began(session);
    return session;
  }
}
