import { pause } from '../core/clock.ts';
import type { Clock, Random } from '../core/clock.ts';
import { ROLE_LABEL } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { isBlank, isSession, renewedAtServer } from '../core/session-lease.ts';
import { collectLeases, listError } from '../kube/lease-list.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import type { Requests } from '../kube/transport.ts';
import { bury, revoke } from '../repair/revoke.ts';
import { readSession } from '../repair/session-state.ts';
import { heartbeat } from '../session/sighting.ts';
import { briefly } from './brief.ts';
import { endOfSession, mayRunIn } from './death.ts';
import { sessionKey } from './lock-index.ts';
import type { LockIndex, SessionRef } from './lock-index.ts';
import { MissingSessions } from './missing-sessions.ts';
import { Orphans } from './orphans.ts';
import type { PodIndex } from './pod-index.ts';
import type { Reclaimer, Suspect } from './reclaim.ts';
import type { Reporter } from './report.ts';
import type { Settler } from './settler.ts';

const EVERY_MS = 300_000;
const AFTER_FAILURE_MS = 10_000;
/** Orphans are looked for in every twelfth sweep: each hour. */
const SWEEPS_BETWEEN_ORPHANS = 12;
/** A blank session is kept so long, or for its ttl if that is longer. */
const KEEP_BLANK_MS = 60_000;

type SessionState = 'live' | 'silent' | 'blank';

/** What the last sweep has found. */
export interface SessionSweep {
  /** How many sessions there are. */
  readonly counts: Readonly<Record<SessionState, number>>;
  /** Milliseconds since the last renewal of the session that has gone longest without, if not blank. */
  readonly oldestMs: number;
  /** When it was, on the wall clock; undefined before the first. */
  readonly at: number | undefined;
}

/** What is kept of a session while the others are read. */
interface Swept {
  readonly session: SessionRef;
  /** Milliseconds; infinite if it says none. */
  readonly ttl: number;
  readonly beat: string;
  readonly renewedAt: number | undefined;
  /** Whether its Pod is there, and tells of no end of it. */
  readonly mayRun: boolean;
  /** The Lease, if it is blank: without what the server notes of field owners. */
  readonly blank: Lease | undefined;
  readonly suspect: Suspect | undefined;
}

interface Parts {
  readonly requests: Requests;
  readonly apiOf: (namespace: string) => LeaseApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly namespaces: readonly (string | undefined)[];
  readonly pods: PodIndex;
  readonly index: LockIndex;
  readonly settler: Settler;
  readonly reclaimer: Reclaimer;
  readonly report: Reporter;
}

/**
 * What nobody else does: a look at all sessions, first when this operator becomes the leader, for
 * deaths that were reported while nobody led, and then every five minutes, for what is left behind.
 * The rules are in `docs/operations.md`.
 */
export class Housekeeping {
  readonly #parts: Parts;
  readonly #orphans: Orphans;
  /** Silent sessions whose process does not run, as far as is known: their heartbeat, and since when we see it. */
  readonly #silent = new Map<string, { beat: string; since: number }>();
  readonly #missing: MissingSessions;
  /** The longest ttl that each session was ever seen with, as others may edit it: milliseconds. */
  readonly #ttls = new Map<string, { session: SessionRef; ttl: number }>();
  #swept: SessionSweep = {
    counts: { live: 0, silent: 0, blank: 0 },
    oldestMs: 0,
    at: undefined,
  };

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#orphans = new Orphans(parts);
    this.#missing = new MissingSessions(parts);
  }

  get swept(): SessionSweep {
    return this.#swept;
  }

  /** Works until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts;
    // What was seen long ago says nothing: others have led since.
    this.#silent.clear();
    this.#missing.forget();
    for (let sweeps = 0; !signal.aborted;) {
      const done = await this.#sweep(signal);
      if (done && sweeps % SWEEPS_BETWEEN_ORPHANS === 0) await this.#orphans.look(signal);
      if (done) sweeps += 1;
      await pause(clock, done ? EVERY_MS * (0.9 + random() / 5) : AFTER_FAILURE_MS, signal);
    }
  }

  async #sweep(signal: AbortSignal): Promise<boolean> {
    let done = true;
    const counts = { live: 0, silent: 0, blank: 0 };
    let oldestMs = 0;
    const seen = new Set<string>();
    for (const namespace of this.#parts.namespaces) {
      // Known before the sessions are read: what an entry names was there before the entry.
      const locks = [...this.#parts.index.all()].filter(
        (lock) => namespace === undefined || lock.namespace === namespace,
      );
      const scope = { namespace, selector: `${ROLE_LABEL}=session` };
      const listed = await collectLeases(
        this.#parts.requests,
        scope,
        (lease) => this.#kept(lease),
        signal,
      );
      if (signal.aborted) return false;
      if (listed.kind !== 'done') {
        const error = listError(listed, scope, ['list']);
        this.#parts.report({ type: 'failed', what: 'read all sessions', error });
        done = false;
        continue;
      }
      const { leases, serverTime } = listed.body;
      const sessions = leases.filter((one) => one !== undefined).map((one) => this.#withTtl(one));
      const suspects = sessions.map(({ suspect }) => suspect).filter((one) => one !== undefined);
      const victims = this.#parts.reclaimer.judge(suspects, serverTime, signal);
      const reclaimed = new Set(victims.map(({ session }) => sessionKey(session)));
      const left = await this.#parts.reclaimer.reclaim(victims, signal);
      if (left.length > 0) done = false;
      for (const swept of sessions) {
        if (isAborted(signal)) return false;
        const silentMs = silenceOf(swept, serverTime);
        if (!swept.blank) oldestMs = Math.max(oldestMs, silentMs);
        const isReclaimed = reclaimed.has(sessionKey(swept.session));
        counts[await this.#tidy(swept, silentMs, isReclaimed)] += 1;
      }
      const present = new Set(sessions.map(({ session }) => sessionKey(session)));
      for (const key of present) seen.add(key);
      await this.#missing.drop(locks, {
        isListed: (session) => present.has(sessionKey(session)),
        ttlOf: (session) => this.#ttls.get(sessionKey(session))?.ttl ?? 0,
      });
    }
    if (done) this.#forget(seen);
    this.#swept = { counts, oldestMs, at: this.#parts.clock.wall() };
    return done;
  }

  /** What was noted of sessions that have gone meanwhile; of a missing one that a lock names the ttl counts. */
  #forget(present: ReadonlySet<string>): void {
    for (const key of this.#silent.keys()) if (!present.has(key)) this.#silent.delete(key);
    for (const [key, { session }] of this.#ttls) {
      const isNamed = present.has(key) || this.#parts.index.locksOf(session).length > 0;
      if (!isNamed) this.#ttls.delete(key);
    }
  }

  #kept(lease: Lease): Swept | undefined {
    const { managedFields: _, ...metadata } = lease.metadata;
    const { name, namespace = '', uid = '' } = metadata;
    if (!isSession(lease) || namespace === '' || uid === '') return undefined;
    const owner = metadata.ownerReferences?.[0]?.uid ?? '';
    const { pods } = this.#parts;
    const pod = pods.find(owner);
    const isSuspect = pod !== undefined && endOfSession(pod, lease) !== undefined;
    return {
      session: { namespace, name, uid },
      ttl: (lease.spec?.leaseDurationSeconds ?? Infinity) * 1_000,
      beat: heartbeat(lease, uid),
      renewedAt: renewedAtServer(lease),
      mayRun: pods.has(owner) && pod !== undefined && !isSuspect && mayRunIn(pod, lease),
      blank: isBlank(lease) ? { ...lease, metadata } : undefined,
      suspect: isSuspect ? { lease, pod } : undefined,
    };
  }

  /** With the longest ttl that is known of it: what others have made of it counts for nothing. */
  #withTtl(swept: Swept): Swept {
    const key = sessionKey(swept.session);
    const known = this.#ttls.get(key)?.ttl ?? 0;
    const ttl = Math.max(swept.ttl, known, this.#parts.index.longestTtl(swept.session));
    this.#ttls.set(key, { session: swept.session, ttl: Number.isFinite(ttl) ? ttl : known });
    return { ...swept, ttl };
  }

  async #tidy(swept: Swept, silentMs: number, isReclaimed: boolean): Promise<SessionState> {
    const { session, blank, ttl } = swept;
    try {
      if (blank) await this.#tidyBlank(session, blank, silentMs > ttl ? silentMs : 0);
      else if (!isReclaimed && silentMs > 2 * ttl) await this.#tidySilent(swept);
      else this.#silent.delete(sessionKey(session));
    } catch (error) {
      this.#parts.report({ type: 'failed', what: `tidy up session ${session.name}`, error });
    }
    if (blank) return 'blank';
    return silentMs > ttl ? 'silent' : 'live';
  }

  /** Dead for everybody: its entries are dropped, and when none is left it goes, a ttl later. */
  async #tidyBlank(session: SessionRef, lease: Lease, blankMs: number): Promise<void> {
    const { apiOf, index, settler, report } = this.#parts;
    if (index.locksOf(session).length > 0) {
      settler.isDead(session, undefined);
      await settler.settleLocksOf(session);
    } else if (blankMs > KEEP_BLANK_MS) {
      const isDeleted = await bury({ api: apiOf(session.namespace) }, lease);
      if (isDeleted) report({ type: 'deleted', session });
    }
  }

  /**
   * One whose Pod is gone, or that never had one, or whose container has ended, if that is no proof, is
   * revoked when we ourselves have seen no renewal for its ttl: as any waiter does, for locks that nobody
   * waits for.
   */
  async #tidySilent({ session, ttl, beat, mayRun }: Swept): Promise<void> {
    const { apiOf, clock, settler, report } = this.#parts;
    if (mayRun) return;
    const key = sessionKey(session);
    const seen = this.#silent.get(key);
    if (seen?.beat !== beat) {
      this.#silent.set(key, { beat, since: clock.now() });
      return;
    }
    if (clock.now() - seen.since <= ttl) return;
    const startedAt = clock.now();
    const workshop = briefly(apiOf(session.namespace), clock);
    const state = await readSession(workshop, session.name, session.uid);
    if (state.state !== 'present' || heartbeat(state.lease, session.uid) !== beat) return;
    const { kind } = await revoke(workshop, state, false);
    this.#silent.delete(key);
    if (kind !== 'revoked') return;
    const tookMs = clock.now() - startedAt;
    report({ type: 'revoked', session, by: 'silent', proof: undefined, tookMs });
    settler.isDead(session, undefined);
    await settler.settleLocksOf(session);
  }
}

/** Milliseconds since its last renewal, by the server's clock. */
function silenceOf({ renewedAt }: Swept, serverTime: number | undefined): number {
  return renewedAt === undefined || serverTime === undefined ? 0 : serverTime - renewedAt;
}

/** Aborted meanwhile: asked anew, as the compiler takes an earlier answer for lasting. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
