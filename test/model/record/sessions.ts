import { beginAttempt } from './acquire.ts';
import type { Next } from './action.ts';
import { leaveOnItsWay } from './requests.ts';
import { over } from './release.ts';
import { at, each, Life, Step } from './state.ts';
import type { Session, State } from './state.ts';

/** How sessions end, how their owners learn of it, and how others find that out. */

/** The process ends without a word. */
export function crashes(now: State, p: number, next: Next): void {
  if (!now.may('crashes') || !now.process(p).running) return;
  const state = next();
  state.happens('crashes');
  const process = state.process(p);
  leaveOnItsWay(process);
  over(state, p);
  process.step = Step.Crashed;
  for (const session of process.sessions) {
    if (session.life === Life.None) continue;
    session.ended = 1;
    session.disowned = session.challenge = 0;
  }
}

/** Its container runs again: a new process, with a new session. */
export function restarts(now: State, p: number, next: Next): void {
  const process = now.process(p);
  if (!now.may('restarts') || process.step !== Step.Crashed) return;
  if (process.session + 1 >= now.world.sessions) return;
  const state = next();
  state.happens('restarts');
  beginSession(state, p);
  state.process(p).step = Step.Idle;
}

function beginSession(state: State, p: number): void {
  const process = state.process(p);
  process.session += 1;
  process.current.life = Life.Live;
  process.current.valid = 1;
}

/** The process is paused, or cut off, until its validity has run out; it has not noticed yet. */
export function isPaused(now: State, p: number, next: Next): void {
  const { current, running } = now.process(p);
  if (!now.may('pauses') || !running || current.life !== Life.Live || current.valid === 0) return;
  const state = next();
  state.happens('pauses');
  state.process(p).current.valid = 0;
}

/** Nobody renews a session whose process has ended, and nobody can renew one that is blank or gone. */
export function validityEnds(now: State, p: number, next: Next): void {
  now.process(p).sessions.forEach((session, index) => {
    if (session.valid === 0 || (session.ended === 0 && session.life === Life.Live)) return;
    at(next().process(p).sessions, index).valid = 0;
  });
}

/**
 * A session whose validity has run out, or that was found blank or gone, is lost for good: a waiter
 * begins a new attempt with a new session, and a hold is over.
 */
export function noticesItsLoss(now: State, p: number, next: Next): void {
  const process = now.process(p);
  const { current } = process;
  if (!process.running || (current.valid === 1 && current.life === Life.Live)) return;
  const state = next();
  const losing = state.process(p);
  const { waiting } = losing;
  leaveOnItsWay(losing);
  over(state, p);
  if (!state.world.rules.lostForGood && losing.current.life === Life.Live) {
    losing.current.valid = 1;
    return;
  }
  losing.current.valid = 0;
  // Its void ids do not matter any more, as the session is lost.
  losing.current.disowned = losing.current.challenge = 0;
  if (losing.session + 1 >= state.world.sessions) {
    losing.step = Step.Left;
    return;
  }
  beginSession(state, p);
  if (waiting) beginAttempt(state, p);
}

/** Somebody who may delete sessions does; or the garbage collector, for a Pod that was forced away. */
export function sessionIsDeleted(now: State, p: number, next: Next): void {
  const process = now.process(p);
  if (!now.may('sessionDeletions') || process.current.life !== Life.Live) return;
  const state = next();
  state.happens('sessionDeletions');
  state.process(p).current.life = Life.Missing;
}

/**
 * A waiter that observes it blanks the session of p, which was unseen for a ttl
 * (`session/watched-session`); or a client that tries only once does, by the server's clock.
 */
export function isRevoked(now: State, p: number, next: Next): void {
  const { rules } = now.world;
  now.process(p).sessions.forEach((session, index) => {
    if (session.life !== Life.Live || (session.valid === 1 && rules.revokeAfterTtl)) return;
    if (!standsFor(now, session, now.holders | now.queue) || !isObservedBySomebody(now, session))
      return;
    const state = next();
    at(state.process(p).sessions, index).life = Life.Blank;
    at(state.process(p).sessions, index).challenge = 0;
  });
}

function isObservedBySomebody(now: State, session: Session): boolean {
  return now.processes.some((process) => {
    const isLooking = process.step === Step.Looking;
    return isLooking && process.current !== session;
  });
}

function standsFor(now: State, session: Session, entries: number): boolean {
  let stands = false;
  each(entries, (entry) => {
    if (now.sessionOf(entry) === session) stands = true;
  });
  return stands;
}

/** A renewal: lists what is disowned. */
export function renews(now: State, p: number, next: Next): void {
  const { running, current } = now.process(p);
  if (!running || current.life !== Life.Live || current.valid === 0) return;
  if ((current.disowned & ~current.void) === 0) return;
  const session = next().process(p).current;
  session.void |= session.disowned;
}

/** A restore of etcd takes the list back; the owner still knows it. */
export function losesVoidList(now: State, p: number, next: Next): void {
  const { current } = now.process(p);
  if (!now.may('lostVoids') || current.void === 0 || current.life !== Life.Live) return;
  const state = next();
  state.happens('lostVoids');
  state.process(p).current.void = 0;
}
