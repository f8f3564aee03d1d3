import type { Entry } from '../core/entry.ts';
import { LeaseholdError } from '../core/errors.ts';
import { contradicts } from '../core/mode.ts';
import { parseRecord } from '../core/record.ts';
import type { LockRecord } from '../core/record.ts';
import type { LockTarget } from './context.ts';

/** Whether somebody in the record takes this name for something else; of the dead that says nothing. */
export function isDisputed({ ask, context }: LockTarget, record: LockRecord): boolean {
  return disputers(record, ask, context.deaths.isDead).length > 0;
}

/**
 * Reads the session of whoever does, to tell a mistake from what a process has left that ran before an
 * update: the end of that is waited for. And the record once more, as it may have left by now.
 *
 * @throws LeaseholdError `PERMITS_DISAGREE` when it seems to live
 */
export async function checkUndisputed(
  { ask, context, name, view }: LockTarget,
  record: LockRecord,
  signal?: AbortSignal,
): Promise<void> {
  for (const entry of disputers(record, ask, context.deaths.isDead)) {
    if (!(await context.deaths.seemsAlive(entry, signal))) continue;
    const read = await view.read({ signal });
    if (read.kind !== 'done' || !isIn(parseRecord(read.body), entry)) continue;
    throw new LeaseholdError(
      'PERMITS_DISAGREE',
      `${name.original} is ${described(ask)} here, and ${described(entry)} to session ${entry.session}: let all programs state the same number of permits, or change it for all with: leasehold resize; and give other locks other names`,
    );
  }
}

function isIn({ holders, queue }: LockRecord, { id }: Entry): boolean {
  return [...holders, ...queue].some((entry) => entry.id === id);
}

function disputers(
  record: LockRecord,
  ask: LockTarget['ask'],
  isDead: (entry: Entry) => boolean,
): Entry[] {
  const all = [...record.holders, ...record.queue];
  return all.filter((entry) => contradicts(ask, entry) && !isDead(entry));
}

function described({
  mode,
  of,
}: {
  readonly mode: string;
  readonly of?: number | undefined;
}): string {
  return mode === 'permit' ? `a semaphore of ${String(of)} permits` : 'a lock';
}
