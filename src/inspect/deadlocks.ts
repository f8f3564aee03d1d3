import { WaitGraph } from '../core/deadlock.ts';
import type { ContendedLock, Cycle, HeldUp, Member } from '../core/deadlock.ts';
import type { LockFacts, SessionFacts } from './facts.ts';
import type { Snapshot } from './snapshot.ts';
import type { DeadlockMemberView, DeadlockView } from './views.ts';

/** The most certain first: each with all waits that are at least as certain. */
const PROOFS: readonly {
  readonly proof: DeadlockView['proof'];
  readonly kinds: readonly HeldUp['kind'][];
}[] = [
  { proof: 'certain', kinds: ['awaited', 'yields'] },
  { proof: 'likely', kinds: ['awaited', 'yields', 'inside'] },
  { proof: 'possible', kinds: ['awaited', 'yields', 'inside', 'process'] },
];

/** Who waits for each other, the certain ones first; none that has a wait in common with one before it. */
export function deadlocksIn(snapshot: Snapshot): DeadlockView[] {
  const living = snapshot.facts.filter((one) => one.kind === 'lock').map(livingIn(snapshot));
  const sessions = snapshot.facts.filter((one) => one.kind === 'session');
  const waits = [...sessions.flatMap(told(snapshot)), ...processWaits(living)];
  const found: DeadlockView[] = [];
  const covered = new Set<string>();
  for (const { proof, kinds } of PROOFS) {
    const graph = new WaitGraph(
      living,
      waits.filter(({ kind }) => kinds.includes(kind)),
    );
    for (const cycle of graph.cycles()) {
      const behind = cycle.map(({ wait }) => wait.behind);
      if (behind.some((attempt) => covered.has(attempt))) continue;
      for (const attempt of behind) covered.add(attempt);
      found.push(viewOf(snapshot, proof, cycle));
    }
  }
  return found;
}

/** Without those that are dead, or seem to be: whoever wants the lock takes over from them. */
function livingIn(snapshot: Snapshot) {
  return (lock: LockFacts): ContendedLock => {
    const lives = (entry: LockFacts['holders'][number]): boolean => {
      const session = snapshot.sessionOf(lock.namespace, entry);
      return session !== undefined && isLive(snapshot, session) && !session.voided.has(entry.id);
    };
    return { ...lock, holders: lock.holders.filter(lives), queue: lock.queue.filter(lives) };
  };
}

function told(snapshot: Snapshot) {
  return (session: SessionFacts): HeldUp[] =>
    isLive(snapshot, session)
      ? session.waits.map((wait) => ({ ...wait, session: session.lease }))
      : [];
}

/** That a session holds something and waits for something: perhaps for two tasks. */
function processWaits(locks: readonly ContendedLock[]): HeldUp[] {
  const keptBy = new Map<string, string[]>();
  for (const { holders } of locks) {
    for (const { id, sessionUid } of holders) {
      const others = keptBy.get(sessionUid);
      if (others) others.push(id);
      else keptBy.set(sessionUid, [id]);
    }
  }
  return locks.flatMap(({ namespace, lease, queue }) =>
    queue.flatMap(({ id, session, sessionUid }): HeldUp[] => {
      const keeps = keptBy.get(sessionUid);
      if (!keeps) return [];
      return [{ kind: 'process', number: 0, session, namespace, lock: lease, behind: id, keeps }];
    }),
  );
}

function isLive(snapshot: Snapshot, session: SessionFacts): boolean {
  return snapshot.view(session).state === 'live';
}

function viewOf(snapshot: Snapshot, proof: DeadlockView['proof'], cycle: Cycle): DeadlockView {
  return { kind: 'Deadlock', proof, members: cycle.map((member) => memberOf(snapshot, member)) };
}

function memberOf(snapshot: Snapshot, { wait, holds, waitsFor }: Member): DeadlockMemberView {
  const session = snapshot.facts.find(
    (one) => one.kind === 'session' && one.lease === wait.session,
  );
  const { process, pod } = session?.kind === 'session' ? session : {};
  const entry = waitsFor.queue.find(({ id }) => id === wait.behind);
  return {
    session: wait.session,
    process: process ?? null,
    pod: pod ?? null,
    holds: { namespace: holds.namespace, name: holds.name, lease: holds.lease },
    waitsFor: { namespace: waitsFor.namespace, name: waitsFor.name, lease: waitsFor.lease },
    attempt: wait.behind,
    waitedSeconds:
      entry?.since === undefined
        ? null
        : Math.max(0, Math.floor((snapshot.at - entry.since) / 1_000)),
  };
}
