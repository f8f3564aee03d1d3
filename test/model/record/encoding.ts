import { forget, renumber } from './canonical.ts';
import type { World } from './configuration.ts';
import { at } from './state.ts';
import type { Life, Process, Request, State, Step, Uid, Verb } from './state.ts';

/**
 * States that differ only in what nobody can act on any more, in the numbers of versions, or in which of
 * two interchangeable processes is which, are one state.
 */
export class Encoding {
  /** Bytes of an encoded state. */
  readonly size: number;
  /** Ways to exchange processes for others that are alike; the first changes nothing. */
  readonly orders: readonly (readonly number[])[];
  /** By order, what it makes of a set of entries. */
  readonly #sets: readonly Uint8Array[];
  readonly #best: Uint8Array;
  readonly #scratch: Uint8Array;
  /** Of the events, those that may happen at all. */
  readonly #bounded: readonly number[];

  constructor(world: World, sample: State) {
    this.orders = ordersOf(world);
    this.#sets = this.orders.map((order) => setsAfter(world, order));
    this.#bounded = world.budget.flatMap((most, event) => (most > 0 ? [event] : []));
    const most = new Uint8Array(1_024);
    this.size = this.#write(sample, at(this.orders, 0), at(this.#sets, 0), most);
    this.#best = new Uint8Array(this.size);
    this.#scratch = new Uint8Array(this.size);
  }

  /** Writes the least of all forms of the state. @returns the order that made it */
  encode(state: State): { bytes: Uint8Array; order: number } {
    forget(state);
    renumber(state);
    let chosen = 0;
    this.#write(state, at(this.orders, 0), at(this.#sets, 0), this.#best);
    for (let index = 1; index < this.orders.length; index += 1) {
      this.#write(state, at(this.orders, index), at(this.#sets, index), this.#scratch);
      if (!isLess(this.#scratch, this.#best)) continue;
      this.#best.set(this.#scratch);
      chosen = index;
    }
    return { bytes: this.#best, order: chosen };
  }

  #write(state: State, order: readonly number[], sets: Uint8Array, into: Uint8Array): number {
    let next = 0;
    into[next++] = state.exists;
    into[next++] = sets[state.stolen] ?? 0;
    into[next++] = state.version;
    into[next++] = sets[state.holders] ?? 0;
    into[next++] = sets[state.queue] ?? 0;
    into[next++] = state.grants;
    into[next++] = state.exclusiveFence;
    into[next++] = state.anyFence;
    into[next++] = state.exclusiveTurn | (state.anyTurn << 4);
    for (const event of this.#bounded) into[next++] = state.happened[event] ?? 0;
    for (const index of order) next = writeProcess(state.process(index), sets, into, next);
    return next;
  }

  /** The state of which these are the bytes. */
  decode(bytes: Uint8Array, from: number, state: State): void {
    let next = from;
    const take = (): number => at(bytes, next++);
    const takeRequest = (request: Request): void => {
      const first = take();
      request.verb = (first & 7) as Verb;
      request.id = (first >> 3) & 7;
      request.uid = (first >> 6) as Uid;
      request.version = take();
      request.holders = take();
      request.queue = take();
    };
    state.exists = take();
    state.stolen = take();
    state.version = take();
    state.holders = take();
    state.queue = take();
    state.grants = take();
    state.exclusiveFence = take();
    state.anyFence = take();
    const turns = take();
    state.exclusiveTurn = turns & 15;
    state.anyTurn = turns >> 4;
    for (const event of this.#bounded) state.happened[event] = take();
    for (const process of state.processes) {
      const step = take();
      process.step = (step & 31) as Step;
      process.session = step >> 5;
      const id = take();
      process.id = id & 15;
      process.begun = id >> 4;
      const more = take();
      process.doubtful = more & 1;
      process.joined = ((more >> 1) & 3) as Uid;
      process.turn = more >> 3;
      process.fence = take();
      takeRequest(process.request);
      takeRequest(process.late[0]);
      takeRequest(process.late[1]);
      for (const session of process.sessions) {
        const first = take();
        session.life = (first & 3) as Life;
        session.valid = (first >> 2) & 1;
        session.ended = (first >> 3) & 1;
        session.challenge = first >> 4;
        const ids = take();
        session.void = ids & 15;
        session.disowned = ids >> 4;
      }
      for (const attempt of process.attempts) {
        attempt.session = take();
        attempt.seen = take();
        attempt.fence = take();
      }
    }
    state.broken = undefined;
  }

  actorAt(place: number, order: number): number {
    return at(at(this.orders, order), place);
  }
}

function writeProcess(process: Process, sets: Uint8Array, into: Uint8Array, from: number): number {
  let next = from;
  into[next++] = process.step | (process.session << 5);
  into[next++] = process.id | (process.begun << 4);
  into[next++] = process.doubtful | (process.joined << 1) | (process.turn << 3);
  into[next++] = process.fence;
  next = writeRequest(process.request, sets, into, next);
  next = writeRequest(process.late[0], sets, into, next);
  next = writeRequest(process.late[1], sets, into, next);
  for (const { life, valid, ended, challenge, void: listed, disowned } of process.sessions) {
    into[next++] = life | (valid << 2) | (ended << 3) | (challenge << 4);
    into[next++] = listed | (disowned << 4);
  }
  for (const { session, seen, fence } of process.attempts) {
    into[next++] = session;
    into[next++] = seen;
    into[next++] = fence;
  }
  return next;
}

function writeRequest(request: Request, sets: Uint8Array, into: Uint8Array, from: number): number {
  let next = from;
  into[next++] = request.verb | (request.id << 3) | (request.uid << 6);
  into[next++] = request.version;
  into[next++] = sets[request.holders] ?? 0;
  into[next++] = sets[request.queue] ?? 0;
  return next;
}

function isLess(a: Uint8Array, b: Uint8Array): boolean {
  for (let index = 0; index < a.length; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function ordersOf(world: World): number[][] {
  let orders: number[][] = [[]];
  for (let place = 0; place < world.processes; place += 1) {
    orders = orders.flatMap((order) =>
      Array.from({ length: world.processes }, (_, index) => index)
        .filter((index) => !order.includes(index) && world.alike(index, place))
        .map((index) => [...order, index]),
    );
  }
  const isSame = (order: number[]): boolean => order.every((index, place) => index === place);
  return [...orders.filter(isSame), ...orders.filter((order) => !isSame(order))];
}

function setsAfter(world: World, order: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, set) => {
    let after = 0;
    for (let place = 0; place < order.length; place += 1) {
      for (let id = 0; id < world.ids; id += 1) {
        if ((set & world.entry(at(order, place), id)) !== 0) after |= world.entry(place, id);
      }
    }
    return after;
  });
}
