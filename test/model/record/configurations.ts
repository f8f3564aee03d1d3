import type { Configuration, Mode } from './configuration.ts';

const TWO: readonly Mode[] = ['exclusive', 'exclusive'];
const THREE: readonly Mode[] = ['exclusive', 'exclusive', 'exclusive'];

/** Explored on every run: seconds each. */
export const CONFIGURATIONS: readonly Configuration[] = [
  {
    name: 'doubt',
    about: 'two processes, twice each: a crash, an answer lost or late, a cancelled wait',
    modes: TWO,
    acquisitions: 2,
    events: { crashes: 1, losses: 1, cancels: 1 },
  },
  {
    name: 'sessions',
    about: 'a session that runs out unnoticed, and one that is deleted',
    modes: TWO,
    sessions: 2,
    events: { pauses: 1, sessionDeletions: 1 },
  },
  {
    name: 'three',
    about: 'three processes: a crash, and a session that runs out unnoticed',
    modes: THREE,
    sessions: 2,
    events: { crashes: 1, pauses: 1 },
  },
  {
    name: 'crashes',
    about: 'three processes, two of which end, and a cancelled wait',
    modes: THREE,
    events: { crashes: 2, cancels: 1 },
  },
  {
    name: 'shared',
    about: 'a writer and two readers: a crash, and a session that runs out unnoticed',
    modes: ['exclusive', 'shared', 'shared'],
    events: { crashes: 1, pauses: 1 },
  },
  {
    name: 'permits',
    about: 'two permits for three: a crash, a cancelled wait',
    modes: ['permit', 'permit', 'permit'],
    permits: 2,
    events: { crashes: 1, cancels: 1 },
  },
  {
    name: 'cohort',
    about: 'turns within a process: an answer lost or late, a cancelled wait',
    modes: TWO,
    acquisitions: 2,
    events: { localTurns: 2, losses: 1, cancels: 1 },
  },
  {
    name: 'challenge',
    about: 'a holder entry that comes back, and a question at any time',
    modes: TWO,
    acquisitions: 2,
    challenge: true,
    events: { restoredHolders: 1, strayChallenges: 1 },
  },
  {
    name: 'patch-out',
    about: 'a release that stops competing, a label on the lock, an answer lost or late',
    modes: TWO,
    acquisitions: 2,
    events: { patchOuts: 1, lockLabels: 1, losses: 1, cancels: 1 },
  },
  {
    name: 'full-queue',
    about: 'a waiter that leaves the queue and comes back, an answer lost or late',
    modes: THREE,
    events: { withdrawals: 1, losses: 1 },
  },
  {
    name: 'try',
    about: 'a process that queues and one that only tries: a crash, a pause, a lost answer',
    modes: TWO,
    triers: 1,
    sessions: 2,
    events: { crashes: 1, pauses: 1, losses: 1 },
  },
  {
    name: 'supervisor',
    about: 'a supervisor settles and blanks for a process that has ended, whose requests are late',
    modes: TWO,
    acquisitions: 2,
    supervisor: true,
    events: { crashes: 1, losses: 1 },
  },
  {
    name: 'operator',
    about: 'the operator does, and the container runs again with a new session',
    modes: TWO,
    sessions: 2,
    operator: true,
    events: { crashes: 1, restarts: 1, losses: 1 },
  },
  {
    name: 'guarded',
    about: 'the API server refuses what a waiter may not do, at times for too long',
    modes: THREE,
    guarded: true,
    events: { crashes: 2, hesitations: 1, pauses: 1 },
  },
  {
    name: 'guarded-try',
    about: 'the same, with one that queues and one that only tries',
    modes: TWO,
    triers: 1,
    acquisitions: 2,
    guarded: true,
    events: { crashes: 1, losses: 1, hesitations: 1 },
  },
  {
    name: 'strangers',
    about: 'somebody deletes and labels the lock, and removes a waiter',
    modes: THREE,
    events: { lockDeletions: 1, lockLabels: 1, queueEdits: 1 },
  },
];

/** More of everything: up to minutes each, by `npm run model -- --all`. */
export const LARGE: readonly Configuration[] = [
  {
    name: 'doubt-2',
    about: 'two processes, twice each: two answers lost or late, a cancelled wait',
    modes: TWO,
    acquisitions: 2,
    events: { losses: 2, cancels: 1 },
  },
  {
    name: 'sessions-2',
    about: 'sessions that run out and are deleted, an answer lost or late',
    modes: TWO,
    sessions: 2,
    events: { pauses: 1, sessionDeletions: 1, losses: 1 },
  },
  {
    name: 'three-2',
    about: 'three processes: a pause, an answer lost or late, a crash',
    modes: THREE,
    events: { pauses: 1, losses: 1, crashes: 1 },
  },
  {
    name: 'shared-2',
    about: 'a writer and two readers: a pause, an answer lost or late',
    modes: ['exclusive', 'shared', 'shared'],
    events: { pauses: 1, losses: 1 },
  },
  {
    name: 'patch-out-2',
    about: 'a release that stops competing, two answers lost or late, a cancelled wait',
    modes: TWO,
    acquisitions: 2,
    events: { patchOuts: 1, losses: 2, cancels: 1 },
  },
  {
    name: 'full-queue-2',
    about: 'waiters that leave the queue and come back, answers lost or late, a cancelled wait',
    modes: THREE,
    events: { withdrawals: 2, losses: 2, cancels: 1 },
  },
  {
    name: 'try-2',
    about: 'two that queue and one that tries: a crash, a pause, an answer lost or late',
    modes: THREE,
    triers: 1,
    events: { crashes: 1, pauses: 1, losses: 1 },
  },
  {
    name: 'supervisor-2',
    about: 'three processes, supervised and guarded: two end, an answer lost or late',
    modes: THREE,
    supervisor: true,
    guarded: true,
    events: { crashes: 2, losses: 1 },
  },
  {
    name: 'strangers-2',
    about:
      'somebody deletes the lock: two processes, twice each, an answer lost or late, a cancelled wait',
    modes: TWO,
    acquisitions: 2,
    events: { lockDeletions: 1, losses: 1, cancels: 1 },
  },
];
