/**
 * Told what would have to be settled if this process died now: each session from its confirmed
 * creation until its end, and each attempt from before its first request until it has left its lock.
 */
export interface Announcer {
  sessionBegan(session: AnnouncedSession): void;
  sessionEnded(session: string): void;
  /** @param lock - the name of the lock's Lease */
  attemptBegan(session: string, attempt: string, lock: string): void;
  attemptSettled(attempt: string): void;
}

export interface AnnouncedSession {
  readonly name: string;
  readonly uid: string;
  /** Seconds. */
  readonly ttl: number;
}

/** Nobody listens. */
export const SILENT: Announcer = {
  sessionBegan: () => undefined,
  sessionEnded: () => undefined,
  attemptBegan: () => undefined,
  attemptSettled: () => undefined,
};
