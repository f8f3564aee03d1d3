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
  'leader-changed': ['info', (event) => `leader of ${event.election}: ${event.leader ?? 'nobody'}`],
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
