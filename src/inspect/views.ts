import type { MemberMetadata } from '../core/member-metadata.ts';
import type { CatchUp, RunOutcome } from '../core/schedule.ts';

/**
 * What `leasehold ls` and `leasehold describe` tell, as it stands in their JSON: stable, and
 * documented in `docs/cli.md`. Moments are RFC 3339; `null` is what the Lease does not say. Seconds
 * are whole, counted on the API server's clock.
 */

/**
 * How a session looks to an observer. `overdue`: not renewed for its ttl, so that a waiter may revoke
 * it. `blank`: revoked, dead for everybody. `missing`: no session of that name and uid is there.
 */
export type SessionState = 'live' | 'overdue' | 'blank' | 'missing';

export interface EntryView {
  /** The attempt id. */
  readonly attempt: string;
  readonly session: string;
  readonly sessionState: SessionState;
  /** Seconds until its session is overdue; negative: for how long it has been. */
  readonly sessionRemainingSeconds: number | null;
  readonly sessionAgeSeconds: number | null;
  readonly process: string | null;
  readonly pod: string | null;
  /** `exclusive`, `shared` (a reader), `permit`, or what a newer version calls it. */
  readonly mode: string;
  /** How many permits it is for, and how many its program states that there are; null if none. */
  readonly permits: number | null;
  readonly statedPermits: number | null;
  /** Of a member of a group: what it says of itself; null if it is none. */
  readonly metadata: MemberMetadata | null;
  /** Of the entry's format; above 1 it is of a newer version of leasehold. */
  readonly formatVersion: number;
  /** The owner disowns it: it counts for nothing. */
  readonly void: boolean;
  /** A waiter has asked the owner whether it knows this entry. */
  readonly challenged: boolean;
  readonly since: string | null;
}

export interface HolderView extends EntryView {
  /** As `held.fence`, without the local turns; null until the record was rewritten once. */
  readonly fence: string | null;
  readonly heldSeconds: number | null;
}

export interface WaiterView extends EntryView {
  readonly waitedSeconds: number | null;
}

/**
 * `held`: by a holder that lives. `unreadable`: a holder's entry cannot be read, which blocks the
 * lock. `void`: its owner disowns it. `free`: nobody holds it. Otherwise the state of the worst
 * holder's session.
 */
export type LockState = 'held' | 'free' | 'overdue' | 'blank' | 'missing' | 'void' | 'unreadable';

/** The permits of a semaphore. */
export interface PermitsView {
  readonly held: number;
  /** How many may be held; fewer than are held after it was lowered. */
  readonly limit: number;
  /** How many its programs state that there are. */
  readonly stated: number;
  /** Whether the limit was changed, by `leasehold resize`. */
  readonly resized: boolean;
}

export interface LockView {
  readonly kind: 'Lock';
  readonly namespace: string;
  readonly name: string;
  readonly lease: string;
  readonly state: LockState;
  /** Of its holders, or if there are none of whoever is next; null if they differ or nobody is. */
  readonly mode: string | null;
  /** Null unless it is a semaphore. */
  readonly permits: PermitsView | null;
  readonly holders: readonly HolderView[];
  /** In the order in which they are granted. */
  readonly queue: readonly WaiterView[];
  readonly longestWaitSeconds: number | null;
  /** Attempt ids of entries that cannot be read. */
  readonly unreadableHolders: readonly string[];
  readonly unreadableQueue: readonly string[];
}

/** Who stands for an election, or leads, and has given a priority. */
export interface CandidateView {
  readonly identity: string;
  readonly priority: number;
  readonly session: string;
  readonly sessionState: SessionState;
}

export interface ElectionView {
  readonly kind: 'Election';
  readonly namespace: string;
  readonly name: string;
  readonly lease: string;
  /** `overdue`: the leader has not renewed for the Lease's duration, so that anybody may take over. */
  readonly state: 'led' | 'overdue' | 'free';
  readonly leader: string | null;
  readonly since: string | null;
  readonly ledSeconds: number | null;
  readonly transitions: number;
  readonly renewed: string | null;
  readonly renewedAgoSeconds: number | null;
  readonly leaseDurationSeconds: number;
  readonly transferTo: string | null;
  /** Whether the leader was asked to resign, and in whose favour. */
  readonly resignRequested: boolean;
  readonly resignTo: string | null;
  readonly strategy: string | null;
  readonly preferredHolder: string | null;
  /** What the leader tells of itself in this term. */
  readonly value: string | null;
  readonly priority: number | null;
  /** The best first. */
  readonly candidates: readonly CandidateView[];
}

export interface SessionView {
  readonly kind: 'Session';
  readonly namespace: string;
  readonly name: string;
  readonly lease: string;
  readonly state: Exclude<SessionState, 'missing'>;
  readonly process: string | null;
  readonly pod: string | null;
  readonly started: string | null;
  readonly ageSeconds: number | null;
  readonly renewed: string | null;
  readonly renewedAgoSeconds: number | null;
  readonly ttlSeconds: number;
  /** Seconds until it is overdue; negative: for how long it has been. Null when blank. */
  readonly remainingSeconds: number | null;
  /** Names of locks. */
  readonly holds: readonly string[];
  readonly waitsFor: readonly string[];
  readonly voidAttempts: readonly string[];
  readonly challenge: string | null;
}

/** A run that has not ended, as far as the record says. */
export interface RunView {
  readonly tick: string;
  readonly began: string;
  readonly ranSeconds: number;
  readonly process: string;
  readonly attempt: string;
  readonly session: string;
  readonly sessionState: SessionState;
  readonly pod: string | null;
  readonly void: boolean;
  /** As its work has it. */
  readonly fence: string;
}

export interface LastRunView {
  readonly tick: string;
  readonly began: string;
  readonly beganAgoSeconds: number;
  /** Null when its process did not say so. */
  readonly ended: string | null;
  readonly tookSeconds: number | null;
  readonly process: string;
  readonly session: string;
  readonly outcome: RunOutcome;
  readonly message: string | null;
}

export interface ScheduleView {
  readonly kind: 'Schedule';
  readonly namespace: string;
  readonly name: string;
  readonly lease: string;
  /** `idle`: nothing runs. `running`: in a process that lives; otherwise what its session is. */
  readonly state: 'idle' | 'running' | 'overdue' | 'blank' | 'missing' | 'void' | 'unreadable';
  /** Why it cannot be read. */
  readonly unreadable: string | null;
  readonly everySeconds: number | null;
  readonly cron: string | null;
  readonly timeZone: string | null;
  readonly atMostSeconds: number | null;
  readonly atLeastSeconds: number | null;
  readonly catchUp: CatchUp | null;
  readonly run: RunView | null;
  readonly last: LastRunView | null;
  /** When it is due next. */
  readonly next: string | null;
  readonly nextSeconds: number | null;
}

/** A counter, a latch or a barrier. */
export interface StateView {
  readonly kind: 'State';
  readonly namespace: string;
  readonly name: string;
  readonly lease: string;
  /** `counter`, `latch`, `barrier`, or what a newer version calls it; null when it cannot be read. */
  readonly what: string | null;
  /** In words: `42`, `1 of 3 left`, `open`, `2 of 3 arrived`, `broken`, `unreadable`. */
  readonly says: string;
  /** How often it was written. */
  readonly writes: number;
  readonly changed: string | null;
  readonly changedAgoSeconds: number | null;
}

export interface OtherView {
  readonly kind: 'Other';
  readonly namespace: string;
  readonly name: string;
  readonly lease: string;
  readonly description: string;
  readonly holder: string | null;
  readonly renewed: string | null;
  readonly renewedAgoSeconds: number | null;
}

/** An Event that Kubernetes keeps about a Lease. */
export interface EventView {
  readonly time: string | null;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  /** Who wrote it. */
  readonly source: string;
}

interface NamedLock {
  readonly namespace: string;
  readonly name: string;
  readonly lease: string;
}

/** One of those who wait for each other. */
export interface DeadlockMemberView {
  readonly session: string;
  readonly process: string | null;
  readonly pod: string | null;
  /** What it holds, for which the one before it waits; the first one holds that of the last. */
  readonly holds: NamedLock;
  readonly waitsFor: NamedLock;
  /** By which its process waits; or holds, if one task of it waits for another. */
  readonly attempt: string;
  readonly waitedSeconds: number | null;
}

export interface DeadlockView {
  readonly kind: 'Deadlock';
  /** What is known of the waits: see `docs/deadlocks.md`. */
  readonly proof: 'certain' | 'likely' | 'possible';
  readonly members: readonly DeadlockMemberView[];
}

export type View = LockView | ElectionView | SessionView | ScheduleView | StateView | OtherView;
