import type { RunOutcome } from './schedule.ts';

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
  | { type: 'preempting'; election: string; leader: string; priority: number }
  | { type: 'unhealthy'; election: string; detail: string }
  | { type: 'healthy'; election: string }
  | { type: 'leader-changed'; election: string; leader: string | undefined }
  | {
      type: 'run-began';
      schedule: string;
      tick: string;
      attempt: string;
      fence: bigint;
      lateMs: number;
    }
  | {
      type: 'run-ended';
      schedule: string;
      tick: string;
      attempt: string;
      outcome: RunOutcome;
      ranMs: number;
      confirmed: boolean;
    }
  | {
      type: 'run-failed';
      schedule: string;
      tick: string;
      attempt: string;
      outcome: RunOutcome;
      ranMs: number;
      confirmed: boolean;
      error: string;
    }
  | { type: 'tick-missed'; schedule: string; tick: string; reason: 'late' | 'running' }
  | { type: 'member-joined'; group: string; member: string }
  | { type: 'member-left'; group: string; member: string; confirmed: boolean }
  | { type: 'membership-lost'; group: string; member: string; reason: string }
  | {
      type: 'group-changed';
      group: string;
      members: number;
      joined: readonly string[];
      left: readonly string[];
    }
  | { type: 'shards-assigned'; shards: string; members: number; assigned: number; count: number }
  | { type: 'shard-started'; shards: string; shard: number; fence: bigint }
  | { type: 'shard-ended'; shards: string; shard: number; reason: string }
  | { type: 'shard-failed'; shards: string; shard: number; error: string; retryInMs: number };

/** Receives every event. What it throws is logged and changes nothing. */
export type Observer = (event: LeaseholdEvent) => void;
