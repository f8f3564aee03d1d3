import type { World } from './configuration.ts';
import { at, each, Life } from './state.ts';
import type { State } from './state.ts';

/** A record's entries: who holds and who waits. */
export interface Entries {
  readonly holders: number;
  readonly queue: number;
}

/** The next state of a record. With neither holder nor waiter it is deleted. */
export interface Settlement extends Entries {
  readonly granted: number;
  /** Whether somebody has to write it: a holder is dead, or capacity is free. */
  readonly due: boolean;
}

/**
 * The function by which everybody settles (`core/settle`): keeps the holders that live, drops what is
 * dead or leaving, and grants from the head of the queue what the modes allow. Here, which entries
 * may hold together is a parameter.
 *
 * @param dead - entries whose session is dead, and void ones
 * @param leaving - the entry that its owner gives up, if any
 * @param laterFirst - among waiters that saw the same version first: by id, in either order. Processes
 * are interchangeable here, and their ids must not be
 */
function settle(
  state: State,
  record: Entries,
  dead: number,
  leaving = 0,
  laterFirst = false,
): Settlement {
  const { world } = state;
  const gone = dead | leaving;
  let holders = record.holders & ~gone;
  let queue = 0;
  let granted = 0;
  for (const entry of inOrder(state, record.queue & ~gone, laterFirst)) {
    // An entry that a late join has added beside its own holder entry.
    if ((record.holders & entry) !== 0) continue;
    if (queue === 0 && mayJoin(world, holders, entry)) {
      holders |= entry;
      granted |= entry;
    } else {
      queue |= entry;
    }
  }
  const { settleDead, settleFree } = world.rules;
  const isFree = granted !== 0 || (record.holders === 0 && queue === 0);
  const due = (record.holders & dead) === 0 ? settleFree && isFree : settleDead;
  return { holders, queue, granted, due };
}

/** Which entries hold together: the whole difference between a mutex and its relatives. */
function mayJoin(world: World, holders: number, entry: number): boolean {
  const { exclusive, shared, permit, rules, permits } = world;
  if (holders === 0) return true;
  if (!rules.exclusive && (entry & exclusive) !== 0) return true;
  if (!rules.others) return (entry & exclusive) === 0;
  if ((entry & shared) !== 0) return (holders & ~shared) === 0;
  if ((entry & permit) === 0) return false;
  return (holders & ~permit) === 0 && (!rules.permits || count(holders) < permits);
}

/** By `seen`, then by id. */
function inOrder(state: State, queue: number, laterFirst: boolean): number[] {
  const entries: number[] = [];
  each(queue, (entry) => entries.push(entry));
  if (entries.length < 2) return entries;
  const sign = laterFirst ? -1 : 1;
  return entries.sort((a, b) => {
    const earlier = state.attemptOf(a).seen - state.attemptOf(b).seen;
    return earlier === 0 ? sign * (a - b) : earlier;
  });
}

/** The settlements that may come of a record: one, or two if waiters came in the same moment. */
export function settlements(
  state: State,
  record: Entries,
  dead: number,
  leaving = 0,
): readonly Settlement[] {
  const first = settle(state, record, dead, leaving);
  if ((record.queue & (record.queue - 1)) === 0) return [first];
  const second = settle(state, record, dead, leaving, true);
  return first.holders === second.holders ? [first] : [first, second];
}

/** Of these entries, those that are proven dead to whoever has looked. */
export function deadAmong(state: State, entries: number): number {
  let dead = 0;
  each(entries, (entry) => {
    if (isDead(state, entry)) dead |= entry;
  });
  return dead;
}

/**
 * The proofs of docs/protocol.md, "Death". The end of the owner's validity stands for the ttl that
 * the observer waits: that it has come by then is what the model of the heartbeat shows.
 */
function isDead(state: State, entry: number): boolean {
  const { rules } = state.world;
  const session = state.sessionOf(entry);
  if (!session) return false;
  if (session.life === Life.Blank) return true;
  if (session.life === Life.Missing && (!rules.missingIsNoProof || session.valid === 0))
    return true;
  return rules.voidIsDead && (session.void & (1 << state.world.idOf(entry))) !== 0;
}

function count(set: number): number {
  let size = 0;
  each(set, () => (size += 1));
  return size;
}

/** Whether the holds of these processes may be at the same time. */
export function compatible(world: World, holding: readonly number[]): boolean {
  if (holding.length < 2) return true;
  const { modes } = world.configuration;
  const first = modes[at(holding, 0)];
  if (first === 'exclusive' || holding.some((process) => modes[process] !== first)) return false;
  return first === 'shared' || holding.length <= world.permits;
}
