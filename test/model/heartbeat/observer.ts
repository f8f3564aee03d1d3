import type { Next } from '../model.ts';
import { TTL } from './configuration.ts';
import { Known, Life, Look, OLDEST_AT_SERVER } from './state.ts';
import type { State } from './state.ts';

/** Somebody who waits for what the owner holds (`session/watched-session`). */

/** Longer than from one renewal of a living owner to the next: a third of the ttl and a tenth. */
const SILENCE = 3;

/** What the API server tells it is on the way, by watch or as the answer to a read. */
export function observerIsTold(now: State, _: number, next: Next<State>): void {
  if (now.look !== Look.Watching || now.arriving !== Known.Nothing) return;
  const told = now.life === Life.Missing ? Known.Missing : Known.Current;
  if (told === now.seen) return;
  next().arriving = told;
}

/** It counts from its own first sight of that. */
export function observerSees(now: State, _: number, next: Next<State>): void {
  if (now.look !== Look.Watching || now.arriving === Known.Nothing) return;
  const state = next();
  see(state, state.arriving);
  state.arriving = Known.Nothing;
}

function see(state: State, what: Known): void {
  const isFirst = state.seen === Known.Nothing;
  if (state.seen !== what && (isFirst || state.world.rules.fromFirstSight)) state.unseen = 0;
  state.seen = what;
}

/** Unseen for long enough: reads once more, and revokes what it has just read. */
export function observerLooksAgain(now: State, _: number, next: Next<State>): void {
  if (now.look !== Look.Watching || !isOverdue(now)) return;
  const found = now.life === Life.Missing ? Known.Missing : Known.Current;
  const state = next();
  state.arriving = Known.Nothing;
  if (state.life === Life.Blank) {
    state.look = Look.Dead;
  } else if (found !== state.seen) {
    see(state, found);
  } else if (found === Known.Missing) {
    state.look = Look.Dead;
  } else {
    state.look = Look.Revoking;
    state.revokes = Known.Current;
  }
}

function isOverdue({ seen, unseen, serverAge, world }: State): boolean {
  const { rules, configuration, patience } = world;
  if (seen === Known.Nothing) return false;
  if (seen === Known.Missing && !rules.ttlFromMissing) return true;
  if (unseen >= patience) return true;
  if (configuration.tryOnce !== true || seen === Known.Missing) return false;
  return unseen >= SILENCE && serverAge > 2 * TTL && !rules.serverClockIsNoProof;
}

export function revocationTakesEffect(now: State, _: number, next: Next<State>): void {
  if (now.look !== Look.Revoking) return;
  const state = next();
  const isCurrent = state.revokes === Known.Current;
  state.revokes = Known.Nothing;
  if (isCurrent && state.life === Life.Live) {
    state.moveVersion();
    state.moveHeartbeat();
    state.life = Life.Blank;
  }
  state.look = state.life === Life.Blank ? Look.Dead : Look.Watching;
}

/** Or the next API server that it asks has another clock. */
export function serverClockJumps(now: State, _: number, next: Next<State>): void {
  if (now.world.configuration.tryOnce !== true || now.jumps > 0) return;
  const state = next();
  state.jumps = 1;
  state.serverAge = OLDEST_AT_SERVER;
}
