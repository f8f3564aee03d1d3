import type { Entry } from '../core/entry.ts';
import { microTime } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { parseRecord } from '../core/record.ts';
import type { LockRecord } from '../core/record.ts';
import { blanked } from '../core/session-lease.ts';
import { settle, settledLease } from '../core/settle.ts';
import { REVOKER } from '../kube/lease-api.ts';
import { removeRecord } from '../kube/remove-record.ts';
import { heartbeat } from '../session/sighting.ts';
import { compareAndSwap } from './compare-and-swap.ts';
import type { Workshop } from './compare-and-swap.ts';
import { isKnownDead, sessionState } from './session-state.ts';
import type { PresentSession } from './session-state.ts';

/** All Leases of the namespace. */
export type ListLeases = () => Promise<readonly Lease[]>;

/** Where a session stands in locks. */
export interface Involvement {
  readonly record: LockRecord;
  readonly holds: readonly Entry[];
  readonly waits: readonly Entry[];
}

export type Revoked =
  | { readonly kind: 'revoked'; readonly lease: Lease }
  /** It was blank before. */
  | { readonly kind: 'already'; readonly lease: Lease }
  /** It was taken for dead and renewed: nothing was changed. */
  | { readonly kind: 'revived' }
  /** There is no such session any more: nothing was changed. */
  | { readonly kind: 'gone' };

/** What became of one lock of a revoked session. */
export interface SettledLock {
  /** As it was before. */
  readonly lease: Lease;
  /** Whether the session held it; else it waited. */
  readonly held: boolean;
  /** Who holds it now: granted by this, or by a waiter that was faster. */
  readonly holders: readonly Entry[];
  /** Nobody was left: the Lease is gone. */
  readonly deleted: boolean;
  /** Why it could not be settled; whoever waits then does that. */
  readonly error: unknown;
}

/** The locks that name the session. Sends one LIST, in pages. */
export async function locksOf(
  list: ListLeases,
  session: { name: string; uid: string },
): Promise<Involvement[]> {
  const { locks } = await survey(list, undefined);
  return locks
    .map((record) => involvement(record, session))
    .filter(({ holds, waits }) => holds.length + waits.length > 0);
}

/**
 * Blanks a session by compare-and-swap: dead for everybody, for all of its locks, for good.
 *
 * @param session - as it was shown to whoever decided
 * @param alive - whether they were told that it lives; if not, a renewal since then stops it
 * @throws LeaseholdError when it cannot be done, or it is unknown whether it was
 */
export async function revoke(
  workshop: Workshop,
  session: PresentSession,
  alive: boolean,
): Promise<Revoked> {
  const { api, clock } = workshop;
  const { name, uid = '' } = session.lease.metadata;
  const shown = heartbeat(session.lease, uid);
  return compareAndSwap<Revoked>(workshop, name, session.lease, (lease, inDoubt) => {
    const now = lease && sessionState(lease, undefined, uid);
    if (!lease || !now || now.state === 'missing' || now.state === 'foreign') {
      return { result: { kind: 'gone' } };
    }
    // A blank one stays blank, so it does not matter whose write that was.
    if (now.state === 'blank') return { result: { kind: inDoubt ? 'revoked' : 'already', lease } };
    if (!alive && heartbeat(lease, uid) !== shown) return { result: { kind: 'revived' } };
    const next = blanked(lease, microTime(clock.wall()));
    return {
      write: () => api.replace(next, { fieldManager: REVOKER.repair }),
      done: (answer) => ({ kind: 'revoked', lease: answer as Lease }),
    };
  });
}

/**
 * Drops a revoked session from all locks and grants to whoever is next, by the function by which
 * everybody settles. One LIST after the session is blank, so that nothing which it took until then
 * is missed, and one write for each lock.
 */
export async function settleLocks(
  workshop: Workshop,
  list: ListLeases,
  session: { name: string; uid: string },
): Promise<SettledLock[]> {
  const { locks, isDead } = await survey(list, session);
  const settled: SettledLock[] = [];
  for (const record of locks) {
    const { holds, waits } = involvement(record, session);
    if (holds.length + waits.length === 0) continue;
    const { lease } = record;
    const held = holds.length > 0;
    try {
      settled.push({ ...(await settleLock(workshop, record, isDead)), lease, held });
    } catch (error) {
      settled.push({ lease, held, holders: record.holders, deleted: false, error });
    }
  }
  return settled;
}

/** Deletes a blank session; by compare-and-swap, as only what was looked at may go. */
export async function bury({ api }: Pick<Workshop, 'api'>, lease: Lease): Promise<boolean> {
  return (await api.remove(lease)).kind === 'done';
}

/** @param revoked - dead whatever the list says of it: it may have been read a moment before */
async function survey(
  list: ListLeases,
  revoked: { name: string; uid: string } | undefined,
): Promise<{ locks: LockRecord[]; isDead: (entry: Entry) => boolean }> {
  const locks: LockRecord[] = [];
  const sessions = new Map<string, Lease>();
  for (const lease of await list()) {
    const { state } = sessionState(lease, undefined);
    if (state !== 'foreign') {
      sessions.set(lease.metadata.name, lease);
      continue;
    }
    try {
      locks.push(parseRecord(lease));
    } catch {
      // An election, or somebody else's.
    }
  }
  const isDead = (entry: Entry): boolean => {
    if (entry.session === revoked?.name && entry.sessionUid === revoked.uid) return true;
    const lease = sessions.get(entry.session);
    return (
      lease !== undefined && isKnownDead(sessionState(lease, undefined, entry.sessionUid), entry.id)
    );
  };
  return { locks, isDead };
}

function involvement(record: LockRecord, session: { name: string; uid: string }): Involvement {
  const isIts = (entry: Entry): boolean =>
    entry.session === session.name && entry.sessionUid === session.uid;
  return { record, holds: record.holders.filter(isIts), waits: record.queue.filter(isIts) };
}

type State = Pick<SettledLock, 'holders' | 'deleted' | 'error'>;

/**
 * Drops the dead from one lock and grants to whoever is next. Sends one write, if there is anything to
 * drop or to grant; three where nobody is left and the guard wants to see the record emptied first.
 *
 * @throws LeaseholdError when it cannot be done
 * @param isDead - also asked about whoever is in the record after a conflict
 * @param fieldManager - under whose name the server notes it
 */
export function settleLock(
  workshop: Workshop,
  first: LockRecord,
  isDead: (entry: Entry) => boolean,
  fieldManager?: string,
): Promise<State> {
  const { api, clock } = workshop;
  const gone: State = { holders: [], deleted: true, error: undefined };
  return compareAndSwap<State>(workshop, first.lease.metadata.name, first.lease, (lease) => {
    if (!lease) return { result: gone };
    const record = parseRecord(lease);
    const settlement = settle(record, isDead);
    if (settlement.action === 'none') {
      return { result: { ...gone, holders: record.holders, deleted: false } };
    }
    if (settlement.action === 'delete') {
      return {
        write: async () => (await removeRecord(workshop, record, fieldManager)).outcome,
        done: () => gone,
      };
    }
    const next = settledLease(record, settlement, microTime(clock.wall()));
    const holders = parseRecord(next).holders;
    return {
      write: () => api.replace(next, fieldManager === undefined ? {} : { fieldManager }),
      done: () => ({ ...gone, holders, deleted: false }),
    };
  });
}
