import type { Lease } from './lease.ts';

/**
 * Told what would have to be settled if this process died now: each session from its confirmed
 * creation until its end, each attempt from before its first request until it has left its lock, and
 * each term of an election from before the request that begins it until it has left the Lease.
 */
export interface Announcer {
  sessionBegan(session: AnnouncedSession): void;
  sessionEnded(session: string): void;
  /** @param lock - the name of the lock's Lease */
  attemptBegan(session: string, attempt: string, lock: string): void;
  attemptSettled(attempt: string): void;
  /** In place of the term of the same election that was announced before. */
  termBegan(term: AnnouncedTerm): void;
  /**
   * Does nothing when another term of that election is announced.
   *
   * @param election - the name of its Lease
   */
  termEnded(election: string, acquireTime: string): void;
  /**
   * The Lease that names an attempt or a term, as it was last seen: whoever settles it then need not
   * read it first. It may be outdated. Undefined where nobody looks at it any more.
   *
   * @param key - the attempt's id, or the name of the election's Lease
   */
  seen?(key: string, lease: Lease | undefined): void;
}

export interface AnnouncedSession {
  readonly name: string;
  readonly uid: string;
  /** Seconds. */
  readonly ttl: number;
}

/** The Lease of an election tells a term by these. */
export interface AnnouncedTerm {
  /** The name of its Lease. */
  readonly election: string;
  readonly identity: string;
  readonly acquireTime: string;
}

/** Nobody listens. */
export const SILENT: Announcer = {
  sessionBegan: () => undefined,
  sessionEnded: () => undefined,
  attemptBegan: () => undefined,
  attemptSettled: () => undefined,
  termBegan: () => undefined,
  termEnded: () => undefined,
};
