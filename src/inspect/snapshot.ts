import { byPriority, candidateOf, candidatesOf } from '../core/candidates.ts';
import type { Entry } from '../core/entry.ts';
import { metadataOf } from '../core/member-metadata.ts';
import { limitOf, weightOf } from '../core/mode.ts';
import { leaseName } from '../core/names.ts';
import { entryOf } from '../core/schedule.ts';
import type {
  ElectionFacts,
  Facts,
  LockFacts,
  OtherFacts,
  ScheduleFacts,
  SessionFacts,
  StateFacts,
} from './facts.ts';
import { scheduleView } from './schedule-view.ts';
import type {
  CandidateView,
  ElectionView,
  EntryView,
  HolderView,
  LockState,
  LockView,
  OtherView,
  PermitsView,
  ScheduleView,
  SessionState,
  SessionView,
  StateView,
  View,
  WaiterView,
} from './views.ts';

/** Worst first: what one holder is decides what the lock is. */
const WORST: readonly LockState[] = ['void', 'blank', 'missing', 'overdue'];

interface Roles {
  /** Names of locks; each once, whatever it holds of it. */
  readonly holds: Set<string>;
  readonly waitsFor: Set<string>;
}

/** All Leases at one moment, and what they say of each other. */
export class Snapshot {
  readonly facts: readonly Facts[];
  /** The server's clock: milliseconds since the epoch. */
  readonly at: number;
  readonly #sessions = new Map<string, SessionFacts>();
  readonly #locks = new Map<string, LockFacts>();
  readonly #roles = new Map<string, Roles>();

  constructor(facts: readonly Facts[], at: number) {
    this.facts = facts;
    this.at = at;
    for (const fact of facts) {
      if (fact.kind === 'session') this.#sessions.set(keyOf(fact.namespace, fact.lease), fact);
      if (fact.kind !== 'lock') continue;
      this.#locks.set(keyOf(fact.namespace, fact.lease), fact);
      for (const entry of fact.holders) this.#rolesOf(fact, entry).holds.add(fact.name);
      for (const entry of fact.queue) this.#rolesOf(fact, entry).waitsFor.add(fact.name);
    }
  }

  view(facts: LockFacts): LockView;
  view(facts: ElectionFacts): ElectionView;
  view(facts: SessionFacts): SessionView;
  view(facts: ScheduleFacts): ScheduleView;
  view(facts: StateFacts): StateView;
  view(facts: OtherFacts): OtherView;
  view(facts: Facts): View;
  view(facts: Facts): View {
    switch (facts.kind) {
      case 'lock':
        return this.#lock(facts);
      case 'election':
        return this.#election(facts);
      case 'session':
        return this.#session(facts);
      case 'schedule':
        return scheduleView(facts, {
          at: this.at,
          entry: ({ namespace }, run) => this.#entry(namespace, entryOf(run), run.began),
        });
      case 'state':
        return this.#state(facts);
      case 'other':
        return this.#other(facts);
    }
  }

  /** Views made while they are gone through. */
  *views(facts: Iterable<Facts>): Generator<View, void, undefined> {
    for (const one of facts) yield this.view(one);
  }

  /** The session that the entry names, if it is there. */
  sessionOf(namespace: string, entry: Entry): SessionFacts | undefined {
    const session = this.#sessions.get(keyOf(namespace, entry.session));
    return session?.uid === entry.sessionUid ? session : undefined;
  }

  #lock(facts: LockFacts): LockView {
    const { namespace, name, lease, unreadableHolders, unreadableQueue } = facts;
    const holders = facts.holders.map((entry): HolderView => {
      // Of several only the last was granted when the Lease says.
      const alone = facts.holders.length === 1 ? facts.grantedAt : undefined;
      const since = entry.since ?? alone;
      return {
        ...this.#entry(namespace, entry, since),
        fence: entry.fence === undefined ? null : String(entry.fence),
        heldSeconds: this.#age(since),
      };
    });
    const queue = facts.queue.map((entry): WaiterView => ({
      ...this.#entry(namespace, entry, entry.since),
      waitedSeconds: this.#age(entry.since),
    }));
    const waits = queue.flatMap(({ waitedSeconds }) => waitedSeconds ?? []);
    return {
      kind: 'Lock',
      namespace,
      name,
      lease,
      state: lockState(facts, holders),
      mode: modeOf(facts),
      permits: permitsOf(facts),
      holders,
      queue,
      longestWaitSeconds: waits.length === 0 ? null : Math.max(...waits),
      unreadableHolders,
      unreadableQueue,
    };
  }

  #entry(namespace: string, entry: Entry, since: number | undefined): EntryView {
    const session = this.sessionOf(namespace, entry);
    const ttl = Math.max(entry.ttl, session?.ttlSeconds ?? 0);
    return {
      attempt: entry.id,
      session: entry.session,
      sessionState: session ? this.#stateOf(session, ttl) : 'missing',
      sessionRemainingSeconds: session?.process === undefined ? null : this.#left(session, ttl),
      sessionAgeSeconds: this.#age(session?.startedAt),
      process: session?.process ?? null,
      pod: session?.pod ?? null,
      mode: entry.mode,
      permits: entry.of === undefined ? null : entry.weight,
      statedPermits: entry.of ?? null,
      metadata: metadataOf(entry) ?? null,
      formatVersion: entry.version,
      void: session?.voided.has(entry.id) ?? false,
      challenged: session?.challenge === entry.id,
      since: rfc3339(since),
    };
  }

  #election(facts: ElectionFacts): ElectionView {
    const { namespace, name, lease, leader, transitions, durationSeconds } = facts;
    const renewedAgo = this.#age(facts.renewedAt);
    const isOverdue = renewedAgo === null || renewedAgo > Math.max(1, durationSeconds);
    return {
      kind: 'Election',
      namespace,
      name,
      lease,
      state: leader === undefined ? 'free' : isOverdue ? 'overdue' : 'led',
      leader: leader ?? null,
      since: rfc3339(facts.since),
      ledSeconds: this.#age(facts.since),
      transitions,
      renewed: rfc3339(facts.renewedAt),
      renewedAgoSeconds: renewedAgo,
      leaseDurationSeconds: durationSeconds,
      transferTo: facts.transferTo ?? null,
      resignRequested: facts.resignRequest !== undefined,
      resignTo: facts.resignRequest?.transferTo ?? null,
      strategy: facts.strategy ?? null,
      preferredHolder: facts.preferredHolder ?? null,
      value: facts.value ?? null,
      priority: facts.priority ?? null,
      candidates: this.#candidates(facts),
    };
  }

  #candidates({ namespace, lease }: ElectionFacts): CandidateView[] {
    const list = this.#locks.get(keyOf(namespace, leaseName(candidatesOf(lease)).lease));
    const candidates = (list?.holders ?? []).flatMap((entry): CandidateView[] => {
      const candidate = candidateOf(entry);
      if (!candidate) return [];
      const { session, sessionState } = this.#entry(namespace, entry, entry.since);
      return [{ ...candidate, session, sessionState }];
    });
    return candidates.sort(byPriority);
  }

  #session(facts: SessionFacts): SessionView {
    const { namespace, name, lease, process, pod, ttlSeconds } = facts;
    const roles = this.#roles.get(roleKey(namespace, lease, facts.uid));
    return {
      kind: 'Session',
      namespace,
      name,
      lease,
      state: this.#stateOf(facts, ttlSeconds),
      process: process ?? null,
      pod: pod ?? null,
      started: rfc3339(facts.startedAt),
      ageSeconds: this.#age(facts.startedAt),
      renewed: rfc3339(facts.renewedAt),
      renewedAgoSeconds: this.#age(facts.renewedAt),
      ttlSeconds,
      remainingSeconds: process === undefined ? null : this.#left(facts, ttlSeconds),
      holds: [...(roles?.holds ?? [])],
      waitsFor: [...(roles?.waitsFor ?? [])],
      voidAttempts: [...facts.voided],
      challenge: facts.challenge ?? null,
    };
  }

  #state(facts: StateFacts): StateView {
    const { namespace, name, lease, what, says, writes } = facts;
    return {
      kind: 'State',
      namespace,
      name,
      lease,
      what: what ?? null,
      says,
      writes,
      changed: rfc3339(facts.changedAt),
      changedAgoSeconds: this.#age(facts.changedAt),
    };
  }

  #other(facts: OtherFacts): OtherView {
    const { namespace, name, lease, description, holder } = facts;
    return {
      kind: 'Other',
      namespace,
      name,
      lease,
      description,
      holder: holder ?? null,
      renewed: rfc3339(facts.renewedAt),
      renewedAgoSeconds: this.#age(facts.renewedAt),
    };
  }

  #stateOf(session: SessionFacts, ttl: number): Exclude<SessionState, 'missing'> {
    if (session.process === undefined) return 'blank';
    const left = this.#left(session, ttl);
    return left === null || left < 0 ? 'overdue' : 'live';
  }

  /** Seconds that are left of the ttl; both clocks that tell it are whole seconds. */
  #left(session: SessionFacts, ttl: number): number | null {
    const age = this.#age(session.renewedAt);
    return age === null ? null : ttl - age;
  }

  #age(since: number | undefined): number | null {
    if (since === undefined) return null;
    // Another machine's clock may be ahead.
    return Math.max(0, Math.floor((this.at - since) / 1_000));
  }

  #rolesOf(lock: LockFacts, entry: Entry): Roles {
    const key = roleKey(lock.namespace, entry.session, entry.sessionUid);
    let roles = this.#roles.get(key);
    if (!roles) {
      roles = { holds: new Set(), waitsFor: new Set() };
      this.#roles.set(key, roles);
    }
    return roles;
  }
}

function lockState(facts: LockFacts, holders: readonly HolderView[]): LockState {
  if (facts.unreadableHolders.length > 0) return 'unreadable';
  if (holders.length === 0) return 'free';
  const states = holders.map((holder) =>
    holder.void ? 'void' : holder.sessionState === 'live' ? 'held' : holder.sessionState,
  );
  return WORST.find((state) => states.some((one) => one === state)) ?? 'held';
}

/** Of those who hold together; else of whoever is next. */
function modeOf({ holders, queue, resized }: LockFacts): string | null {
  const [holder, ...others] = holders;
  if (holder) return others.every(({ mode }) => mode === holder.mode) ? holder.mode : null;
  return queue[0]?.mode ?? (resized ? 'permit' : null);
}

function permitsOf(facts: LockFacts): PermitsView | null {
  if (modeOf(facts) !== 'permit') return null;
  const { holders, queue, resized } = facts;
  const stated = (holders[0] ?? queue[0])?.of ?? resized?.stated;
  if (stated === undefined) return null;
  return {
    held: weightOf(holders),
    limit: limitOf({ of: stated }, resized),
    stated,
    resized: resized?.stated === stated,
  };
}

function rfc3339(moment: number | undefined): string | null {
  return moment === undefined ? null : new Date(moment).toISOString();
}

function keyOf(namespace: string, lease: string): string {
  return `${namespace}/${lease}`;
}

function roleKey(namespace: string, session: string, uid: string): string {
  return `${namespace}/${session}/${uid}`;
}
