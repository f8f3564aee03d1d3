import type { Clock } from '../core/clock.ts';
import type { Entry } from '../core/entry.ts';
import { parseRecord } from '../core/record.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { isMissing } from '../kube/outcome.ts';
import { errorOf } from '../kube/status-error.ts';
import { settleLock } from '../repair/revoke.ts';
import { briefly } from './brief.ts';
import type { Proof } from './death.ts';
import { sessionKey } from './lock-index.ts';
import type { IndexedLock, LockIndex, SessionRef } from './lock-index.ts';
import type { Reporter } from './report.ts';

/** So many dead sessions are remembered; a forgotten one is merely left to the waiters. */
const MOST_REMEMBERED = 5_000;
/** Of one session at a time: a process may hold a thousand locks. */
const CONCURRENCY = 4;

interface Death {
  readonly session: SessionRef;
  readonly proof: Proof | undefined;
  /** On our clock. */
  readonly reportedAt: number;
  /** Whether its session is blank, or was missing; if not it is granted nothing, but loses nothing. */
  isFinal: boolean;
}

/** One lock that is being settled. */
interface Settling {
  readonly lasts: Promise<boolean>;
  /** Once more after that, for what may have become known too late for it. */
  next: Promise<boolean> | undefined;
}

/** Settles the locks of sessions that are known to be dead, by the function by which all settle. */
export class Settler {
  readonly #apiOf: (namespace: string) => LeaseApi;
  readonly #clock: Clock;
  readonly #index: LockIndex;
  readonly #report: Reporter;
  readonly #dead = new Map<string, Death>();
  /** Entries whose session has been missing for its ttl. */
  readonly #void = new Set<string>();
  readonly #settling = new Map<string, Settling>();

  constructor(parts: {
    apiOf: (namespace: string) => LeaseApi;
    clock: Clock;
    index: LockIndex;
    report: Reporter;
  }) {
    this.#apiOf = parts.apiOf;
    this.#clock = parts.clock;
    this.#index = parts.index;
    this.#report = parts.report;
  }

  /** It is about to be revoked: no lock is to be granted to it meanwhile. */
  isDying(session: SessionRef, proof: Proof | undefined): void {
    this.#note(session, proof);
  }

  /** It was not revoked after all. */
  isAlive(session: SessionRef): void {
    const key = sessionKey(session);
    if (this.#dead.get(key)?.isFinal === false) this.#dead.delete(key);
  }

  /** From now on the session counts for nothing. */
  isDead(session: SessionRef, proof: Proof | undefined): void {
    this.#note(session, proof).isFinal = true;
  }

  #note(session: SessionRef, proof: Proof | undefined): Death {
    const key = sessionKey(session);
    const known = this.#dead.get(key);
    if (known) return known;
    const death = { session, proof, reportedAt: this.#clock.now(), isFinal: false };
    this.#dead.set(key, death);
    this.#forget();
    return death;
  }

  #forget(): void {
    if (this.#dead.size <= MOST_REMEMBERED) return;
    const [oldest = ''] = this.#dead.keys();
    this.#dead.delete(oldest);
  }

  /** Whether it was said to be dead, so that what follows is told with its proof. */
  isKnownDead(session: SessionRef): boolean {
    return this.#dead.has(sessionKey(session));
  }

  /** Whether the lock names a session that is known to be dead: it needs to be settled. */
  concerns(lock: IndexedLock): boolean {
    return this.#dead.size > 0 && this.#deathIn(lock) !== undefined;
  }

  /**
   * Settles the locks that the index knows the session to be in, those first for which somebody waits.
   *
   * @returns whether all were settled
   */
  async settleLocksOf(session: SessionRef): Promise<boolean> {
    const awaited = (lock: IndexedLock): number => (lock.queue.length > 0 ? 0 : 1);
    const locks = this.#index
      .locksOf(session)
      .sort((a, b) => awaited(a) - awaited(b))
      .values();
    let isDone = true;
    const worker = async (): Promise<void> => {
      for (const lock of locks) if (!(await this.settle(lock))) isDone = false;
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    return isDone;
  }

  /**
   * Settles one lock, by all that is known now; once at a time, and what fails is reported.
   *
   * @returns whether it was settled
   */
  settle(lock: IndexedLock): Promise<boolean> {
    const running = this.#settling.get(lockKey(lock));
    if (!running) return this.#begin(lock);
    // It may have decided already: before a death that is known now, and for whoever has died.
    running.next ??= running.lasts.then(() => this.#begin(lock));
    return running.next;
  }

  #begin(lock: IndexedLock): Promise<boolean> {
    const key = lockKey(lock);
    const lasts = this.#settle(lock)
      .then(() => true)
      .catch((error: unknown) => {
        const what = `settle lock ${lock.name} in namespace ${lock.namespace}`;
        this.#report({ type: 'failed', what, error });
        return false;
      })
      .finally(() => {
        // If there is a next one, it takes this place.
        if (settling.next === undefined) this.#settling.delete(key);
      });
    const settling: Settling = { lasts, next: undefined };
    this.#settling.set(key, settling);
    return lasts;
  }

  /**
   * Settles a lock without these entries too: their sessions have been missing for a ttl.
   *
   * @returns whether it was settled
   */
  async drop(lock: IndexedLock, attempts: readonly string[]): Promise<boolean> {
    const keys = attempts.map((id) => voidKey(lock.namespace, id));
    for (const key of keys) this.#void.add(key);
    const isSettled = await this.settle(lock);
    for (const key of keys) this.#void.delete(key);
    return isSettled;
  }

  async #settle({ namespace, name, uid, holders }: IndexedLock): Promise<void> {
    const api = this.#apiOf(namespace);
    const workshop = briefly(api, this.#clock);
    const read = await api.get(name);
    if (isMissing(read)) return;
    if (read.kind !== 'done') throw errorOf(read, `read lock ${name}`);
    const record = parseRecord(read.body);
    const dropped = [...record.holders, ...record.queue].filter((one) =>
      this.#goes(namespace, one),
    );
    if (dropped.length === 0) return;
    const state = await settleLock(workshop, record, (entry) => this.#goes(namespace, entry));
    const death = dropped
      .map((entry) => this.#dead.get(keyOfEntry(namespace, entry)))
      .find((one) => one !== undefined);
    const held = holders.some(({ id }) => dropped.some((entry) => entry.id === id));
    this.#report({
      type: 'settled',
      namespace,
      lock: name,
      lockUid: uid,
      holders: state.holders,
      session: death?.session,
      proof: death?.proof,
      held,
      tookMs: death ? this.#clock.now() - death.reportedAt : 0,
    });
  }

  #goes(namespace: string, entry: Entry): boolean {
    if (this.#void.has(voidKey(namespace, entry.id))) return true;
    const death = this.#dead.get(keyOfEntry(namespace, entry));
    // Only what waits says what it has seen.
    return death !== undefined && (death.isFinal || entry.seen !== undefined);
  }

  #deathIn({ namespace, holders, queue }: IndexedLock): Death | undefined {
    for (const entry of [...holders, ...queue]) {
      const death = this.#dead.get(keyOfEntry(namespace, entry));
      if (death?.isFinal) return death;
    }
    return undefined;
  }
}

function lockKey({ namespace, name }: IndexedLock): string {
  return `${namespace}/${name}`;
}

function keyOfEntry(
  namespace: string,
  { session, sessionUid }: Pick<Entry, 'session' | 'sessionUid'>,
): string {
  return sessionKey({ namespace, name: session, uid: sessionUid });
}

function voidKey(namespace: string, id: string): string {
  return `${namespace}/${id}`;
}
