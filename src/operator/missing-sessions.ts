import type { Clock } from '../core/clock.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { isMissing } from '../kube/outcome.ts';
import { sessionKey } from './lock-index.ts';
import type { IndexedLock, SessionRef } from './lock-index.ts';
import type { Settler } from './settler.ts';

const REMEMBERED_MS = 86_400_000;

/** Who knows of sessions that were seen, or are there. */
export interface KnownSessions {
  /** Whether a list that was read after the entries shows it. */
  readonly isListed: (session: SessionRef) => boolean;
  /** The largest ttl that is known of it: milliseconds. */
  readonly ttlOf: (session: SessionRef) => number;
}

/**
 * Drops entries whose session is missing. A list by labels proves nothing, as labels are taken away by
 * hand; and a missing session was renewed until it was deleted. So its ttl is counted from a read that
 * has not found it, and one after that has to say the same.
 */
export class MissingSessions {
  readonly #apiOf: (namespace: string) => LeaseApi;
  readonly #clock: Clock;
  readonly #settler: Settler;
  /** Entries whose session a read has not found: since when. */
  readonly #since = new Map<string, number>();

  constructor(parts: { apiOf: (namespace: string) => LeaseApi; clock: Clock; settler: Settler }) {
    this.#apiOf = parts.apiOf;
    this.#clock = parts.clock;
    this.#settler = parts.settler;
  }

  /** What was seen long ago says nothing: others have led since. */
  forget(): void {
    this.#since.clear();
  }

  /** Sends a GET for each session that is not listed, and a read and a write for each lock to settle. */
  async drop(locks: readonly IndexedLock[], known: KnownSessions): Promise<void> {
    const before = this.#clock.now() - REMEMBERED_MS;
    for (const [key, since] of this.#since) if (since < before) this.#since.delete(key);
    const reads = new Map<string, Promise<boolean | undefined>>();
    for (const lock of locks) {
      const due: string[] = [];
      for (const { id, session, sessionUid, ttl } of [...lock.holders, ...lock.queue]) {
        const key = `${lock.namespace}/${lock.name}/${id}`;
        const ref = { namespace: lock.namespace, name: session, uid: sessionUid };
        // What a newer version wrote may name its session in another way.
        const isNamed = session !== '' && sessionUid !== '';
        if (!isNamed || known.isListed(ref)) {
          this.#since.delete(key);
          continue;
        }
        const read = reads.get(sessionKey(ref)) ?? this.#isMissing(ref);
        reads.set(sessionKey(ref), read);
        const missingMs = this.#missingMs(key, await read);
        if (missingMs > Math.max(ttl * 1_000, known.ttlOf(ref))) due.push(id);
      }
      if (due.length === 0) continue;
      // What could not be settled is due in the next sweep, too.
      if (!(await this.#settler.drop(lock, due))) continue;
      for (const id of due) this.#since.delete(`${lock.namespace}/${lock.name}/${id}`);
    }
  }

  /** For how long it is known to have been missing, by this read and the first that said so. */
  #missingMs(key: string, isMissing: boolean | undefined): number {
    if (isMissing === false) this.#since.delete(key);
    if (isMissing !== true) return 0;
    const now = this.#clock.now();
    const since = this.#since.get(key) ?? now;
    this.#since.set(key, since);
    return now - since;
  }

  /** Undefined when there was no answer. */
  async #isMissing({ namespace, name, uid }: SessionRef): Promise<boolean | undefined> {
    const read = await this.#apiOf(namespace).get(name);
    if (isMissing(read)) return true;
    return read.kind === 'done' ? read.body.metadata.uid !== uid : undefined;
  }
}
