import type { Next } from './action.ts';
import { begin as beginHold } from './holding.ts';
import { over } from './release.ts';
import { send } from './requests.ts';
import { deadAmong, settlements } from './settle.ts';
import type { Settlement } from './settle.ts';
import { at, Life, Step, Uid, Verb } from './state.ts';
import type { Process, State } from './state.ts';

/**
 * The loop of a waiter (`lock/acquire`), and of a client that only tries (`lock/try-once`): looks at
 * the record, and does the one thing that it calls for.
 */

/** Allocates an attempt id. As far as is known the lock is free: sends the CREATE at once. */
export function begins(now: State, p: number, next: Next): void {
  const process = now.process(p);
  if (process.step !== Step.Idle || process.begun >= now.world.acquisitions) return;
  const state = next();
  state.process(p).begun += 1;
  beginAttempt(state, p);
}

/** Also after a session was lost, for the same acquisition. */
export function beginAttempt(state: State, p: number): void {
  const process = state.process(p);
  const id = process.attempt.session === 0 ? process.id : process.id + 1;
  if (id >= state.world.ids) {
    process.step = Step.Left;
    return;
  }
  process.id = id;
  process.attempt.session = process.session + 1;
  send(state, p, Step.Creating, Verb.Create);
}

/** The CREATE was done: hold, if the session is valid now. */
export function holdsWhatItCreated(now: State, p: number, next: Next): void {
  const process = now.process(p);
  if (process.step !== Step.Created || !mayHold(now, process)) return;
  beginHold(next(), p);
}

/** No Lease: CREATE, naming only myself. */
export function createsMissing(now: State, p: number, next: Next): void {
  if (now.process(p).step !== Step.Looking || now.exists === 1) return;
  const state = next();
  disownStrays(state, p);
  send(state, p, Step.Creating, Verb.Create);
}

/** My attempt id is among the holders. */
export function readsItsGrant(now: State, p: number, next: Next): void {
  if (now.process(p).step !== Step.Looking || !isGranted(now, p)) return;
  const state = next();
  const process = state.process(p);
  const entry = state.world.entry(p, process.id);
  const { fence } = process.attempt;
  disownStrays(state, p);
  process.step = Step.Granted;
  // What the entry says, or the version in which the creator first sees it.
  process.fence = (state.holders & entry) !== 0 && fence > 0 ? fence : state.version;
}

function isGranted(state: State, p: number): boolean {
  const process = state.process(p);
  if (state.world.rules.attemptId) return (state.holders & state.world.entry(p, process.id)) !== 0;
  return process.attempts.some(({ session }, id) => {
    const isOfSession = session === process.session + 1;
    return isOfSession && (state.holders & state.world.entry(p, id)) !== 0;
  });
}

/** And my session is valid now, after this reading: hold. */
export function holdsWhatItWasGranted(now: State, p: number, next: Next): void {
  const process = now.process(p);
  if (process.step !== Step.Granted || !mayHold(now, process)) return;
  beginHold(next(), p);
}

function mayHold(state: State, process: Process): boolean {
  return process.current.valid === 1 || !state.world.rules.validNow;
}

/** I am not in it: merge patch that adds my queue entry. */
export function joins(now: State, p: number, next: Next): void {
  const process = now.process(p);
  if (process.step !== Step.Looking || now.exists === 0 || now.world.queues[p] !== true) return;
  if (((now.holders | now.queue) & now.world.entry(p, process.id)) !== 0) return;
  const state = next();
  const joining = state.process(p);
  noteSeen(state, p);
  disownStrays(state, p);
  joining.joined = Uid.Current;
  send(state, p, Step.Joining, Verb.Join);
}

/** Since when it waits: the version in which it first read the record. */
function noteSeen(state: State, p: number): void {
  const { attempt } = state.process(p);
  if (attempt.seen === 0) attempt.seen = state.version;
}

/** A holder is dead or void, or nobody holds: settle. */
export function settlesRecord(now: State, p: number, next: Next): void {
  if (now.process(p).step !== Step.Looking || now.exists === 0 || isGranted(now, p)) return;
  const { rules, queues } = now.world;
  if (queues[p] !== true && !rules.trySettles) return;
  const dead = deadAmong(now, now.holders | now.queue);
  for (const known of knownDead(now, dead)) {
    for (const settlement of settlements(now, now, known)) {
      if (!settlement.due) continue;
      const state = next();
      noteSeen(state, p);
      disownStrays(state, p);
      writeSettlement(state, p, settlement, Step.Settling);
    }
  }
}

/** Who settles may have observed all, or only those who hold. */
function knownDead(state: State, dead: number): readonly number[] {
  return (dead & state.queue) === 0 ? [dead] : [dead, dead & state.holders];
}

/** PUT or DELETE, under the condition that the record is still the one that was looked at. */
export function writeSettlement(
  state: State,
  p: number,
  { holders, queue }: Settlement,
  step: Step,
): void {
  const { guarded = false } = state.world.configuration;
  const others = state.holders & ~at(state.world.entriesOf, p);
  const deletes = holders === 0 && queue === 0;
  // The guard lets nobody delete what others hold, dead or not.
  const mustEmpty = guarded && others !== 0 && state.world.rules.guardEmpties;
  const request = send(state, p, step, deletes && !mustEmpty ? Verb.Delete : Verb.Put);
  if (request.verb === Verb.Delete) return;
  request.holders = holders;
  request.queue = queue;
}

/** An entry of its own session that the process does not stand for is void at once. */
export function readsItsStrays(now: State, p: number, next: Next): void {
  if (now.process(p).step !== Step.Looking || strays(now, p) === 0) return;
  disownStrays(next(), p);
}

function disownStrays(state: State, p: number): void {
  state.process(p).current.disowned |= strays(state, p);
}

function strays(state: State, p: number): number {
  const { attempts, session, id: current, current: own } = state.process(p);
  if (!state.world.rules.ownStrays || own.life !== Life.Live) return 0;
  let found = 0;
  for (let id = 0; id < attempts.length; id += 1) {
    const isOwn = at(attempts, id).session === session + 1 && id !== current;
    if (isOwn && ((state.holders | state.queue) & state.world.entry(p, id)) !== 0) found |= 1 << id;
  }
  return found & ~own.disowned;
}

/** The queue is full: takes its entry back, and will join again with the same `seen`. */
export function withdraws(now: State, p: number, next: Next): void {
  const process = now.process(p);
  if (!now.may('withdrawals') || process.step !== Step.Looking) return;
  if (process.joined === Uid.None) return;
  const state = next();
  state.happens('withdrawals');
  leaveQueue(state, p, Step.Withdrawing);
}

/** The caller waits no more: one patch takes the entry back, and its answer tells whether it was granted. */
export function cancels(now: State, p: number, next: Next): void {
  const { step } = now.process(p);
  if (!now.may('cancels') || (step !== Step.Looking && step !== Step.Granted)) return;
  const state = next();
  const process = state.process(p);
  state.happens('cancels');
  process.fence = 0;
  if (process.joined !== Uid.None) leaveQueue(state, p, Step.Cancelling);
  else if (process.doubtful === 1) process.step = Step.ReleaseLooking;
  else over(state, p);
}

function leaveQueue(state: State, p: number, step: Step): void {
  send(state, p, step, Verb.Leave).uid = state.process(p).joined;
}
