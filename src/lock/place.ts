import { LeaseholdError } from '../core/errors.ts';
import { HOLDER_PREFIX, QUEUE_PREFIX, parseRecord } from '../core/record.ts';
import type { LockRecord } from '../core/record.ts';
import type { LeaseView } from '../kube/lease-view.ts';
import type { Attempt } from './context.ts';

/** Where an attempt stands in the record as it was last seen. */
export type Place =
  | { readonly kind: 'missing' }
  | { readonly kind: 'holding'; readonly version: bigint }
  | { readonly kind: 'absent'; readonly record: LockRecord; readonly version: bigint }
  | {
      readonly kind: 'waiting';
      readonly record: LockRecord;
      readonly version: bigint;
      /** How many wait before it. */
      readonly index: number;
    };

/**
 * @throws LeaseholdError `FOREIGN_LEASE`; `UNREADABLE_RECORD` when the annotation of a holder cannot
 * be read, so that nobody can tell whether it still holds
 */
export function place(view: LeaseView, attempt: Attempt): Place {
  const lease = view.lease;
  if (!lease) return { kind: 'missing' };
  const record = parseRecord(lease);
  const version = view.version;
  const { id, session } = attempt;
  const holder = record.holders.find((entry) => entry.id === id);
  if (holder && holder.session === session.name && holder.sessionUid === session.uid) {
    return { kind: 'holding', version: holder.fence ?? version };
  }
  checkReadable(record);
  const index = record.queue.findIndex((entry) => entry.id === id);
  return index === -1
    ? { kind: 'absent', record, version }
    : { kind: 'waiting', record, version, index };
}

/** @throws LeaseholdError `UNREADABLE_RECORD` */
export function checkReadable(record: LockRecord): void {
  const unreadable = record.unreadableHolders[0];
  if (unreadable === undefined) return;
  const { name, namespace } = record.lease.metadata;
  throw new LeaseholdError(
    'UNREADABLE_RECORD',
    `lock ${name} is blocked: its annotation ${HOLDER_PREFIX}${unreadable} cannot be read, so nobody can tell whether that holder lives; find out, then remove it with: kubectl annotate lease ${name}${namespace ? ` -n ${namespace}` : ''} ${HOLDER_PREFIX}${unreadable}-`,
  );
}

/**
 * Whether an event may concern a waiter that is in the queue: told from its bytes, as at a busy
 * lock most concern only others.
 */
export function concerns(view: LeaseView, id: string): boolean {
  if (view.mentions(`${HOLDER_PREFIX}${id}"`)) return true;
  return !view.mentions(`${QUEUE_PREFIX}${id}"`) || !view.mentions(`"${HOLDER_PREFIX}`);
}
