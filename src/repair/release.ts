import type { Entry } from '../core/entry.ts';
import { CHALLENGE_ANNOTATION, microTime } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { guardSaysAlive } from '../core/principal.ts';
import { HOLDER_PREFIX, parseRecord } from '../core/record.ts';
import type { LockRecord } from '../core/record.ts';
import { holderIdentityOf, settle, settledLease } from '../core/settle.ts';
import type { Settlement } from '../core/settle.ts';
import { ASKER, REVOKER } from '../kube/lease-api.ts';
import { isMissing } from '../kube/outcome.ts';
import { removeRecord } from '../kube/remove-record.ts';
import type { Removal } from '../kube/remove-record.ts';
import { errorOf } from '../kube/status-error.ts';
import { heartbeat } from '../session/sighting.ts';
import { compareAndSwap } from './compare-and-swap.ts';
import type { Workshop } from './compare-and-swap.ts';
import { isKnownDead, readSession } from './session-state.ts';
import type { PresentSession, SessionState } from './session-state.ts';

/** One holder of a lock, as it was shown to whoever decides about it. */
export interface Holder {
  readonly record: LockRecord;
  /** The attempt id. */
  readonly id: string;
  /** Undefined when its annotation cannot be read. */
  readonly entry: Entry | undefined;
  /** Undefined when there is no entry to name one. */
  readonly session: SessionState | undefined;
}

export type FoundHolder =
  | { readonly kind: 'found'; readonly holder: Holder }
  /** No such Lease: the lock is free. */
  | { readonly kind: 'free' }
  /** None of its holders is of this attempt, or it has none at all. */
  | { readonly kind: 'no-holder'; readonly record: LockRecord }
  /** It has several: say which. */
  | { readonly kind: 'several'; readonly record: LockRecord };

export type Released =
  | {
      readonly kind: 'released';
      /** Who holds it now by this release. */
      readonly granted: readonly Entry[];
      /** Nobody was left: the Lease is gone. */
      readonly deleted: boolean;
      /** False when the answer was lost: the attempt is gone, by this release or otherwise. */
      readonly confirmed: boolean;
    }
  /** The attempt did not hold any more; nothing was changed. */
  | { readonly kind: 'gone'; readonly holders: readonly Entry[] }
  /** Its session was taken for dead and renews: nothing was changed. */
  | { readonly kind: 'revived' };

/**
 * The holder of a lock, and how its session is. Sends two GETs.
 *
 * @param attempt - which of the holders, where there are several or it cannot be read
 * @throws LeaseholdError `FOREIGN_LEASE`, or when it cannot be read
 */
export async function findHolder(
  workshop: Workshop,
  lock: string,
  attempt?: string,
): Promise<FoundHolder> {
  const read = await workshop.api.get(lock);
  if (isMissing(read)) return { kind: 'free' };
  if (read.kind !== 'done') throw errorOf(read, `read lock ${lock}`);
  const record = parseRecord(read.body);
  const ids = holderIds(record);
  const wanted = attempt === undefined ? ids : ids.filter((id) => id === attempt);
  const [id] = wanted;
  if (id === undefined) return { kind: 'no-holder', record };
  if (wanted.length > 1) return { kind: 'several', record };
  const entry = record.holders.find((holder) => holder.id === id);
  const session =
    entry && entry.session !== ''
      ? await readSession(workshop, entry.session, entry.sessionUid)
      : undefined;
  return { kind: 'found', holder: { record, id, entry, session } };
}

/** The attempt ids of all holders, also of those that cannot be read. */
export function holderIds(record: LockRecord): string[] {
  return [...record.holders.map(({ id }) => id), ...record.unreadableHolders];
}

/**
 * Takes this one holder out of the record and grants to the next, in one write. That is a steal:
 * the holder's process may be at work. Whoever else was granted meanwhile is left alone.
 *
 * Sends a GET for the session and for each waiter up to the first that may live, and one PUT or
 * DELETE; then a patch that asks the holder's process to look at its lock.
 *
 * @throws LeaseholdError when it cannot be done, or it is unknown whether it was
 */
export async function releaseHolder(workshop: Workshop, holder: Holder): Promise<Released> {
  if (await hasRevived(workshop, holder)) return { kind: 'revived' };
  const { session } = holder;
  const lives = session?.state === 'present' && !isKnownDead(session, holder.id);
  const lock = holder.record.lease.metadata.name;
  const dead = await deadWaiters(workshop, holder.record);
  const isDead = (entry: Entry): boolean => dead.has(entry.id);
  let sent: Settlement | undefined;
  let isOut = false;
  return compareAndSwap<Released>(workshop, lock, holder.record.lease, (lease, inDoubt) => {
    const record = lease && readable(lease);
    if (!lease || !record || !holderIds(record).includes(holder.id)) {
      return { result: afterwards(record, inDoubt || isOut ? sent : undefined) };
    }
    const settlement = without(record, holder.id, isDead);
    sent = settlement;
    return {
      write: async () => {
        const { outcome, emptied } = await write(workshop, record, settlement);
        // Of the two writes that the guard asks for, the first is what was to be done.
        if (emptied) isOut = true;
        // Said as long as the session lives: no use to wait for it.
        if (lives && outcome.kind === 'refused' && guardSaysAlive(outcome.message)) {
          throw errorOf(outcome, `release lock ${lock}`);
        }
        return outcome;
      },
      done: () => outcomeOf(settlement),
    };
  });
}

/**
 * Asks the process whose hold was taken to look at the record: one that does not watch its lock
 * learns at its next renewal, at most a third of the ttl later, that it lost it. Best effort; sends
 * one PATCH.
 *
 * @returns whether the question stands
 */
export async function tellHolder({ api }: Workshop, holder: Holder): Promise<boolean> {
  const { entry, session } = holder;
  if (!entry || session?.state !== 'present') return false;
  const { name, uid = '' } = session.lease.metadata;
  const annotations = { [CHALLENGE_ANNOTATION]: holder.id };
  const limits = { fieldManager: ASKER };
  return (await api.patch(name, { metadata: { uid, annotations } }, limits)).kind === 'done';
}

/** What whoever decided was told of the session must not have become untrue in its favour. */
async function hasRevived(workshop: Workshop, { entry, session }: Holder): Promise<boolean> {
  if (!entry || session?.state !== 'present' || !isSilent(session)) return false;
  const now = await readSession(workshop, entry.session, entry.sessionUid);
  if (now.state !== 'present') return false;
  return heartbeat(now.lease, entry.sessionUid) !== heartbeat(session.lease, entry.sessionUid);
}

/** Whether the session has not renewed for longer than a living process would take. */
export function isSilent(session: PresentSession): boolean {
  return session.renewedAgo !== undefined && session.renewedAgo > session.ttl / 3 + 2_000;
}

/** The waiters in front that everybody can see are dead: to grant to them would cost a ttl. */
async function deadWaiters(
  workshop: Pick<Workshop, 'api'>,
  record: LockRecord,
): Promise<ReadonlySet<string>> {
  const dead = new Set<string>();
  for (const entry of record.queue) {
    if (entry.session === '') break;
    const session = await readSession(workshop, entry.session, entry.sessionUid);
    if (!isKnownDead(session, entry.id)) break;
    dead.add(entry.id);
  }
  return dead;
}

/** The next state of the record without one holder, which need not be readable. */
function without(
  record: LockRecord,
  id: string,
  isDead: (entry: Entry) => boolean,
): Exclude<Settlement, { action: 'none' }> {
  const unreadableHolders = record.unreadableHolders.filter((other) => other !== id);
  const settlement = settle({ ...record, unreadableHolders }, isDead, id);
  if (settlement.action === 'delete') return settlement;
  const annotations = { [HOLDER_PREFIX + id]: null };
  if (settlement.action === 'write') {
    return { ...settlement, annotations: { ...settlement.annotations, ...annotations } };
  }
  const holderIdentity = holderIdentityOf(record.holders);
  return { action: 'write', annotations, holderIdentity, granted: [], dropped: [] };
}

async function write(
  workshop: Workshop,
  record: LockRecord,
  settlement: Exclude<Settlement, { action: 'none' }>,
): Promise<Removal> {
  const fieldManager = REVOKER.repair;
  if (settlement.action === 'delete') return removeRecord(workshop, record, fieldManager);
  const { api, clock } = workshop;
  const next = settledLease(record, settlement, microTime(clock.wall()));
  return { outcome: await api.replace(next, { fieldManager }), emptied: undefined };
}

function outcomeOf(settlement: Settlement): Released {
  const granted = settlement.action === 'write' ? settlement.granted : [];
  return { kind: 'released', granted, deleted: settlement.action === 'delete', confirmed: true };
}

/** The attempt is not in the record: by this release, if one was sent, or by its owner or others. */
function afterwards(record: LockRecord | undefined, sent: Settlement | undefined): Released {
  const holders = record?.holders ?? [];
  if (!sent) return { kind: 'gone', holders };
  const meant = new Set(sent.action === 'write' ? sent.granted.map(({ id }) => id) : []);
  const granted = holders.filter(({ id }) => meant.has(id));
  return { kind: 'released', granted, deleted: record === undefined, confirmed: false };
}

/** Somebody may have made another thing of the Lease meanwhile: then nobody holds by it. */
function readable(lease: Lease): LockRecord | undefined {
  try {
    return parseRecord(lease);
  } catch {
    return undefined;
  }
}
