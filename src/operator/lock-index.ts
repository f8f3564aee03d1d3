import { FORMAT_VERSION } from '../core/entry.ts';
import type { Entry } from '../core/entry.ts';
import type { Lease } from '../core/lease.ts';
import { parseRecord } from '../core/record.ts';
import { REVOKER } from '../kube/lease-api.ts';

/** A session as a lock names it. */
export interface SessionRef {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What is kept of an entry. */
export interface IndexedEntry {
  readonly id: string;
  readonly session: string;
  readonly sessionUid: string;
  /** Seconds. */
  readonly ttl: number;
  /** Since when it waits or holds, by the clock of who wrote that. */
  readonly since: number | undefined;
  /** Written by a newer version, so that nobody of this one grants it anything. */
  readonly isNewer: boolean;
}

/** What is kept of a lock. */
export interface IndexedLock {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly holders: readonly IndexedEntry[];
  readonly queue: readonly IndexedEntry[];
  readonly isUnreadable: boolean;
  /** The last write by none of its processes, as the server noted it: who, and when. */
  readonly foreignWrite: string | undefined;
}

type Listener = (
  before: IndexedLock | undefined,
  after: IndexedLock | undefined,
  /** Whether changes in between may have been missed. */
  isAfterGap: boolean,
) => void;

/** What is kept of a lock; undefined for a Lease that is none. */
export function indexedLock(lease: Lease): IndexedLock | undefined {
  const { namespace, name, uid } = lease.metadata;
  if (typeof namespace !== 'string' || typeof name !== 'string') return undefined;
  try {
    const record = parseRecord(lease);
    return {
      namespace,
      name,
      uid: uid ?? '',
      holders: record.holders.map(indexed),
      queue: record.queue.map(indexed),
      isUnreadable: record.unreadableHolders.length > 0,
      foreignWrite: foreignWrite(lease),
    };
  } catch {
    return undefined;
  }
}

function indexed({ id, session, sessionUid, ttl, since, version }: Entry): IndexedEntry {
  return { id, session, sessionUid, ttl, since, isNewer: version > FORMAT_VERSION };
}

/** Those of leasehold that end the hold of another. */
const SIGNING: ReadonlySet<string> = new Set([REVOKER.repair, REVOKER.supervisor]);

function foreignWrite({ metadata }: Lease): string | undefined {
  let latest: { manager: string; time: string } | undefined;
  for (const { manager = '', time = '' } of metadata.managedFields ?? []) {
    if (manager.startsWith('leasehold') && !SIGNING.has(manager)) continue;
    // Of one form and in UTC, so that their order is that of the text.
    if (!latest || time > latest.time) latest = { manager, time };
  }
  return latest && `${latest.manager} ${latest.time}`;
}

/** The locks as a watch tells them, and which of them each session is in. */
export class LockIndex {
  readonly #locks = new Map<string, IndexedLock>();
  readonly #bySession = new Map<string, Set<string>>();
  readonly #listeners = new Set<Listener>();
  #isListing = false;

  /** Told of every change; of a list, of what differs from before. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get size(): number {
    return this.#locks.size;
  }

  all(): Iterable<IndexedLock> {
    return this.#locks.values();
  }

  /** Takes in all locks of these namespaces, or of all: what is not among them is gone. */
  listed(locks: readonly (IndexedLock | undefined)[], namespace: string | undefined): void {
    const present = new Set<string>();
    this.#isListing = true;
    for (const lock of locks) {
      if (!lock) continue;
      present.add(keyOf(lock));
      this.written(lock);
    }
    for (const [key, lock] of this.#locks) {
      const isListed = namespace === undefined || lock.namespace === namespace;
      if (isListed && !present.has(key)) this.deleted(lock);
    }
    this.#isListing = false;
  }

  written(lock: IndexedLock): void {
    const key = keyOf(lock);
    const before = this.#locks.get(key);
    if (before) this.#forget(key, before);
    this.#locks.set(key, lock);
    for (const session of sessionsOf(lock)) {
      const locks = this.#bySession.get(session);
      if (locks) locks.add(key);
      else this.#bySession.set(session, new Set([key]));
    }
    this.#tell(before, lock);
  }

  deleted(lock: Pick<IndexedLock, 'namespace' | 'name'>): void {
    const key = keyOf(lock);
    const before = this.#locks.get(key);
    if (!before) return;
    this.#forget(key, before);
    this.#locks.delete(key);
    this.#tell(before, undefined);
  }

  /** The locks that the session holds or waits for. */
  locksOf(session: SessionRef): IndexedLock[] {
    const keys = this.#bySession.get(sessionKey(session)) ?? [];
    return [...keys].map((key) => this.#locks.get(key)).filter((lock) => lock !== undefined);
  }

  /** The longest ttl that an entry of the session says: milliseconds; 0 if there is none. */
  longestTtl(session: SessionRef): number {
    let longest = 0;
    for (const { holders, queue } of this.locksOf(session)) {
      for (const entry of [...holders, ...queue]) {
        const isIts = entry.session === session.name && entry.sessionUid === session.uid;
        if (isIts) longest = Math.max(longest, entry.ttl * 1_000);
      }
    }
    return longest;
  }

  /**
   * Since when the one waits who has waited longest behind the session, by the clocks of those who
   * wait, as only a turn depends on it; undefined when nobody waits.
   */
  oldestWaiter(session: SessionRef): number | undefined {
    let oldest: number | undefined;
    for (const lock of this.locksOf(session)) {
      for (const { since, session: name } of lock.queue) {
        if (since === undefined || name === session.name) continue;
        if (oldest === undefined || since < oldest) oldest = since;
      }
    }
    return oldest;
  }

  #forget(key: string, lock: IndexedLock): void {
    for (const session of sessionsOf(lock)) {
      const locks = this.#bySession.get(session);
      locks?.delete(key);
      if (locks?.size === 0) this.#bySession.delete(session);
    }
  }

  #tell(before: IndexedLock | undefined, after: IndexedLock | undefined): void {
    for (const listener of this.#listeners) listener(before, after, this.#isListing);
  }
}

/** Which session an entry names, in one string. */
export function sessionKey({ namespace, name, uid }: SessionRef): string {
  return `${namespace}/${name}/${uid}`;
}

function sessionsOf({ namespace, holders, queue }: IndexedLock): Set<string> {
  return new Set(
    [...holders, ...queue].map(({ session, sessionUid }) =>
      sessionKey({ namespace, name: session, uid: sessionUid }),
    ),
  );
}

function keyOf({ namespace, name }: Pick<IndexedLock, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}
