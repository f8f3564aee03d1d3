import { unlessAborted } from '../core/abort.ts';
import { entryOf, lastBegan, lastTick } from '../core/schedule.ts';
import type { RunEntry } from '../core/schedule.ts';
import { enter } from './enter.ts';
import type { Begun } from './enter.ts';
import type { ScheduleTarget } from './context.ts';
import { readSchedule } from './read-schedule.ts';
import { Retry } from './retry.ts';

/** What became of an attempt to begin the run of a tick. */
export type Beginning =
  | { readonly kind: 'begun'; readonly begun: Begun }
  /** Somebody has begun it, or a later one. */
  | { readonly kind: 'taken' }
  /** That of an earlier tick is not over. */
  | { readonly kind: 'running'; readonly run: RunEntry }
  /** The last run began less than `atLeast` ago: milliseconds until that is over. */
  | { readonly kind: 'too-soon'; readonly delay: number }
  /** Something has changed: look again. Also when the signal has aborted. */
  | { readonly kind: 'again' };

const AGAIN: Beginning = { kind: 'again' };

/**
 * Begins the run of a tick, if nobody has.
 *
 * Sends one GET; if the tick is to be had one PUT, and before the first run of a process the CREATE of its
 * session; if the run of an earlier tick is not over, one GET of its session.
 *
 * @param isDue - whether the tick is still to be run, asked before that is begun
 * @throws LeaseholdError of a refusal
 */
export async function begin(
  target: ScheduleTarget,
  tick: number,
  isDue: () => boolean,
  signal: AbortSignal,
): Promise<Beginning> {
  const { clock, plan, context } = target;
  const retry = new Retry(target);
  const record = await readSchedule(target, retry, signal);
  // By the clock that the answer has set right.
  if (!record || tick > clock.now()) return AGAIN;
  if (record.isNewer || tick <= (lastTick(record) ?? -Infinity)) return { kind: 'taken' };
  if (record.run && !(await isOver(target, record.run, signal))) {
    return { kind: 'running', run: record.run };
  }
  const began = lastBegan(record);
  const delay = began === undefined ? 0 : began + plan.atLeast - clock.now();
  if (plan.atLeast > 0 && delay > 0) {
    return { kind: 'too-soon', delay: Math.min(delay, plan.atLeast) };
  }
  const session = await unlessAborted(context.sessions.current(), signal);
  // Each of these requests may have been waited for for long.
  if (!session || !isDue()) return AGAIN;
  const begun = await enter(target, { record, session, tick }, signal);
  return begun ? { kind: 'begun', begun } : AGAIN;
}

/** Whether nobody runs it any more, whatever the record says. */
async function isOver(
  target: ScheduleTarget,
  run: RunEntry,
  signal: AbortSignal,
): Promise<boolean> {
  const { sessions, deaths } = target.context;
  const entry = entryOf(run);
  const own = sessions.ownerOf(entry);
  if (own?.valid && own.isCurrent(run.id)) return false;
  if (own?.isStray(run.id)) own.voidAttempt(run.id, 'found in the record after its end');
  if (target.sighting.isOverdue(run)) return true;
  return deaths.provenDeadNow(entry, target.name.original, signal);
}
