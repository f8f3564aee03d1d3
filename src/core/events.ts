/**
 * What happens to locks, elections and sessions, for logs, metrics and hooks; `docs/telemetry.md` says
 * what each means. `waitedMs` and the like are milliseconds.
 */
export type LeaseholdEvent =
  | { type: 'session-started'; session: string; ttlSeconds: number }
  | { type: 'session-warning'; session: string; validForMs: number }
  | { type: 'session-lost'; session: string; reason: string; detail: string }
  | { type: 'session-ended'; session: string; deleted: boolean }
  | { type: 'session-revoked'; session: string; lock: string; unseenMs: number; proof: string }
  | { type: 'waiting'; lock: string; attempt: string; position: number }
  | {
      type: 'acquired';
      lock: string;
      attempt: string;
      fence: bigint;
      waitedMs: number;
      how: 'created' | 'granted' | 'downgraded' | 'local';
    }
  | { type: 'granted'; lock: string; to: string }
  | { type: 'settled'; lock: string; dropped: readonly string[]; granted: readonly string[] }
  | { type: 'released'; lock: string; attempt: string; heldMs: number; confirmed: boolean }
  | { type: 'lost'; lock: string; attempt: string; reason: string }
  | { type: 'doubt'; lock: string; attempt: string; request: string; error: string }
  | { type: 'void'; session: string; attempt: string; why: string }
  | { type: 'challenge'; lock: string; session: string; attempt: string }
  | { type: 'deadlock'; lock: string; sessions: readonly string[]; cycle: string }
  | { type: 'queue-full'; lock: string; waiting: number }
  | { type: 'unreadable'; lease: string; detail: string }
  | { type: 'api-trouble'; lease: string; error: string }
  | { type: 'leading'; election: string; identity: string; fence: bigint }
  | { type: 'leadership-warning'; election: string; validForMs: number }
  | { type: 'leadership-lost'; election: string; reason: string; detail: string }
  | { type: 'resign-requested'; election: string; transferTo: string | undefined }
  | { type: 'leadership-released'; election: string; transferTo: string | undefined }
  | { type: 'leader-changed'; election: string; leader: string | undefined };

/** Receives every event. What it throws is logged and changes nothing. */
export type Observer = (event: LeaseholdEvent) => void;
