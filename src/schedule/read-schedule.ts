import { newSchedule, parseSchedule } from '../core/schedule.ts';
import type { ScheduleRecord } from '../core/schedule.ts';
import { isConflict, isMissing } from '../kube/outcome.ts';
import type { LeaseOutcome } from '../kube/outcome.ts';
import type { ScheduleTarget } from './context.ts';
import type { Retry } from './retry.ts';

/**
 * The schedule as it is stored, and made where there is none. Sends one GET, and once in the life of a
 * schedule one CREATE. While the API server cannot be reached it keeps trying.
 *
 * @returns undefined when `signal` has aborted
 * @throws LeaseholdError `FOREIGN_LEASE`, `UNREADABLE_RECORD`, or of a refusal
 */
export async function readSchedule(
  target: ScheduleTarget,
  retry: Retry,
  signal: AbortSignal,
): Promise<ScheduleRecord | undefined> {
  while (!isAborted(signal)) {
    const read = await timed(target, () => target.context.api.get(target.name.lease, { signal }));
    if (read.kind === 'done') {
      retry.over();
      return parseSchedule(read.body);
    }
    if (!isMissing(read)) {
      if (!isAborted(signal)) await retry.wait(read, 'read', signal);
      continue;
    }
    const created = await create(target);
    if (created.kind === 'done') return parseSchedule(created.body);
    // Whoever was first, or that it was done after all, is for the next look to say.
    if (!isConflict(created)) await retry.wait(created, 'create', signal);
  }
  return undefined;
}

/** Names nobody: harmless, however late it may be done. */
function create(target: ScheduleTarget): Promise<LeaseOutcome> {
  const { name, plan, context } = target;
  const { api, parts } = context;
  const lease = newSchedule(name, api.namespace, plan, parts.clock.wall());
  return timed(target, () => api.create(lease));
}

/** Each answer tells what time it is on the server. */
async function timed(
  { clock, context }: ScheduleTarget,
  send: () => Promise<LeaseOutcome>,
): Promise<LeaseOutcome> {
  const sentAt = context.parts.clock.now();
  const outcome = await send();
  if (outcome.kind === 'done') clock.learn(outcome.serverTime, sentAt);
  return outcome;
}

/** Asked anew after an await, as the compiler takes an earlier answer for lasting. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
