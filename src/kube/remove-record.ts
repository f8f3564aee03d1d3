import type { Clock } from '../core/clock.ts';
import { microTime } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { guardAsksToEmpty } from '../core/principal.ts';
import type { LockRecord } from '../core/record.ts';
import { emptiedLease } from '../core/settle.ts';
import type { LeaseApi } from './lease-api.ts';
import type { Outcome } from './outcome.ts';

export interface Removal {
  readonly outcome: Outcome<unknown>;
  /** The record with nobody in it, where the guard wanted to see that first. */
  readonly emptied: Lease | undefined;
}

/**
 * Deletes a lock in which nobody is left alive, under the condition that it is still as it was read.
 * Sends a DELETE; where the guard refuses that, a PUT without anybody and the DELETE once more.
 *
 * @param fieldManager - under whose name the server notes the PUT
 */
export async function removeRecord(
  { api, clock }: { readonly api: LeaseApi; readonly clock: Clock },
  record: LockRecord,
  fieldManager?: string,
): Promise<Removal> {
  const outcome = await api.remove(record.lease);
  if (outcome.kind !== 'refused' || !guardAsksToEmpty(outcome.message)) {
    return { outcome, emptied: undefined };
  }
  const emptied = await api.replace(
    emptiedLease(record, microTime(clock.wall())),
    fieldManager === undefined ? {} : { fieldManager },
  );
  if (emptied.kind !== 'done') return { outcome: emptied, emptied: undefined };
  return { outcome: await api.remove(emptied.body), emptied: emptied.body };
}
