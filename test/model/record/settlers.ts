import type { Next } from './action.ts';
import { freeSlot, removeRecord, replaceRecord } from './requests.ts';
import { settlements } from './settle.ts';
import { at, Life, Step, Uid, Verb } from './state.ts';
import type { State } from './state.ts';

/**
 * Those who settle for a process that has ended, on proof of their own: its supervisor (its parent
 * process), and the operator. Their writes are compare-and-swaps on what they have just read, so that
 * each read and write together are one step: if anything comes between, nothing happens. Progress
 * does not count on them.
 */

/** The supervisor settles the locks of the dead process. */
export function supervisorSettles(now: State, p: number, next: Next): void {
  const { configuration, rules } = now.world;
  if (configuration.supervisor !== true) return;
  const hasEnded = now.process(p).step === Step.Crashed;
  if (!hasEnded && (rules.directChild || !now.process(p).running)) return;
  const dead = at(now.world.entriesOf, p);
  if (rules.supervisorVersion) settleFor(now, p, next, dead);
  else settleUnconditionally(now, p, next, dead);
}

/** Without the rule, what it has read may be old when its write takes effect. */
function settleUnconditionally(now: State, p: number, next: Next, entries: number): void {
  const dead = entries & (now.holders | now.queue);
  if (now.exists === 0 || dead === 0 || !freeSlot(now.process(p))) return;
  for (const { holders, queue } of settlements(now, now, dead)) {
    const request = freeSlot(next().process(p));
    if (!request) return;
    request.verb = holders === 0 && queue === 0 ? Verb.Delete : Verb.Put;
    request.uid = Uid.Current;
    request.holders = holders;
    request.queue = queue;
  }
}

/** And blanks its session, before or after that, without a version: a late renewal conflicts. */
export function supervisorBlanks(now: State, p: number, next: Next): void {
  const { configuration, rules } = now.world;
  if (configuration.supervisor !== true) return;
  now.process(p).sessions.forEach((session, index) => {
    const isProven = session.ended === 1 || !rules.directChild;
    if (isProven && session.life === Life.Live) blank(next(), p, index);
  });
}

/** The operator: the kubelet has reported the end of the container in which the session began. */
export function operatorBlanks(now: State, p: number, next: Next): void {
  if (now.world.configuration.operator !== true) return;
  now.process(p).sessions.forEach((session, index) => {
    if (isTerminated(now, p, index) && session.life === Life.Live) blank(next(), p, index);
  });
}

export function operatorSettles(now: State, p: number, next: Next): void {
  if (now.world.configuration.operator !== true) return;
  const process = now.process(p);
  let dead = 0;
  process.attempts.forEach((attempt, id) => {
    const isDead = attempt.session > 0 && isTerminated(now, p, attempt.session - 1);
    if (isDead) dead |= now.world.entry(p, id);
  });
  settleFor(now, p, next, dead);
}

function isTerminated(now: State, p: number, index: number): boolean {
  const { sessions } = now.process(p);
  const { operatorProof, operatorRun } = now.world.rules;
  if (!operatorProof) return true;
  if (!operatorRun) return sessions.some(({ ended }) => ended === 1);
  return at(sessions, index).ended === 1;
}

function settleFor(now: State, p: number, next: Next, entries: number): void {
  const dead = entries & (now.holders | now.queue);
  if (now.exists === 0 || dead === 0) return;
  for (const { holders, queue } of settlements(now, now, dead)) {
    const state = next();
    if (holders === 0 && queue === 0) removeRecord(state);
    else replaceRecord(state, holders, queue);
  }
}

function blank(state: State, p: number, index: number): void {
  const session = at(state.process(p).sessions, index);
  session.life = Life.Blank;
  session.challenge = 0;
}
