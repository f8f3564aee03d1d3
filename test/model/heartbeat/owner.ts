import type { Next } from '../model.ts';
import { Known, Life, Renewal } from './state.ts';
import type { State } from './state.ts';

/** The owner of the session (`tenure`): renews it by compare-and-swap, and knows until when to rely on it. */

export function sendsRenewal(now: State, _: number, next: Next<State>): void {
  if (!now.relies || now.renewal !== Renewal.None) return;
  const state = next();
  state.renewal = Renewal.Sent;
  state.renewalAge = 0;
  state.renewalVersion = state.version;
}

export function renewalTakesEffect(now: State, _: number, next: Next<State>): void {
  if (now.renewal !== Renewal.Sent) return;
  const state = next();
  const isStored = store(state, state.renewalVersion, state.renewalAge);
  state.renewal = isStored ? Renewal.Stored : Renewal.Refused;
  state.renewalVersion = isStored ? Known.Current : Known.Nothing;
}

function store(state: State, version: Known, age: number): boolean {
  if (version !== Known.Current) return false;
  state.moveVersion();
  state.moveHeartbeat();
  state.storedAge = age;
  state.serverAge = 0;
  return true;
}

export function renewalIsAnswered(now: State, _: number, next: Next<State>): void {
  if (now.renewal !== Renewal.Stored || !now.relies) return;
  const state = next();
  const age = state.world.rules.fromSending ? state.renewalAge : 0;
  state.remaining = Math.max(state.remaining, state.world.validity - age);
  state.version = state.renewalVersion;
  endRenewal(state);
}

function endRenewal(state: State): void {
  state.renewal = Renewal.None;
  state.renewalAge = 0;
  state.renewalVersion = Known.Nothing;
}

export function renewalAnswerIsLost(now: State, _: number, next: Next<State>): void {
  if (!maySuffer(now)) return;
  if (now.renewal !== Renewal.Stored && now.renewal !== Renewal.Refused) return;
  const state = next();
  state.losses += 1;
  endRenewal(state);
  state.renewal = Renewal.Unknown;
}

export function renewalTimesOut(now: State, _: number, next: Next<State>): void {
  if (!maySuffer(now) || now.renewal !== Renewal.Sent || now.late === 1) return;
  const state = next();
  state.losses += 1;
  leaveOnItsWay(state);
  endRenewal(state);
  state.renewal = Renewal.Unknown;
}

function leaveOnItsWay(state: State): void {
  state.late = 1;
  state.lateAge = state.renewalAge;
  state.lateVersion = state.renewalVersion;
}

function maySuffer({ losses, world }: State): boolean {
  return losses < (world.configuration.losses ?? 0);
}

export function lateRenewalTakesEffect(now: State, _: number, next: Next<State>): void {
  if (now.late === 0) return;
  const state = next();
  store(state, state.lateVersion, state.lateAge);
  state.late = state.lateAge = 0;
  state.lateVersion = Known.Nothing;
}

/** After a conflict or an unknown outcome: is it still mine, and is the stored renewal one of mine? */
export function readsItsSession(now: State, _: number, next: Next<State>): void {
  if (now.renewal !== Renewal.Refused && now.renewal !== Renewal.Unknown) return;
  if (!now.relies) return;
  const state = next();
  endRenewal(state);
  if (state.life !== Life.Live) {
    // Lost for good.
    state.remaining = 0;
    return;
  }
  const age = state.world.rules.fromItsOwnSending ? state.storedAge : 0;
  state.remaining = Math.max(state.remaining, state.world.validity - age);
  state.version = Known.Current;
}

export function ownerCrashes(now: State, _: number, next: Next<State>): void {
  if (now.running === 0) return;
  const state = next();
  state.running = state.remaining = 0;
  if (state.renewal === Renewal.Sent && state.late === 0) leaveOnItsWay(state);
  endRenewal(state);
}
