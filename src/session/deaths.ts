import type { Entry } from '../core/entry.ts';
import type { Lease } from '../core/lease.ts';
import type { Parts } from '../core/parts.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { WatchedSession } from './watched-session.ts';

/** So many sessions are remembered at most; a forgotten one is merely observed afresh. */
const MOST_REMEMBERED = 2_000;

/**
 * Which sessions are dead, as far as this process knows. What it has seen belongs to the process
 * and survives the attempts that looked, so that many short waits add up to one long one.
 */
export class Deaths {
  readonly #api: LeaseApi;
  readonly #parts: Parts;
  readonly #sessions = new Map<string, WatchedSession>();
  readonly #listeners = new Set<() => void>();
  readonly #burials = new Set<() => void>();

  constructor(api: LeaseApi, parts: Parts) {
    this.#api = api;
    this.#parts = parts;
  }

  /** Whether the entry stands for nothing any more: its session is dead, or disowns it. */
  readonly isDead = (entry: Entry): boolean => {
    const session = this.#sessions.get(keyOf(entry));
    return session !== undefined && (session.dead || session.isVoid(entry.id));
  };

  /** Observes the entry's session until the returned function is called. */
  follow(entry: Entry, lock: string, turn: number): () => void {
    const session = this.#sessionOf(entry);
    session.lock = lock;
    return session.follow(entry, turn);
  }

  /** See {@link WatchedSession.provenDeadNow}. */
  async provenDeadNow(entry: Entry, lock: string, signal?: AbortSignal): Promise<boolean> {
    const session = this.#sessionOf(entry);
    session.lock = lock;
    await session.provenDeadNow(entry, signal);
    return this.isDead(entry);
  }

  /** See {@link WatchedSession.seemsAlive}. */
  async seemsAlive(entry: Entry, signal?: AbortSignal): Promise<boolean> {
    const isAlive = await this.#sessionOf(entry).seemsAlive(entry, signal);
    return isAlive && !this.isDead(entry);
  }

  challenge(entry: Entry): Promise<void> {
    return this.#sessionOf(entry).challenge(entry.id);
  }

  /** Calls `listener` whenever another entry turns out to be dead. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    for (const session of this.#sessions.values()) session.stop();
    for (const cancel of this.#burials) cancel();
  }

  #sessionOf(entry: Entry): WatchedSession {
    const key = keyOf(entry);
    let session = this.#sessions.get(key);
    if (session) {
      this.#sessions.delete(key);
    } else {
      session = new WatchedSession(
        this.#api,
        this.#parts,
        { name: entry.session, uid: entry.sessionUid },
        {
          changed: () => {
            for (const listener of [...this.#listeners]) listener();
          },
          revoked: (lease, ttl) => {
            this.#buryLater(lease, ttl);
          },
        },
      );
    }
    // The map keeps the order of use: the first are the ones used longest ago.
    this.#sessions.set(key, session);
    this.#forget();
    return session;
  }

  /** A revoked session is of no use to anybody one ttl later. */
  #buryLater(lease: Lease, ttl: number): void {
    const cancel = this.#parts.clock.schedule(ttl, () => {
      this.#burials.delete(cancel);
      void this.#api.remove(lease);
    });
    this.#burials.add(cancel);
  }

  #forget(): void {
    if (this.#sessions.size <= MOST_REMEMBERED) return;
    for (const [key, session] of this.#sessions) {
      if (session.watched) continue;
      this.#sessions.delete(key);
      return;
    }
  }
}

function keyOf(entry: Entry): string {
  return `${entry.session} ${entry.sessionUid}`;
}
