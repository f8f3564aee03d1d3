import { writeSettlement } from './acquire.ts';
import type { Next } from './action.ts';
import { send } from './requests.ts';
import { deadAmong, settlements } from './settle.ts';
import { Step, Uid, Verb } from './state.ts';
import type { State } from './state.ts';

/**
 * A release (`lock/release`), also of a wait that was granted while it was cancelled. The attempt is
 * spent from its first step on.
 */

/** Settle with my own entry leaving: the one write is the grant to whoever is next. */
export function settlesForRelease(now: State, p: number, next: Next): void {
  if (!isReleasing(now, p) || (now.holders & ownEntry(now, p)) === 0) return;
  const dead = deadAmong(now, now.holders | now.queue);
  // A holder has not observed those who wait, or it has.
  for (const known of dead === 0 ? [0] : [0, dead]) {
    for (const settlement of settlements(now, now, known, ownEntry(now, p))) {
      const state = next();
      forgetFence(state, p);
      writeSettlement(state, p, settlement, Step.Releasing);
    }
  }
}

/** The record does not name it: the attempt is over. */
export function findsItselfReleased(now: State, p: number, next: Next): void {
  if (!isReleasing(now, p)) return;
  const holds = (now.holders & ownEntry(now, p)) !== 0;
  const isThere = now.world.rules.patchQueue ? standsInRecord(now, p) : holds;
  if (!isThere) over(next(), p);
}

/** Only its queue entry is left: patch that out. */
export function patchesOutItsQueueEntry(now: State, p: number, next: Next): void {
  if (!isReleasing(now, p) || !standsInRecord(now, p)) return;
  if ((now.holders & ownEntry(now, p)) !== 0) return;
  send(next(), p, Step.PatchingOut, Verb.PatchOut);
}

/** After many conflicts it stops competing for the version: holder and queue entry, by a patch. */
export function patchesOut(now: State, p: number, next: Next): void {
  const process = now.process(p);
  // Without the rule: while it waits, to be sure.
  const isWaiting = process.step === Step.Looking && !now.world.rules.patchAfterRelease;
  if (!now.may('patchOuts') || !standsInRecord(now, p)) return;
  if (!isReleasing(now, p) && !isWaiting) return;
  const state = next();
  state.happens('patchOuts');
  forgetFence(state, p);
  send(state, p, isWaiting ? Step.Withdrawing : Step.PatchingOut, Verb.PatchOut);
}

/** A record with neither holder nor waiter is removed by whoever leaves it so. */
export function tidy(state: State, p: number): void {
  const isEmpty = state.exists === 1 && state.holders === 0 && state.queue === 0;
  if (isEmpty) send(state, p, Step.Deleting, Verb.Delete);
  else over(state, p);
}

/**
 * The attempt is over. If a CREATE or a join of it had an unknown outcome, it may still take effect: the
 * owner disowns it, and will never act on it again.
 */
export function over(state: State, p: number): void {
  const process = state.process(p);
  if (process.doubtful === 1 && state.world.rules.void) {
    process.current.disowned |= 1 << process.id;
  }
  process.step = Step.Idle;
  state.stolen &= ~ownEntry(state, p);
  process.request.clear();
  process.doubtful = process.fence = process.turn = 0;
  process.joined = Uid.None;
}

export function standsInRecord(state: State, p: number): boolean {
  return state.exists === 1 && ((state.holders | state.queue) & ownEntry(state, p)) !== 0;
}

function ownEntry(state: State, p: number): number {
  return state.world.entry(p, state.process(p).id);
}

function isReleasing(state: State, p: number): boolean {
  const { step } = state.process(p);
  return step === Step.Holding || step === Step.ReleaseLooking;
}

/** Of use only to those who hand over what they have released. */
function forgetFence(state: State, p: number): void {
  if (state.world.rules.spent) state.process(p).fence = state.process(p).turn = 0;
}
