import { parseSchedule, withRun } from '../core/schedule.ts';
import type { RunEntry, ScheduleRecord } from '../core/schedule.ts';
import { isConflict, isMissing } from '../kube/outcome.ts';
import type { LeaseOutcome } from '../kube/outcome.ts';
import type { Session } from '../session/session.ts';
import type { ScheduleTarget } from './context.ts';
import { Retry } from './retry.ts';

/** As of locks: room for what a later version may count within one grant. */
const FENCE_SCALE = 65_536n;

/** A run that is this process's: the record is known to name it. */
export interface Begun {
  readonly session: Session;
  readonly run: RunEntry;
  readonly record: ScheduleRecord;
  /** Of the first request that named it, on the monotonic clock. */
  readonly sentAt: number;
}

/** On what it was decided to run: the record as it was read, in which nobody stands in the way. */
interface Intent {
  readonly record: ScheduleRecord;
  readonly session: Session;
  readonly tick: number;
}

/**
 * Writes into the record that the run of this tick has begun, by compare-and-swap on what was read. Whether
 * that was done is known before anything relies on it: after an answer that was lost it reads, and sends the
 * same again for as long as the record is the same, until one of them was done or none can be any more.
 *
 * @returns undefined when it was not done, as somebody else has written, or `signal` has aborted
 * @throws LeaseholdError of a refusal
 */
export async function enter(
  target: ScheduleTarget,
  { record, session, tick }: Intent,
  signal: AbortSignal,
): Promise<Begun | undefined> {
  const { context, plan, clock, name } = target;
  const { api, parts, identity } = context;
  const retry = new Retry(target);
  const id = session.allocate(name.lease);
  const run: RunEntry = {
    ...{ id, session: session.name, sessionUid: session.uid, ttl: session.ttl, process: identity },
    ...{ tick, began: clock.now(), atMost: plan.atMost },
    fence: (record.version + 1n) * FENCE_SCALE,
  };
  const lease = withRun(record, plan, run, parts.clock.wall());
  const sentAt = parts.clock.now();
  let entered: ScheduleRecord | undefined;
  // Whether a request that names it may have been done, or may be yet.
  let isDoubtful = false;
  try {
    while (!entered && !signal.aborted) {
      const outcome = await api.replace(lease);
      isDoubtful ||= outcome.kind === 'done' || (outcome.kind === 'unknown' && outcome.sent);
      if (outcome.kind === 'done') {
        entered = parseSchedule(outcome.body);
      } else if (isDoubtful) {
        const read = await api.get(name.lease);
        const found = whatBecame(read, record, id);
        if (found === 'impossible') {
          isDoubtful = false;
          break;
        }
        entered = found;
        // A conflict with nothing is no answer either.
        const isUnclear = read.kind !== 'done' || !isConflict(outcome);
        if (!entered && isUnclear) {
          await retry.wait(read.kind === 'done' ? outcome : read, 'write', signal);
        }
      } else if (isConflict(outcome) || isMissing(outcome)) {
        break;
      } else {
        await retry.wait(outcome, 'write', signal);
      }
    }
  } finally {
    if (!entered && isDoubtful) session.voidAttempt(id, 'it is unknown whether its run has begun');
    else if (!entered) session.confirmSettled(id);
  }
  return entered && { session, run, record: entered, sentAt };
}

/**
 * What became of a write that was not answered: the record that it made, undefined while it may still be
 * done, `impossible` when somebody else has written in its place.
 */
function whatBecame(
  read: LeaseOutcome,
  { lease }: ScheduleRecord,
  id: string,
): ScheduleRecord | 'impossible' | undefined {
  if (isMissing(read)) return 'impossible';
  if (read.kind !== 'done') return undefined;
  const { uid, resourceVersion } = read.body.metadata;
  if (uid !== lease.metadata.uid) return 'impossible';
  if (resourceVersion === lease.metadata.resourceVersion) return undefined;
  const stored = parseSchedule(read.body);
  return stored.run?.id === id ? stored : 'impossible';
}
