import type { Next } from '../model.ts';
import { VALIDITY } from './configuration.ts';
import { Known, Life, OLDEST, OLDEST_AT_SERVER, Renewal } from './state.ts';
import type { State } from './state.ts';

/** Time, and what happens to the session's Lease without the two. */

/** Joint ticks between two that the observer's clock gains: less than a fifth of difference. */
const TICKS_BETWEEN_GAINS = 4;

export function timePasses(now: State, _: number, next: Next<State>): void {
  const state = next();
  ownersTick(state);
  observersTick(state);
  state.serverAge = Math.min(OLDEST_AT_SERVER, state.serverAge + 1);
  state.sinceGain = Math.min(TICKS_BETWEEN_GAINS, state.sinceGain + 1);
  if (state.world.configuration.labelledForEver === true) state.moveVersion();
}

function ownersTick(state: State): void {
  state.remaining = Math.max(0, state.remaining - 1);
  state.storedAge = Math.min(OLDEST, state.storedAge + 1);
  if (state.renewal !== Renewal.None) state.renewalAge = Math.min(OLDEST, state.renewalAge + 1);
  if (state.late === 1) state.lateAge = Math.min(OLDEST, state.lateAge + 1);
}

function observersTick(state: State): void {
  if (state.seen !== Known.Nothing) state.unseen = Math.min(OLDEST, state.unseen + 1);
}

/** The observer's clock runs faster than the owner's. */
export function observersClockGains(now: State, _: number, next: Next<State>): void {
  if (now.world.configuration.drift !== true || now.sinceGain < TICKS_BETWEEN_GAINS) return;
  const state = next();
  observersTick(state);
  state.sinceGain = 0;
}

/** Only a rule that is dropped makes anything of it. */
export function ownersClockMisleads(now: State, _: number, next: Next<State>): void {
  const { configuration, rules } = now.world;
  if (now.clockFaults >= (configuration.clockFaults ?? 0)) return;
  if (rules.monotonic && rules.suspension) return;
  const state = next();
  state.clockFaults += 1;
  if (!rules.monotonic) {
    // The wall clock is set back, and the end of validity with it.
    if (state.remaining > 0) state.remaining = VALIDITY;
    return;
  }
  // The machine sleeps: the observer's clock goes on.
  observersTick(state);
  observersTick(state);
}

/** Somebody labels it: the version moves, and nothing else. */
export function strangerLabelsSession(now: State, _: number, next: Next<State>): void {
  if (now.labels >= (now.world.configuration.labels ?? 0) || now.life === Life.Missing) return;
  const state = next();
  state.labels += 1;
  state.moveVersion();
}

export function sessionIsDeleted(now: State, _: number, next: Next<State>): void {
  if (now.deletions >= (now.world.configuration.deletions ?? 0)) return;
  if (now.life === Life.Missing) return;
  const state = next();
  state.deletions += 1;
  state.moveVersion();
  state.moveHeartbeat();
  state.life = Life.Missing;
}
