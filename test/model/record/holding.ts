import type { Next } from './action.ts';
import { leaveOnItsWay } from './requests.ts';
import { over } from './release.ts';
import { isStolen } from './safety.ts';
import { at, Step } from './state.ts';
import type { State } from './state.ts';

/** How many turns of a process fit under one fence here; 65,536 in truth. */
const MOST_TURNS = 2;

/** A hold begins: with a fence that is higher than those of all holds that it excludes. */
export function begin(state: State, p: number): void {
  const process = state.process(p);
  process.step = Step.Holding;
  if (!state.world.rules.fenceRecreation) process.fence = state.grants;
  noteFence(state, p);
}

function noteFence(state: State, p: number): void {
  const { fence, turn } = state.process(p);
  const isExclusive = at(state.world.configuration.modes, p) === 'exclusive';
  const mostFence = isExclusive ? state.anyFence : state.exclusiveFence;
  const mostTurn = isExclusive ? state.anyTurn : state.exclusiveTurn;
  if (!isStolen(state, p) && mostFence > 0 && !isAbove(fence, turn, mostFence, mostTurn)) {
    state.broken = 'a hold began with a fence that is not above all before it';
  }
  if (isExclusive && isHigher(fence, turn, state.exclusiveFence, state.exclusiveTurn)) {
    state.exclusiveFence = fence;
    state.exclusiveTurn = turn;
  }
  if (isHigher(fence, turn, state.anyFence, state.anyTurn)) {
    state.anyFence = fence;
    state.anyTurn = turn;
  }
}

function isHigher(fence: number, turn: number, most: number, mostTurn: number): boolean {
  return fence > most || (fence === most && turn > mostTurn);
}

/** One turn more than fits is the first of the next version, which somebody else may be granted. */
function isAbove(fence: number, turn: number, most: number, mostTurn: number): boolean {
  if (mostTurn < MOST_TURNS || fence === most) return isHigher(fence, turn, most, mostTurn);
  return isHigher(fence, turn, most + 1, mostTurn - MOST_TURNS);
}

/** The next turn within the process, on the same entry: sends nothing (`lock/cohort`). */
export function handsOver(now: State, p: number, next: Next): void {
  const process = now.process(p);
  const { rules } = now.world;
  const isSpent = process.step !== Step.Holding;
  const isReleasing = process.step === Step.ReleaseLooking || process.step === Step.Releasing;
  if (!now.may('localTurns') || process.current.valid === 0) return;
  // Only a hold has a fence: a cancelled wait comes through the same steps.
  if (isSpent && (rules.spent || !isReleasing || process.fence === 0)) return;
  if (process.turn + 1 >= MOST_TURNS && rules.fenceTurnsLimit) return;
  const state = next();
  const turning = state.process(p);
  state.happens('localTurns');
  leaveOnItsWay(turning);
  turning.request.clear();
  turning.step = Step.Holding;
  if (rules.fenceTurns) turning.turn += 1;
  noteFence(state, p);
}

/** The holder's watch shows that the record names it no more: the hold is lost. */
export function learnsOfItsLoss(now: State, p: number, next: Next): void {
  const process = now.process(p);
  const entry = now.world.entry(p, process.id);
  if (process.step !== Step.Holding || (now.exists === 1 && (now.holders & entry) !== 0)) return;
  over(next(), p);
}
