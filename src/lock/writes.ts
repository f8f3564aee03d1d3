import { formatEntry, parseEntry } from '../core/entry.ts';
import { microTime, NAME_ANNOTATION, ROLE_LABEL, versionOf } from '../core/lease.ts';
import { HOLDER_PREFIX, QUEUE_PREFIX } from '../core/record.ts';
import type { LockRecord } from '../core/record.ts';
import { lockSpec, settle, settledLease } from '../core/settle.ts';
import type { Settlement } from '../core/settle.ts';
import type { LeaseOutcome, Outcome } from '../kube/outcome.ts';
import { removeRecord } from '../kube/remove-record.ts';
import type { Attempt, LockTarget } from './context.ts';

/** CREATE of the lock, held by this attempt. */
export function createHeld(target: LockTarget, attempt: Attempt): Promise<LeaseOutcome> {
  const { api, parts } = target.context;
  const { session, id } = attempt;
  const { lease, original } = target.name;
  const now = microTime(parts.clock.wall());
  const entry = formatEntry({ ...asked(target, attempt), since: now });
  return api.create({
    metadata: {
      name: lease,
      namespace: api.namespace,
      labels: { [ROLE_LABEL]: 'lock' },
      annotations: {
        [HOLDER_PREFIX + id]: entry,
        ...(lease === original ? {} : { [NAME_ANNOTATION]: original }),
      },
    },
    spec: lockSpec(session.name, now),
  });
}

/** What its entry says of an attempt, whether it holds or waits. */
function asked({ ask }: LockTarget, { session }: Attempt) {
  const { name, uid: sessionUid, ttl, principal } = session;
  return { session: name, sessionUid, ttl, ...ask, principal };
}

/**
 * The record with this attempt in it as a holder, if it may hold beside those who do and nobody waits
 * before it: then there is no need to queue.
 */
export function entering(
  target: LockTarget,
  attempt: Attempt,
  record: LockRecord,
): Exclude<Settlement, { action: 'none' }> | undefined {
  // The guard lets nobody pass an entry in the queue, be it one that cannot be read.
  if (target.ask.mode === 'exclusive' || record.unreadableQueue.length > 0) return undefined;
  const { deaths, parts } = target.context;
  const since = microTime(parts.clock.wall());
  const text = formatEntry({ ...asked(target, attempt), seen: record.version, since });
  const entry = parseEntry(attempt.id, text);
  if (!entry) return undefined;
  const queue = [...record.queue, entry];
  const settlement = settle({ ...record, queue }, deaths.isDead);
  const isGranted = settlement.action === 'write' && settlement.granted.includes(entry);
  return isGranted ? settlement : undefined;
}

/** Joins the queue. Cannot conflict with others who join: it names the uid and no version. */
export function join(
  target: LockTarget,
  attempt: Attempt,
  uid: string,
  seen: bigint,
): Promise<LeaseOutcome> {
  const since = microTime(target.context.parts.clock.wall());
  const entry = formatEntry({ ...asked(target, attempt), seen, since });
  return target.context.api.patch(target.name.lease, {
    metadata: { uid, annotations: { [QUEUE_PREFIX + attempt.id]: entry } },
  });
}

/** Leaves the queue; never touches the holders, as the attempt may be granted meanwhile. */
export function leaveQueue(
  target: LockTarget,
  attempt: Attempt,
  uid: string,
): Promise<LeaseOutcome> {
  return target.context.api.patch(target.name.lease, {
    metadata: { uid, annotations: { [QUEUE_PREFIX + attempt.id]: null } },
  });
}

/** Removes a spent attempt from the record, whatever its version. */
export function patchOut(target: LockTarget, attempt: Attempt, uid: string): Promise<LeaseOutcome> {
  return target.context.api.patch(target.name.lease, {
    metadata: {
      uid,
      annotations: { [QUEUE_PREFIX + attempt.id]: null, [HOLDER_PREFIX + attempt.id]: null },
    },
  });
}

/**
 * Writes a settlement under the condition that the record is still the one it was computed from,
 * and takes the answer into the view.
 */
export async function writeSettlement(
  target: LockTarget,
  record: LockRecord,
  settlement: Exclude<Settlement, { action: 'none' }>,
): Promise<Outcome<unknown>> {
  const { view, context } = target;
  if (settlement.action === 'delete') {
    const { outcome, emptied } = await removeRecord(
      { api: context.api, clock: context.parts.clock },
      record,
    );
    if (emptied) view.wrote(emptied);
    if (outcome.kind === 'done') view.removed(emptied ? versionOf(emptied) : record.version);
    return outcome;
  }
  const outcome = await context.api.replace(
    settledLease(record, settlement, microTime(context.parts.clock.wall())),
  );
  if (outcome.kind === 'done') view.wrote(outcome.body);
  return outcome;
}
