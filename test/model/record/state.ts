import { EVENTS } from './configuration.ts';
import type { Event, World } from './configuration.ts';

/**
 * A state of the world: the lock's Lease, the sessions' Leases, and what each process knows and has
 * on its way. Sets of entries are bits. Versions are ranks: what matters is which is later, so
 * they are numbered afresh in each state (see encoding.ts).
 */

const INDEX = Object.fromEntries(EVENTS.map((event, index) => [event, index])) as Record<
  Event,
  number
>;

/**
 * What a process is at. Whatever it does to the lock it does by looking at the record and sending one
 * request: as that may take effect at any time later, looking and sending are one step here.
 */
export const Step = {
  Idle: 0,
  /** CREATE sent. */
  Creating: 1,
  /** The lock is its own, and the answer that says so on its way. */
  Created: 2,
  /** Will look at the record. */
  Looking: 3,
  /** Has read a record that names it as a holder. */
  Granted: 4,
  Joining: 5,
  Settling: 6,
  /** Has sent the patch that takes its queue entry back, and goes on waiting. */
  Withdrawing: 7,
  Holding: 8,
  /** Has sent that patch, and waits no more. */
  Cancelling: 9,
  /** Will look whether it is still in the record. */
  ReleaseLooking: 10,
  Releasing: 11,
  PatchingOut: 12,
  /** Removes the empty record that its patch has left. */
  Deleting: 13,
  /** The process has ended. */
  Crashed: 14,
  /** Has used up what the configuration bounds. */
  Left: 15,
} as const;
export type Step = (typeof Step)[keyof typeof Step];

export const Verb = {
  None: 0,
  Create: 1,
  Put: 2,
  Delete: 3,
  Join: 4,
  Leave: 5,
  PatchOut: 6,
} as const;
export type Verb = (typeof Verb)[keyof typeof Verb];

export const Answer = { Done: 1, Refused: 2, Unknown: 3 } as const;
export type Answer = (typeof Answer)[keyof typeof Answer];

/** Which object a uid names. */
export const Uid = { None: 0, Current: 1, Replaced: 2 } as const;
export type Uid = (typeof Uid)[keyof typeof Uid];

export const Life = { None: 0, Live: 1, Blank: 2, Missing: 3 } as const;
export type Life = (typeof Life)[keyof typeof Life];

/** A write on its way. */
export class Request {
  verb: Verb = Verb.None;
  /** The attempt that it is about. */
  id = 0;
  version = 0;
  uid: Uid = Uid.None;
  /** What a PUT makes of the record. */
  holders = 0;
  queue = 0;

  copy(from: Request): void {
    this.verb = from.verb;
    this.id = from.id;
    this.version = from.version;
    this.uid = from.uid;
    this.holders = from.holders;
    this.queue = from.queue;
  }

  clear(): void {
    this.verb = Verb.None;
    this.id = this.version = this.holders = this.queue = 0;
    this.uid = Uid.None;
  }
}

/** A session's Lease, and what its owner and nobody else knows of it. */
export class Session {
  life: Life = Life.None;
  /** Whether its owner may still rely on it, by the owner's clock. */
  valid = 0;
  /** Whether the process that owns it has ended. */
  ended = 0;
  /** Ids that the Lease lists as void. */
  void = 0;
  /** Ids that the owner will list with its next renewal. */
  disowned = 0;
  /** The id that the owner is asked about, plus one. */
  challenge = 0;

  copy(from: Session): void {
    this.life = from.life;
    this.valid = from.valid;
    this.ended = from.ended;
    this.void = from.void;
    this.disowned = from.disowned;
    this.challenge = from.challenge;
  }
}

export class Attempt {
  /** The session that it belongs to, plus one; 0 before it is allocated. */
  session = 0;
  /** The version in which it first saw the record; orders the queue. */
  seen = 0;
  /** The fence of its holder entry; 0 while that has none. */
  fence = 0;

  copy(from: Attempt): void {
    this.session = from.session;
    this.seen = from.seen;
    this.fence = from.fence;
  }
}

export class Process {
  step: Step = Step.Idle;
  session = 0;
  /** The attempt that it is at, or was at last. */
  id = 0;
  /** How many acquisitions it has begun. */
  begun = 0;
  /** Whether a CREATE or join of the attempt had an unknown outcome. */
  doubtful = 0;
  /** The object whose queue it joined, or may have joined. */
  joined: Uid = Uid.None;
  /** Of the hold, or of the record that names it as a holder. */
  fence = 0;
  turn = 0;
  readonly request = new Request();
  /** Requests that it has given up, and that may still take effect. */
  readonly late: readonly [Request, Request] = [new Request(), new Request()];
  readonly sessions: readonly Session[];
  readonly attempts: readonly Attempt[];

  constructor(world: World) {
    this.sessions = Array.from({ length: world.sessions }, () => new Session());
    this.attempts = Array.from({ length: world.ids }, () => new Attempt());
  }

  copy(from: Process): void {
    this.step = from.step;
    this.session = from.session;
    this.id = from.id;
    this.begun = from.begun;
    this.doubtful = from.doubtful;
    this.joined = from.joined;
    this.fence = from.fence;
    this.turn = from.turn;
    this.request.copy(from.request);
    this.late[0].copy(from.late[0]);
    this.late[1].copy(from.late[1]);
    for (let index = 0; index < this.sessions.length; index += 1) {
      at(this.sessions, index).copy(at(from.sessions, index));
    }
    for (let index = 0; index < this.attempts.length; index += 1) {
      at(this.attempts, index).copy(at(from.attempts, index));
    }
  }

  get running(): boolean {
    return this.step !== Step.Crashed && this.step !== Step.Left;
  }

  get current(): Session {
    return at(this.sessions, this.session);
  }

  get attempt(): Attempt {
    return at(this.attempts, this.id);
  }

  /** Whether it wants the lock and has not got it. */
  get waiting(): boolean {
    return this.step >= Step.Creating && this.step <= Step.Withdrawing;
  }
}

export class State {
  readonly world: World;
  exists = 0;
  version = 0;
  holders = 0;
  queue = 0;
  /** Grants of this record; counted only where fences are wrongly taken from it. */
  grants = 0;
  /** The highest fences that a hold of mode exclusive, and any hold, has begun with. */
  exclusiveFence = 0;
  exclusiveTurn = 0;
  anyFence = 0;
  anyTurn = 0;
  /** Entries from which somebody has stolen the lock, while their processes rely on it. */
  stolen = 0;
  readonly processes: readonly Process[];
  /** How often each event has happened, by the index of EVENTS. */
  readonly happened: number[];
  /** What the step that led here has broken. */
  broken: string | undefined;

  constructor(world: World) {
    this.world = world;
    this.processes = Array.from({ length: world.processes }, () => new Process(world));
    this.happened = EVENTS.map(() => 0);
  }

  copy(from: State): void {
    this.exists = from.exists;
    this.version = from.version;
    this.holders = from.holders;
    this.queue = from.queue;
    this.grants = from.grants;
    this.exclusiveFence = from.exclusiveFence;
    this.exclusiveTurn = from.exclusiveTurn;
    this.anyFence = from.anyFence;
    this.anyTurn = from.anyTurn;
    this.stolen = from.stolen;
    for (let index = 0; index < this.processes.length; index += 1) {
      at(this.processes, index).copy(at(from.processes, index));
    }
    for (let index = 0; index < this.happened.length; index += 1) {
      this.happened[index] = at(from.happened, index);
    }
    this.broken = undefined;
  }

  process(index: number): Process {
    return at(this.processes, index);
  }

  attemptOf(entry: number): Attempt {
    const { world } = this;
    return at(this.process(world.ownerOf(entry)).attempts, world.idOf(entry));
  }

  /** The session that stands for an entry; undefined before its attempt was allocated. */
  sessionOf(entry: number): Session | undefined {
    const { session } = this.attemptOf(entry);
    if (session === 0) return undefined;
    return this.process(this.world.ownerOf(entry)).sessions[session - 1];
  }

  may(event: Event): boolean {
    const index = INDEX[event];
    return at(this.happened, index) < at(this.world.budget, index);
  }

  happens(event: Event): void {
    const index = INDEX[event];
    this.happened[index] = at(this.happened, index) + 1;
  }

  /** The version that the next write of the lock gets: later than all that anybody has seen. */
  nextVersion(): number {
    let latest = Math.max(this.version, this.exclusiveFence, this.anyFence);
    const see = (version: number): void => {
      if (version > latest) latest = version;
    };
    for (const { request, late, fence, attempts } of this.processes) {
      see(request.version);
      see(late[0].version);
      see(late[1].version);
      see(fence);
      for (const attempt of attempts) {
        see(attempt.seen);
        see(attempt.fence);
      }
    }
    return latest + 1;
  }
}

/** All processes with a session, and nothing else yet. */
export function initialState(world: World): State {
  const state = new State(world);
  for (const process of state.processes) {
    process.current.life = Life.Live;
    process.current.valid = 1;
  }
  return state;
}

/** An element that is there: indices come from the world's own numbers. */
export function at<T>(array: ArrayLike<T>, index: number): T {
  return array[index] as T;
}

/** Each entry of a set, as a set of one. */
export function each(set: number, visit: (entry: number) => void): void {
  for (let rest = set; rest !== 0; rest &= rest - 1) visit(rest & -rest);
}
