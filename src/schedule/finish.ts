import { parseSchedule, withEnd } from '../core/schedule.ts';
import type { LastRun, ScheduleRecord } from '../core/schedule.ts';
import { isConflict, isMissing } from '../kube/outcome.ts';
import type { Begun } from './enter.ts';
import type { ScheduleTarget } from './context.ts';
import type { End } from './live-run.ts';
import { Retry } from './retry.ts';

/** Of what the work threw: the record is for people who look, logs are for the rest. */
const MOST_MESSAGE_CHARACTERS = 512;

/**
 * Writes down how the run has ended, by compare-and-swap as long as the record names it. Sends one PUT.
 * While the API server cannot be reached it keeps trying, until the session is lost if the process stops.
 *
 * @param stop - aborts when the process stops
 * @returns whether it stands in the record
 * @throws LeaseholdError of a refusal
 */
export async function finish(
  target: ScheduleTarget,
  { session, run, record: begun }: Begun,
  end: End<unknown>,
  stop: AbortSignal,
): Promise<boolean> {
  const { api, parts } = target.context;
  const last: LastRun = {
    ...{ tick: run.tick, began: run.began, ended: target.clock.now() },
    ...{ process: run.process, session: run.session },
    outcome: end.outcome,
    message: end.outcome === 'done' ? undefined : messageOf(end.error),
  };
  const retry = new Retry(target);
  session.spend(run.id);
  const left = session.leaving(run.id);
  let record: ScheduleRecord | undefined = begun;
  let isSettled = false;
  try {
    for (;;) {
      if (record) {
        const outcome = await api.replace(withEnd(record, last, parts.clock.wall()));
        isSettled = outcome.kind === 'done' || isMissing(outcome);
        if (isSettled) return outcome.kind === 'done';
        if (outcome.kind !== 'done' && !isConflict(outcome)) await retry.wait(outcome, 'write');
      }
      if (stop.aborted && !session.valid) return false;
      const read = await api.get(target.name.lease);
      if (read.kind === 'done') {
        record = parseSchedule(read.body);
        isSettled = record.run?.id !== run.id;
        if (isSettled) return record.last?.tick === run.tick && record.last.outcome === end.outcome;
      } else {
        record = undefined;
        isSettled = isMissing(read);
        if (isSettled) return false;
        await retry.wait(read, 'read');
      }
    }
  } finally {
    left();
    // What is left in the record is disowned, for others to go on.
    if (isSettled) session.confirmSettled(run.id);
    else session.voidAttempt(run.id, 'its end could not be written down');
  }
}

function messageOf(error: unknown): string | undefined {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text === '' ? undefined : text.slice(0, MOST_MESSAGE_CHARACTERS);
}
