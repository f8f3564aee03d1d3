export { connect } from './client/connect.ts';
export type { Leasehold } from './client/leasehold.ts';
export type { ConnectOptions } from './client/options.ts';
export type { Duration } from './core/duration.ts';
export { LeaseholdError, isLeaseholdError } from './core/errors.ts';
export type { LeaseholdErrorCode } from './core/errors.ts';
export type { LeaseholdEvent, Observer } from './core/events.ts';
export type { CampaignOptions, Election } from './election/election.ts';
export type { Leader } from './election/observe.ts';
export type { ElectionOptions } from './election/options.ts';
export type { Leadership } from './election/term.ts';
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
export type { EventLogger } from './telemetry/log.ts';
