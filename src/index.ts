export type { Barrier, BarrierOptions } from './barrier/barrier.ts';
export { connect } from './client/connect.ts';
export type { Leasehold } from './client/leasehold.ts';
export type { ConnectOptions } from './client/options.ts';
export type { Counter } from './counter/counter.ts';
export type { Duration } from './core/duration.ts';
export { LeaseholdError, isLeaseholdError } from './core/errors.ts';
export type { LeaseholdErrorCode } from './core/errors.ts';
export type { LeaseholdEvent, Observer } from './core/events.ts';
export type { Candidate } from './core/candidates.ts';
export type { MemberMetadata } from './core/member-metadata.ts';
export type { Election } from './election/election.ts';
export type { Leader } from './election/observe.ts';
export type { CampaignOptions, ElectionOptions, StandOptions } from './election/options.ts';
export type { Leadership } from './election/term.ts';
export type { Group, GroupState, JoinOptions, ObserveOptions } from './group/group.ts';
export type { Member } from './group/member.ts';
export type { Membership } from './group/membership.ts';
export type { Latch, LatchOptions } from './latch/latch.ts';
export type { Held } from './lock/held.ts';
export type { HeldAll } from './lock/held-all.ts';
export type { DetectDeadlock } from './lock/kept-holds.ts';
export type { LockAll } from './lock/lock-all.ts';
export type { AcquireOptions, Lock, TryOptions } from './lock/lock.ts';
export type { ReadWriteLock } from './lock/read-write-lock.ts';
export type {
  PermitOptions,
  Semaphore,
  SemaphoreOptions,
  TryPermitOptions,
} from './lock/semaphore.ts';
export type { RunOptions, RunResult, ScheduledJob } from './schedule/job.ts';
export type { ScheduledRun } from './schedule/live-run.ts';
export type { OnceOptions } from './schedule/options.ts';
export type { Shards, ShardsOptions, ShardsRunOptions } from './shards/shards.ts';
export type { OwnedShard, ShardWork } from './shards/tending.ts';
export type { WaitOptions } from './state/patience.ts';
export type { EventLogger } from './telemetry/log.ts';
