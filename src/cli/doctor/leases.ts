import { FORMAT_VERSION } from '../../core/entry.ts';
import type { Entry } from '../../core/entry.ts';
import type { Facts, LockFacts, SessionFacts } from '../../inspect/facts.ts';
import type { Finding } from './finding.ts';

/** So many names are told at most. */
const MOST_NAMES = 5;

interface Leases {
  readonly locks: readonly LockFacts[];
  readonly sessions: ReadonlyMap<string, SessionFacts>;
  /** The server's clock: milliseconds since the epoch. */
  readonly at: number;
}

/** What the Leases of a namespace tell of trouble. */
export function checkLeases(facts: readonly Facts[], at: number): Finding[] {
  const locks = facts.filter((fact) => fact.kind === 'lock');
  const sessions = facts.filter((fact) => fact.kind === 'session');
  const leases: Leases = {
    locks,
    sessions: new Map(sessions.map((session) => [session.lease, session])),
    at,
  };
  return [
    silentSessions(leases),
    blankSessions(leases),
    orphanedLocks(leases),
    unreadable(leases),
    newer(leases),
  ].flat();
}

function silentSessions({ locks, sessions, at }: Leases): Finding {
  const silent = [...sessions.values()].filter(
    (session) => session.process !== undefined && isSilent(session, at),
  );
  const holding = new Set(locks.flatMap(({ holders }) => holders.map(({ session }) => session)));
  const live = [...sessions.values()].filter(({ process }) => process !== undefined).length;
  const base = {
    check: 'sessions',
    data: { sessions: live, silent: silent.map(({ lease }) => lease) },
  };
  if (silent.length === 0) {
    const all =
      live === 1 ? '1 session, which renews' : `${String(live)} sessions, and each renews`;
    return { ...base, level: 'good', message: live === 0 ? 'no session in this namespace' : all };
  }
  // Whoever holds nothing blocks nobody.
  const blocking = silent.filter(({ lease }) => holding.has(lease));
  const named = (blocking.length > 0 ? blocking : silent).map(({ lease }) => lease);
  return {
    ...base,
    level: 'warning',
    message: `${count(silent, 'session')} silent for over 2 ttl, ${blocking.length === 0 ? 'none of which holds a lock' : `of which ${String(blocking.length)} hold locks`}: ${names(named)}. Processes that died and left them`,
    remedy: `leasehold revoke ${named[0] ?? ''}`,
  };
}

/** One that was never renewed counts from when it was created. */
function isSilent({ renewedAt, startedAt, ttlSeconds }: SessionFacts, at: number): boolean {
  return at - (renewedAt ?? startedAt ?? 0) > 2_000 * ttlSeconds;
}

/** Whoever revokes a session deletes it one ttl later, unless it ends before. */
function blankSessions({ sessions, at }: Leases): Finding[] {
  const blank = [...sessions.values()].filter(
    (session) => session.process === undefined && isSilent(session, at),
  );
  if (blank.length === 0) return [];
  const named = blank.map(({ lease }) => lease);
  return [
    {
      check: 'blank-sessions',
      level: 'info',
      message: `${count(blank, 'revoked session')} left behind, which does no harm: ${names(named)}`,
      remedy: `leasehold revoke ${named[0] ?? ''} deletes it`,
      data: { blank: named },
    },
  ];
}

function orphanedLocks({ locks, sessions }: Leases): Finding[] {
  const isOrphan = (entry: Entry): boolean =>
    entry.version <= FORMAT_VERSION && sessions.get(entry.session)?.uid !== entry.sessionUid;
  const orphaned = locks.filter(({ holders }) => holders.some(isOrphan));
  if (orphaned.length === 0) {
    const total = locks.length;
    const text =
      total === 0
        ? 'no lock in this namespace is held'
        : `${count(locks, 'lock')} held or waited for`;
    return [{ check: 'locks', level: 'good', message: text, data: { locks: total } }];
  }
  const named = orphaned.map(({ name }) => name);
  return [
    {
      check: 'locks',
      level: 'warning',
      message: `${count(orphaned, 'lock')} of holders whose session is missing: ${names(named)}. Whoever waits frees such a lock after a ttl; without a waiter it stays`,
      remedy: `leasehold release ${shellWord(named[0] ?? '')} --force`,
      data: { locks: locks.length, orphaned: named },
    },
  ];
}

function unreadable({ locks }: Leases): Finding[] {
  const blocked = locks.filter(({ unreadableHolders }) => unreadableHolders.length > 0);
  const ignored = locks.filter(({ unreadableQueue }) => unreadableQueue.length > 0);
  const findings: Finding[] = blocked.map(({ name, unreadableHolders }) => ({
    check: 'unreadable',
    level: 'bad',
    message: `lock ${name} is blocked: the annotation of its holder ${unreadableHolders.join(', ')} cannot be read`,
    remedy: `find out who wrote it, and then: leasehold release ${shellWord(name)} --force --attempt ${unreadableHolders[0] ?? ''}`,
    data: { lock: name, attempts: unreadableHolders },
  }));
  if (ignored.length > 0) {
    const named = ignored.map(({ name }) => name);
    findings.push({
      check: 'unreadable',
      level: 'warning',
      message: `entries in the queue of ${names(named)} cannot be read, and are ignored`,
      remedy: `remove the annotation: kubectl annotate lease ${ignored[0]?.lease ?? ''} queue.leasehold.dev/${ignored[0]?.unreadableQueue[0] ?? ''}-`,
      data: { locks: named },
    });
  }
  return findings;
}

function newer({ locks }: Leases): Finding[] {
  const isNewer = ({ version }: Entry): boolean => version > FORMAT_VERSION;
  const named = locks
    .filter(({ holders, queue }) => holders.some(isNewer) || queue.some(isNewer))
    .map(({ name }) => name);
  if (named.length === 0) return [];
  return [
    {
      check: 'newer-entries',
      level: 'info',
      message: `a newer version of leasehold wrote entries of ${names(named)}: this one waits for them and never changes them`,
      remedy: 'use that version here, too',
      data: { locks: named },
    },
  ];
}

function count(all: readonly unknown[], what: string): string {
  return all.length === 1 ? `1 ${what} is` : `${String(all.length)} ${what}s are`;
}

function names(all: readonly string[]): string {
  const more = all.length - MOST_NAMES;
  return `${all.slice(0, MOST_NAMES).join(', ')}${more > 0 ? ` and ${String(more)} more` : ''}`;
}

/** What others wrote is not to run when it is pasted. */
function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
