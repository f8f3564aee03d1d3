import type { Next } from './action.ts';
import { at, each, Life, Step } from './state.ts';
import type { Process, State } from './state.ts';

/** The challenge: no lock stays stuck behind a process that lives and knows nothing of its hold. */

/** A waiter stands behind a holder that lives, for 2 ttl: writes the attempt id on its session. */
export function challenges(now: State, p: number, next: Next): void {
  const waiter = now.process(p);
  const { configuration, rules } = now.world;
  if (configuration.challenge !== true || !rules.challenge || !now.world.queues[p]) return;
  if (waiter.step !== Step.Looking || waiter.current.valid === 0) return;
  each(now.holders, (entry) => {
    const session = now.sessionOf(entry);
    const id = now.world.idOf(entry);
    if (session?.life !== Life.Live || session === waiter.current) return;
    if ((session.void & (1 << id)) !== 0 || session.challenge === id + 1) return;
    const asked = next().sessionOf(entry);
    if (asked) asked.challenge = id + 1;
  });
}

/** By the API's delays, or a stranger's whim: a question about any id that was allocated. */
export function strayChallengeArrives(now: State, p: number, next: Next): void {
  const process = now.process(p);
  if (!now.may('strayChallenges') || process.current.life !== Life.Live) return;
  process.attempts.forEach((attempt, id) => {
    const isOfSession = attempt.session === process.session + 1;
    // One that was not given out is ignored, unless that rule is dropped.
    const isGuess = attempt.session === 0 && !now.world.rules.allocated;
    if ((!isOfSession && !isGuess) || process.current.challenge === id + 1) return;
    const state = next();
    state.happens('strayChallenges');
    state.process(p).current.challenge = id + 1;
  });
}

/** The owner meets a conflict at its next renewal, reads, and disowns the id unless it is current. */
export function answersChallenge(now: State, p: number, next: Next): void {
  const { running, current } = now.process(p);
  if (!running || current.life !== Life.Live || current.valid === 0) return;
  if (current.challenge === 0) return;
  const state = next();
  const process = state.process(p);
  const id = process.current.challenge - 1;
  process.current.challenge = 0;
  if (isStray(state, process, id)) {
    process.current.disowned |= 1 << id;
    process.current.void |= process.current.disowned;
  }
}

/** Allocated by this session, and not current. */
function isStray(state: State, process: Process, id: number): boolean {
  const { session } = at(process.attempts, id);
  if (session === 0) return !state.world.rules.allocated;
  if (session !== process.session + 1) return false;
  return id !== process.id || !isCurrent(state, process);
}

/** From its allocation until its release or cancel has been sent, whatever the record says. */
function isCurrent(state: State, process: Process): boolean {
  const { rules } = state.world;
  const { step } = process;
  if (!rules.currentBeforeGrant && step !== Step.Holding) return false;
  if (!rules.currentWhileRequesting && (step <= Step.Created || step === Step.Joining)) {
    return false;
  }
  if (!rules.currentWhileWaiting && (step === Step.Looking || step === Step.Granted)) return false;
  if (!rules.currentUntilRelease && step === Step.Holding) return false;
  return step !== Step.Idle && step < Step.Cancelling;
}
