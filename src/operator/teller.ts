import { pause } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import type { Lease } from '../core/lease.ts';
import { isBlank, isSession, revokerOf } from '../core/session-lease.ts';
import { REVOKER } from '../kube/lease-api.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { isMissing } from '../kube/outcome.ts';
import { sessionState } from '../repair/session-state.ts';
import { Bell } from './bell.ts';
import type { IndexedEntry, IndexedLock, SessionRef } from './lock-index.ts';
import { Pace } from './pace.ts';
import type { PodIndex } from './pod-index.ts';
import type { PodRef, Report, Reporter, StuckBehind } from './report.ts';
import type { Settler } from './settler.ts';
import type { StuckQueue, StuckQueues } from './stuck-queues.ts';
import type { Turn, Turnover } from './turnover.ts';

/** A wait that is worth an Event; most are over in milliseconds. */
const LONG_WAIT_MS = 1_000;
/** A session that its waiters revoke has been silent for a ttl, so this part of it with the lock. */
const LEAST_HOLD = 2 / 3;
const LOOK_EVERY_MS = 15_000;
/** What goes on is told again after this time. */
const REMIND_MS = 3_600_000;
/** Reads of sessions for what is told only: others wait for none of them. */
const READS = { burst: 20, perSecond: 5 };
const MOST_PENDING = 100;

type Ended = Extract<Turn, { type: 'ended' }>;
type Ending = Pick<Extract<Report, { type: 'lost' }>, 'how' | 'by'>;

const ENDED: Ending = { how: 'ended', by: REVOKER.supervisor };

interface Parts {
  readonly apiOf: (namespace: string) => LeaseApi;
  readonly clock: Clock;
  readonly pods: PodIndex;
  readonly turnover: Turnover;
  readonly stuck: StuckQueues;
  readonly settler: Settler;
  readonly report: Reporter;
}

/**
 * Finds out for people what the watch of the locks shows: who was granted a lock after a long wait, who
 * lost one and how, and which queues do not move. Most holds end by a release, and nothing is read for
 * those; where it may have been otherwise the session of the holder is read, a few times a second at most.
 */
export class Teller {
  readonly #parts: Parts;
  readonly #pace: Pace;
  /** Ends of holds that were not looked into yet. */
  #pending: Ended[] = [];
  readonly #bell = new Bell();
  /** Until when a queue needs not be told of again. */
  readonly #told = new Map<string, number>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.clock, READS);
  }

  /** Works until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const unsubscribe = this.#parts.turnover.subscribe((turn) => {
      if (turn.type === 'granted') this.#granted(turn);
      else this.#ended(turn);
    });
    try {
      await Promise.all([this.#lookIntoEnds(signal), this.#lookForStuck(signal)]);
    } finally {
      unsubscribe();
      this.#pending = [];
    }
  }

  #granted({ lock, entry, waitedMs = 0 }: Extract<Turn, { type: 'granted' }>): void {
    if (waitedMs < LONG_WAIT_MS) return;
    const { namespace, name, uid } = lock;
    const pod = this.#podNamed(namespace, entry);
    const { session } = entry;
    this.#parts.report({
      type: 'acquired',
      namespace,
      lock: name,
      lockUid: uid,
      session,
      pod,
      waitedMs,
    });
  }

  #ended(turn: Ended): void {
    if (!isWorthALook(turn) || this.#parts.settler.isKnownDead(sessionOf(turn))) return;
    // More than can be looked into: what is told is a courtesy.
    if (this.#pending.length >= MOST_PENDING) return;
    this.#pending.push(turn);
    this.#bell.ring();
  }

  async #lookIntoEnds(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const turn = this.#pending.shift();
      if (!turn) {
        await this.#bell.sleep(signal);
        continue;
      }
      await this.#pace.turn(signal);
      if (!isAborted(signal)) await this.#lookInto(turn);
    }
  }

  async #lookInto(turn: Ended): Promise<void> {
    const { settler, report } = this.#parts;
    const session = sessionOf(turn);
    // Meanwhile its death may have been proven, and is told by whoever did that.
    if (settler.isKnownDead(session)) return;
    // The session of a process that its supervisor has outlived is mostly gone.
    const isSigned = foreignWriterOf(turn) === REVOKER.supervisor;
    const lease = isSigned ? undefined : await this.#sessionLease(session);
    const ending = isSigned ? ENDED : lease && (await this.#endingOf(turn, lease));
    if (!ending) return;
    const { before, after } = turn;
    report({
      type: 'lost',
      ...ending,
      namespace: before.namespace,
      lock: before.name,
      lockUid: before.uid,
      session,
      pod: lease ? ownerOf(lease) : this.#podNamed(before.namespace, turn.entry),
      holders: after?.holders ?? [],
    });
  }

  /** How the hold ended, and by whom, if not by a release; undefined if it was one, or told already. */
  async #endingOf(turn: Ended, session: Lease): Promise<Ending | undefined> {
    const { before, after } = turn;
    if (isBlank(session)) {
      const by = revokerOf(session);
      if (by === undefined) return undefined;
      if (by === REVOKER.waiter) return { how: 'expired', by };
      if (by === REVOKER.supervisor) return ENDED;
      // Its owner at its own end; or somebody of leasehold who tells of it.
      return by.startsWith('leasehold') ? undefined : { how: 'stolen', by };
    }
    const writer = foreignWriterOf(turn);
    if (writer !== undefined) return { how: 'stolen', by: writer };
    if (isTakenOut(turn)) return { how: 'stolen', by: '' };
    // Nobody of leasehold deletes a lock for which somebody alive waits.
    if (!isDeletedWhileAwaited(turn)) return undefined;
    const [next] = before.queue;
    if (after || !next) return undefined;
    const waiter = await this.#sessionLease(sessionRef(before, next));
    return waiter && !isBlank(waiter) ? { how: 'stolen', by: '' } : undefined;
  }

  async #lookForStuck(signal: AbortSignal): Promise<void> {
    const { clock, stuck } = this.#parts;
    while (!signal.aborted) {
      const now = clock.now();
      for (const [key, until] of this.#told) if (until <= now) this.#told.delete(key);
      for (const queue of [...stuck.all()]) {
        if (isAborted(signal)) return;
        const { lock } = queue;
        const [next] = lock.queue;
        const key = [lock.uid, next?.id, ...lock.holders.map(({ id }) => id)].join(' ');
        if (!next || this.#told.has(key)) continue;
        if (await this.#tellStuck(queue, next, signal)) this.#told.set(key, now + REMIND_MS);
      }
      await pause(clock, LOOK_EVERY_MS, signal);
    }
  }

  /** @returns whether it could be found out what to tell */
  async #tellStuck(
    { lock, standsMs }: StuckQueue,
    next: IndexedEntry,
    signal: AbortSignal,
  ): Promise<boolean> {
    const [holder] = lock.holders;
    let behind: StuckBehind = lock.isUnreadable ? 'unreadable' : 'nobody';
    if (holder) {
      await this.#pace.turn(signal);
      const read = await this.#parts.apiOf(lock.namespace).get(holder.session);
      if (read.kind !== 'done' && !isMissing(read)) return false;
      behind = 'missing';
      if (read.kind === 'done') {
        const state = sessionState(read.body, read.serverTime, holder.sessionUid);
        if (state.state === 'blank') behind = 'blank';
        if (state.state === 'present') {
          behind = (state.renewedAgo ?? 0) > state.ttl ? 'silent' : 'alive';
        }
      }
    }
    this.#parts.report({
      type: 'stuck',
      namespace: lock.namespace,
      lock: lock.name,
      lockUid: lock.uid,
      session: next.session,
      pod: this.#podNamed(lock.namespace, next),
      waiting: lock.queue.length,
      standsMs,
      behind,
      holder: holder?.session,
    });
    return true;
  }

  async #sessionLease({ namespace, name, uid }: SessionRef): Promise<Lease | undefined> {
    const read = await this.#parts.apiOf(namespace).get(name);
    if (read.kind !== 'done') return undefined;
    return read.body.metadata.uid === uid && isSession(read.body) ? read.body : undefined;
  }

  /**
   * By its name, which begins that of the session: good enough to tell people, and costs no request.
   * Names of Pods that a session shortens or rewrites are not found.
   */
  #podNamed(namespace: string, { session }: IndexedEntry): PodRef | undefined {
    const name = session.replace(/-[0-9a-f]{8}$/, '');
    const pod = this.#parts.pods.named(namespace, name);
    return pod && { name: pod.name, uid: pod.uid };
  }
}

/** Whether it may have ended otherwise than by a release. */
function isWorthALook(turn: Ended): boolean {
  const { after, entry, heldMs = Infinity } = turn;
  if (foreignWriterOf(turn) !== undefined) return true;
  if (isTakenOut(turn) || isDeletedWhileAwaited(turn)) return true;
  // Who takes a lock from the dead grants it; one that is gone was released.
  return after !== undefined && heldMs >= LEAST_HOLD * entry.ttl * 1_000;
}

/**
 * Whoever releases or settles grants to the next in the same write. Of one that only takes something
 * away the server does not note who it was.
 */
function isTakenOut({ after, isAfterGap }: Ended): boolean {
  if (!after || isAfterGap || after.isUnreadable) return false;
  const [next] = after.queue;
  return after.holders.length === 0 && next !== undefined && !next.isNewer;
}

function isDeletedWhileAwaited({ before, after, isAfterGap }: Ended): boolean {
  return after === undefined && before.queue.length > 0 && !isAfterGap;
}

/** Who ended the hold by a write, if not one of those who wait and hold. */
function foreignWriterOf({ before, after }: Ended): string | undefined {
  if (!after || after.foreignWrite === before.foreignWrite) return undefined;
  return after.foreignWrite?.split(' ')[0];
}

function sessionOf({ before, entry }: Ended): SessionRef {
  return sessionRef(before, entry);
}

function sessionRef({ namespace }: IndexedLock, { session, sessionUid }: IndexedEntry): SessionRef {
  return { namespace, name: session, uid: sessionUid };
}

function ownerOf({ metadata }: Lease): PodRef | undefined {
  const [owner] = metadata.ownerReferences ?? [];
  return owner?.kind === 'Pod' ? { name: owner.name, uid: owner.uid } : undefined;
}

/** Aborted meanwhile: asked anew, as the compiler takes an earlier answer for lasting. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
