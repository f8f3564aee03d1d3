import { linked } from '../core/abort.ts';
import { pause } from '../core/clock.ts';
import type { Entry } from '../core/entry.ts';
import { CHALLENGE_ANNOTATION, microTime } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { parseRecord } from '../core/record.ts';
import type { LockRecord } from '../core/record.ts';
import { REVOKER } from '../kube/lease-api.ts';
import { isConflict, isMissing } from '../kube/outcome.ts';
import type { LeaseOutcome } from '../kube/outcome.ts';
import { errorOf } from '../kube/status-error.ts';
import { bury, settleLock } from '../repair/revoke.ts';
import type { Workshop } from '../repair/compare-and-swap.ts';
import type { AnnouncedSession } from '../core/announcer.ts';
import type { AnnouncedAttempt } from './announcements.ts';
import { LATE_LOOK_MS, untilAnswered } from './requests.ts';

/** A session whose process is known to have ended. */
export interface DeadSession extends AnnouncedSession {
  readonly attempts: readonly AnnouncedAttempt[];
}

export interface Reclaimed {
  /** How many locks the process held or waited for, and does no more. */
  readonly locks: number;
  /** How many of them are in other hands now. */
  readonly passedOn: number;
}

/** The revocation is not held up for longer by locks that are settled slowly, or not at all. */
const LONGEST_HEAD_START_MS = 50;

/**
 * Ends a session for its process, which has ended, and settles its locks. For each lock it sends a GET,
 * unless the process has left the record as it last saw it, and the write that settles it; one that
 * turns out to be outdated is read again. Then it blanks the session, by a merge patch that names its uid and no
 * version, so that a late renewal conflicts. That can wait: the process holds nothing any more, whatever
 * the session says, and what it still had on the way names a session that is about to be blank.
 *
 * An attempt that no lock names may have a request on the way: looked for once more a little later.
 * The session is deleted if each attempt was found, and stays blank otherwise.
 *
 * @param signal - sends nothing again once it has aborted
 * @throws LeaseholdError when some of it could not be done; the rest was
 */
export async function reclaim(
  workshop: Workshop,
  session: DeadSession,
  signal: AbortSignal,
): Promise<Reclaimed> {
  const { api, clock } = workshop;
  const look = (lock: string, read: Read): Promise<Look> =>
    readAndSettle(workshop, session, lock, read, signal);
  const lookFirst = async (lock: string): Promise<Look> => {
    const { seen } =
      session.attempts.find((attempt) => attempt.lock === lock && attempt.seen) ?? {};
    const atOnce = seen ? await settleOne(workshop, session, seen) : NOTHING;
    return atOnce.attempts.length > 0 ? atOnce : look(lock, (name) => api.getCached(name));
  };
  // First, and alone, as whoever waits for a lock waits for this.
  const settled = new AbortController();
  const looking = Promise.allSettled(locksOf(session.attempts).map(lookFirst));
  void looking.then(() => {
    settled.abort();
  });
  const headStart = linked([signal, settled.signal]);
  await pause(clock, LONGEST_HEAD_START_MS, headStart.signal);
  headStart.unlink();
  const [revoked] = await Promise.allSettled([revoke(workshop, session, signal)]);
  const first = await looking;
  const blank = valueOf(revoked);
  const looks = first.map(valueOf);
  const missed = unseen(session.attempts, looks);
  if (missed.length > 0) {
    await pause(clock, LATE_LOOK_MS, signal);
    const again = await Promise.allSettled(
      locksOf(missed).map((lock) => look(lock, (name) => api.get(name))),
    );
    looks.push(...again.map(valueOf));
  }
  if (blank && unseen(missed, looks).length === 0) await bury(workshop, blank);
  const found = looks.filter(({ attempts }) => attempts.length > 0);
  return { locks: found.length, passedOn: found.filter(({ passedOn }) => passedOn).length };
}

/** Resolves with the blank session; with undefined when there is none any more. */
async function revoke(
  { api, clock }: Workshop,
  { name, uid }: DeadSession,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  // Of a patch that was never answered nothing has to be known: it does no harm twice.
  const outcome = await untilAnswered(clock, signal, () =>
    api.patch(
      name,
      {
        metadata: { uid, annotations: { [CHALLENGE_ANNOTATION]: null } },
        spec: { holderIdentity: '', renewTime: microTime(clock.wall()) },
      },
      // Not behind the reads of a hundred locks.
      { lane: 'heartbeats', fieldManager: REVOKER.supervisor },
    ),
  );
  if (outcome.kind === 'done') return outcome.body;
  if (isMissing(outcome) || isConflict(outcome)) return undefined;
  throw errorOf(outcome, `revoke session ${name}`);
}

type Read = (lock: string) => Promise<LeaseOutcome>;

interface Look {
  /** Of the session, as the lock named them. */
  readonly attempts: readonly string[];
  readonly passedOn: boolean;
}

const NOTHING: Look = { attempts: [], passedOn: false };

async function readAndSettle(
  workshop: Workshop,
  session: DeadSession,
  lock: string,
  read: Read,
  signal: AbortSignal,
): Promise<Look> {
  const outcome = await untilAnswered(workshop.clock, signal, () => read(lock));
  if (isMissing(outcome)) return NOTHING;
  if (outcome.kind !== 'done') throw errorOf(outcome, `read lock ${lock}`);
  return settleOne(workshop, session, outcome.body);
}

/** Drops what the lock names of the session, if anything. */
async function settleOne(workshop: Workshop, session: DeadSession, lease: Lease): Promise<Look> {
  const record = readable(lease);
  if (!record) return NOTHING;
  const isDead = (entry: Entry): boolean =>
    entry.session === session.name && entry.sessionUid === session.uid;
  const held = record.holders.some(isDead);
  const attempts = [...record.holders, ...record.queue].filter(isDead).map(({ id }) => id);
  if (attempts.length === 0) return NOTHING;
  const { holders } = await settleLock(workshop, record, isDead, REVOKER.supervisor);
  return { attempts, passedOn: held && holders.length > 0 };
}

function locksOf(attempts: readonly AnnouncedAttempt[]): string[] {
  return [...new Set(attempts.map(({ lock }) => lock))];
}

function unseen(attempts: readonly AnnouncedAttempt[], looks: readonly Look[]): AnnouncedAttempt[] {
  const seen = new Set(looks.flatMap((look) => look.attempts));
  return attempts.filter(({ id }) => !seen.has(id));
}

function valueOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason as Error;
  return result.value;
}

/** Somebody may have made another thing of the Lease: then nobody holds by it. */
function readable(lease: Lease): LockRecord | undefined {
  try {
    return parseRecord(lease);
  } catch {
    return undefined;
  }
}
