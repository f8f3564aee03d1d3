import type { Next } from './action.ts';
import { removeEntries, removeRecord, writeEntries } from './requests.ts';
import { Life, Step } from './state.ts';
import type { State } from './state.ts';

/** What people and restores do to the lock's Lease. Each is called for one process at a time. */

/** Deletes it: a steal, if somebody holds it. */
export function strangerDeletesLock(now: State, p: number, next: Next): void {
  if (p !== 0 || !now.may('lockDeletions') || now.exists === 0) return;
  const state = next();
  state.happens('lockDeletions');
  state.stolen |= reliedOn(state);
  removeRecord(state);
}

/** Of the holder entries, those that their processes have read: what they hold is stolen. */
function reliedOn(state: State): number {
  let entries = 0;
  state.processes.forEach(({ step, id }, p) => {
    const relies = step === Step.Created || step === Step.Granted || step === Step.Holding;
    if (relies) entries |= state.world.entry(p, id);
  });
  return entries & state.holders;
}

/** Labels it: nothing changes but its version. */
export function strangerLabelsLock(now: State, p: number, next: Next): void {
  if (p !== 0 || !now.may('lockLabels') || now.exists === 0) return;
  const state = next();
  state.happens('lockLabels');
  writeEntries(state, state.holders, state.queue);
}

export function strangerRemovesWaiter(now: State, p: number, next: Next): void {
  const waiting = now.queue & (now.world.entriesOf[p] ?? 0);
  if (!now.may('queueEdits') || waiting === 0) return;
  const state = next();
  state.happens('queueEdits');
  removeEntries(state, 0, waiting);
}

/** An entry of an attempt that is over is a holder again, in a record that nobody else holds. */
export function restoreBringsHolderBack(now: State, p: number, next: Next): void {
  if (!now.may('restoredHolders') || now.holders !== 0) return;
  forFinished(now, p, (entry) => {
    const state = next();
    state.happens('restoredHolders');
    state.exists = 1;
    writeEntries(state, entry, state.queue & ~entry);
  });
}

export function restoreBringsWaiterBack(now: State, p: number, next: Next): void {
  if (!now.may('restoredWaiters')) return;
  forFinished(now, p, (entry) => {
    if (((now.holders | now.queue) & entry) !== 0) return;
    const state = next();
    state.happens('restoredWaiters');
    state.exists = 1;
    writeEntries(state, state.holders, state.queue | entry);
  });
}

/** Attempts that a living session has given out, and that are over. */
function forFinished(now: State, p: number, visit: (entry: number) => void): void {
  const process = now.process(p);
  process.attempts.forEach((attempt, id) => {
    const isOver = attempt.session > 0 && (id !== process.id || process.step === Step.Idle);
    const session = process.sessions[attempt.session - 1];
    if (isOver && session && session.life === Life.Live) visit(now.world.entry(p, id));
  });
}
