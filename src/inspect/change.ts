/**
 * What happened, as `leasehold watch -o json` tells it: stable, and documented in `docs/cli.md`.
 * `null` is what does not apply or is not known; seconds have three decimals at most.
 */
export interface Change {
  readonly kind: 'Change';
  /** When it was seen here: RFC 3339. */
  readonly time: string;
  readonly type: ChangeType;
  readonly namespace: string;
  /** Of the lock, election or session. */
  readonly name: string;
  readonly lease: string;
  readonly attempt: string | null;
  /** Who acquired, waits, was granted, released, lost or gave up. */
  readonly session: string | null;
  /** Of that session; or the leader. */
  readonly process: string | null;
  /** Granted, or leading: who had it before. */
  readonly from: string | null;
  /** Waiting: place in the queue, from 1. */
  readonly position: number | null;
  /** How long it was waited for. */
  readonly waitedSeconds: number | null;
  /** How long it was held, led or lived. */
  readonly heldSeconds: number | null;
  readonly fence: string | null;
  /** How it holds, or wants to: `exclusive`, `shared` (a reader), `permit`. */
  readonly mode: string | null;
  /** How many permits it is for; `resized`: how many there are now. */
  readonly permits: number | null;
  readonly reason: string | null;
}

/**
 * `lost`: of a holder that did not release: its session was revoked or is gone. `dropped`: the same of
 * a waiter. `overdue`: a session or leader was not seen renewing for its ttl; `renewed`: it was after
 * all.
 */
export type ChangeType =
  | 'acquired'
  | 'waiting'
  | 'granted'
  | 'released'
  | 'lost'
  | 'gave-up'
  | 'dropped'
  | 'unreadable'
  | 'resized'
  | 'session-began'
  | 'session-ended'
  | 'session-revoked'
  | 'session-overdue'
  | 'session-renewed'
  | 'leading'
  | 'resigned'
  | 'resign-requested'
  | 'leader-overdue'
  | 'leader-renewed';
