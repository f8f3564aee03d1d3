import type { LeaseholdEvent, Observer } from '../core/events.ts';

/** The part of a pino logger that leasehold uses. */
export interface EventLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

type Level = keyof EventLogger;
type Describe<T extends LeaseholdEvent['type']> = (
  event: Extract<LeaseholdEvent, { type: T }>,
) => string;

/**
 * Level and sentence of each event. Info is for what changes hands rarely; the steady state of a
 * busy lock is debug; a warning is something that a person may want to look into.
 */
export const LINES: { [T in LeaseholdEvent['type']]: readonly [Level, Describe<T>] } = {
  'session-started': ['debug', (event) => `session ${event.session} started`],
  'session-warning': [
    'warn',
    (event) =>
      `the session's renewal is overdue: all locks are lost in ${seconds(event.validForMs)} unless the API server answers`,
  ],
  'session-lost': [
    'error',
    (event) => `session ${event.session} was lost with all of its locks: ${event.detail}`,
  ],
  'session-ended': [
    'debug',
    (event) => `session ${event.session} ended${event.deleted ? '' : ', its Lease is left blank'}`,
  ],
  'session-revoked': [
    'warn',
    (event) =>
      `session ${event.session} is dead (${event.proof}, ${seconds(event.unseenMs)}): its locks are free`,
  ],
  waiting: ['debug', (event) => `waiting for lock ${event.lock} behind ${String(event.position)}`],
  acquired: ['debug', (event) => `acquired lock ${event.lock}`],
  granted: ['debug', (event) => `granted lock ${event.lock} to ${event.to}`],
  settled: [
    'info',
    (event) => `settled lock ${event.lock} for others: dropped ${event.dropped.join(', ')}`,
  ],
  released: ['debug', (event) => `released lock ${event.lock}`],
  lost: ['error', (event) => `lost lock ${event.lock}: ${event.reason}`],
  doubt: [
    'info',
    (event) => `whether the ${event.request} of lock ${event.lock} was done is unknown`,
  ],
  void: ['info', (event) => `attempt ${event.attempt} was declared void: ${event.why}`],
  challenge: [
    'info',
    (event) => `asked session ${event.session} whether it knows that it holds lock ${event.lock}`,
  ],
  deadlock: ['warn', (event) => `a deadlock: ${event.cycle}`],
  'queue-full': [
    'warn',
    (event) => `the queue of lock ${event.lock} is full (${String(event.waiting)} wait)`,
  ],
  unreadable: ['warn', (event) => `Lease ${event.lease} cannot be read: ${event.detail}`],
  'api-trouble': ['warn', (event) => event.error],
  leading: ['info', (event) => `leading ${event.election}`],
  'leadership-warning': [
    'warn',
    (event) =>
      `the renewal of ${event.election} is overdue: leadership is lost in ${seconds(event.validForMs)} unless the API server answers`,
  ],
  'leadership-lost': ['error', (event) => `lost leadership of ${event.election}: ${event.detail}`],
  'resign-requested': ['info', (event) => `asked to resign leadership of ${event.election}`],
  'leadership-released': ['info', (event) => `resigned leadership of ${event.election}`],
  preempting: [
    'info',
    (event) => `asked ${event.leader} to hand ${event.election} over, for a higher priority`,
  ],
  unhealthy: [
    'warn',
    (event) => `not healthy, so that it does not stand for ${event.election}: ${event.detail}`,
  ],
  healthy: ['info', (event) => `healthy again, and may stand for ${event.election}`],
  'leader-changed': ['info', (event) => `leader of ${event.election}: ${event.leader ?? 'nobody'}`],
  'run-began': ['info', (event) => `runs ${event.schedule} of ${event.tick}`],
  'run-ended': [
    'info',
    (event) => `the run of ${event.schedule} of ${event.tick} is over: ${event.outcome}`,
  ],
  'run-failed': [
    'error',
    (event) =>
      `the run of ${event.schedule} of ${event.tick} is over: ${event.outcome}: ${event.error}`,
  ],
  'tick-missed': [
    'warn',
    (event) =>
      `${event.schedule} was not run at ${event.tick}: ${event.reason === 'late' ? 'nobody could for a minute' : 'the run before it was not over'}`,
  ],
  'member-joined': ['info', (event) => `joined group ${event.group}`],
  'member-left': ['info', (event) => `left group ${event.group}`],
  'membership-lost': [
    'error',
    (event) => `lost the membership of group ${event.group}: ${event.reason}`,
  ],
  'group-changed': [
    'debug',
    (event) =>
      `group ${event.group} has ${String(event.members)} members: ${String(event.joined.length)} came, ${String(event.left.length)} went`,
  ],
  'shards-assigned': [
    'info',
    (event) =>
      `${String(event.assigned)} of the ${String(event.count)} shards of ${event.shards} are ours, among ${String(event.members)} members`,
  ],
  'shard-started': [
    'debug',
    (event) => `shard ${String(event.shard)} of ${event.shards} begins here`,
  ],
  'shard-ended': [
    'debug',
    (event) => `shard ${String(event.shard)} of ${event.shards} ended here: ${event.reason}`,
  ],
  'shard-failed': [
    'error',
    (event) =>
      `shard ${String(event.shard)} of ${event.shards} failed, again in ${seconds(event.retryInMs)}: ${event.error}`,
  ],
};

/** Writes each event as one structured line; bigint fences as text. */
export function logTo(logger: EventLogger): Observer {
  return (event) => {
    const [level, describe] = LINES[event.type] as readonly [Level, (of: LeaseholdEvent) => string];
    const fields = 'fence' in event ? { ...event, fence: String(event.fence) } : event;
    logger[level](fields, describe(event));
  };
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(1)} s`;
}
