import { pause } from '../core/clock.ts';
import { downgrade as downgraded } from '../core/downgrade.ts';
import { parseRecord } from '../core/record.ts';
import { isConflict, isMissing } from '../kube/outcome.ts';
import { errorOf, isTemporary } from '../kube/status-error.ts';
import type { Attempt, LockTarget } from './context.ts';
import { writeSettlement } from './writes.ts';

const FIRST_RETRY_MS = 20;
const MOST_RETRY_MS = 1_000;

/**
 * Makes of an attempt that holds alone one that shares. Resolves with true when the record says so, and
 * with false when the session ended or the record no longer names the attempt.
 *
 * @throws LeaseholdError of a refusal that will not pass: then it holds alone as before
 */
export async function downgrade(target: LockTarget, attempt: Attempt): Promise<boolean> {
  const { view, context, name } = target;
  const { session, id } = attempt;
  let retry = FIRST_RETRY_MS;
  while (session.valid) {
    if (!view.known) await view.read();
    const lease = view.lease;
    const record = view.known && lease ? parseRecord(lease) : undefined;
    const holder = record?.holders.find((entry) => entry.id === id);
    if (view.known && !holder) return false;
    if (holder?.mode === 'shared') return true;
    if (record && holder) {
      const settlement = downgraded(record, holder, context.deaths.isDead);
      const outcome = await writeSettlement(target, record, settlement);
      if (outcome.kind === 'done') return true;
      const isOutdated = isConflict(outcome) || isMissing(outcome);
      if (isOutdated && view.version > record.version) continue;
      if (!isOutdated && !isTemporary(outcome)) throw errorOf(outcome, `write lock ${name.lease}`);
      const read = await view.read();
      if (isOutdated && (read.kind === 'done' || isMissing(read))) continue;
    }
    await pause(context.parts.clock, retry, session.signal);
    retry = Math.min(MOST_RETRY_MS, retry * 2);
  }
  return false;
}
