import type { Entry } from '../core/entry.ts';
import { FORMAT_VERSION } from '../core/entry.ts';
import type { LockRecord } from '../core/record.ts';
import { settle } from '../core/settle.ts';
import type { Settlement } from '../core/settle.ts';
import type { Attempt, LockTarget } from './context.ts';
import type { Place } from './place.ts';

/** Besides the holders, so many entries at the head of the queue are observed. */
const OBSERVED_WAITERS = 3;
/**
 * A lock that changes hands has no dead holder: only one that stands still for this long is worth
 * watching sessions for. Each place further back starts that much later.
 */
const OBSERVE_AFTER_MS = 1_000;
/** Who stands first settles at once, the others in turn should it not. */
const SETTLE_STAGGER_MS = 20;
const MOST_SETTLE_STAGGER_MS = 500;
/** A challenge is repeated after twice as long, up to so many ttl. */
const MOST_CHALLENGE_TTLS = 64;

type Seen = Place & { kind: 'absent' | 'waiting' };
type Write = Exclude<Settlement, { action: 'none' }>;

/**
 * What a waiter does for the lock while it waits: observes the sessions before it, works out when
 * the record has to be settled, and challenges a holder that lives but may not know that it holds.
 */
export class Observation {
  readonly #target: LockTarget;
  readonly #attempt: Attempt;
  readonly #followed = new Map<string, () => void>();
  readonly #unsubscribe: () => void;
  /** Of each holder: since when it has been there, when it was asked last, and the wait from then on. */
  readonly #challenges = new Map<string, { since: number; asked?: number; wait: number }>();
  #changed = false;
  #dueSince: number | undefined;
  #nextLook = Number.POSITIVE_INFINITY;

  constructor(target: LockTarget, attempt: Attempt, wake: () => void) {
    this.#target = target;
    this.#attempt = attempt;
    this.#unsubscribe = target.context.deaths.subscribe(() => {
      this.#changed = true;
      wake();
    });
  }

  stop(): void {
    this.#unsubscribe();
    for (const unfollow of this.#followed.values()) unfollow();
    this.#followed.clear();
  }

  /** Whether a session turned out to be dead since the last look. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Milliseconds until the record has to be looked at again, even without an event. */
  untilNextLook(most: number): number {
    return Math.min(most, Math.max(0, this.#nextLook - this.#now));
  }

  /** Looks at the record of this round. */
  look(found: Place): void {
    this.#changed = false;
    this.#nextLook = Number.POSITIVE_INFINITY;
    if (found.kind !== 'absent' && found.kind !== 'waiting') return;
    this.#voidStrays(found.record);
    const index = found.kind === 'waiting' ? found.index : found.record.queue.length;
    this.#follow(found.record, index);
    // Whoever stands before it asks sooner, if there is anybody: entries may all have been brought back.
    const { isDead } = this.#target.context.deaths;
    const living = found.record.queue.slice(0, index).filter((entry) => !isDead(entry));
    this.#challenge(found.record, living.length);
  }

  /** The settlement to write now: a holder is dead or void, or capacity is free. */
  due(found: Seen): Write | undefined {
    const settlement = this.#settlement(found.record);
    if (!settlement) {
      this.#dueSince = undefined;
      return undefined;
    }
    const now = this.#now;
    this.#dueSince ??= now;
    const index = found.kind === 'waiting' ? found.index : found.record.queue.length;
    const turn = Math.min(MOST_SETTLE_STAGGER_MS, index * SETTLE_STAGGER_MS);
    if (now >= this.#dueSince + turn) return settlement;
    this.#lookAt(this.#dueSince + turn);
    return undefined;
  }

  #settlement(record: LockRecord): Write | undefined {
    const { isDead } = this.#target.context.deaths;
    const settlement = settle(record, isDead);
    if (settlement.action === 'none') return undefined;
    const freed = record.holders.length === 0 || record.holders.some(isDead);
    // Dead waiters alone are dropped together with the next grant.
    const grants = settlement.action === 'write' && settlement.granted.length > 0;
    return settlement.action === 'delete' || freed || grants ? settlement : undefined;
  }

  #follow(record: LockRecord, index: number): void {
    const { deaths } = this.#target.context;
    const shortest = Math.min(...[...record.holders, ...record.queue].map((entry) => entry.ttl));
    const ttl = Number.isFinite(shortest) ? shortest * 1_000 : 0;
    const patience = Math.min(OBSERVE_AFTER_MS, ttl / 10) * (1 + index);
    const { progress } = this.#target;
    const least = Math.min(patience, ttl / 2);
    const from = progress.see(record, this.#now) + least;
    if (this.#now < from) this.#lookAt(from);
    // Of several holders each by itself: those of a busy semaphore are never all the same for long.
    const holders = record.holders.filter(({ id }) => this.#now >= progress.sinceOf(id) + least);
    if (this.#now < from && holders.length === 0) {
      this.#unfollowAllBut(new Set([...record.holders, ...record.queue].map((entry) => entry.id)));
      return;
    }
    const anyDead = [...record.holders, ...record.queue].some(deaths.isDead);
    const waiters = anyDead ? record.queue : record.queue.slice(0, OBSERVED_WAITERS);
    const wanted = new Map<string, Entry>();
    for (const entry of [...holders, ...(this.#now < from ? [] : waiters)]) {
      const own = this.#target.context.sessions.ownerOf(entry);
      // What this process no longer stands for is found dead as everybody else finds it.
      const isOurs = own?.valid && own.isCurrent(entry.id);
      if (entry.version <= FORMAT_VERSION && !isOurs) wanted.set(entry.id, entry);
    }
    this.#unfollowAllBut(wanted);
    const lock = this.#target.name.original;
    for (const [id, entry] of wanted) {
      if (!this.#followed.has(id)) this.#followed.set(id, deaths.follow(entry, lock, index));
    }
  }

  #unfollowAllBut(wanted: { has(id: string): boolean }): void {
    for (const [id, unfollow] of this.#followed) {
      if (wanted.has(id)) continue;
      unfollow();
      this.#followed.delete(id);
    }
  }

  /** An entry of this process that nobody here stands for would block the lock for ever. */
  #voidStrays(record: LockRecord): void {
    for (const entry of [...record.holders, ...record.queue]) {
      const owner = this.#target.context.sessions.ownerOf(entry);
      if (!owner?.isStray(entry.id)) continue;
      owner.voidAttempt(entry.id, 'found in the record after it had been given up');
    }
  }

  /** A holder that lives might not know that it holds: brought back by a restore, or by hand. */
  #challenge(record: LockRecord, index: number): void {
    const { deaths, parts } = this.#target.context;
    const asked = new Set<string>();
    const askedAt = ({ id }: Entry): number => this.#challenges.get(id)?.asked ?? -1;
    for (const entry of [...record.holders].sort((a, b) => askedAt(a) - askedAt(b))) {
      if (deaths.isDead(entry) || entry.version > FORMAT_VERSION) continue;
      if (entry.session === this.#attempt.session.name) continue;
      const ttl = entry.ttl * 1_000;
      const challenge = this.#challenges.get(entry.id) ?? { since: this.#now, wait: 2 * ttl };
      this.#challenges.set(entry.id, challenge);
      // Anew each time: those before it may have gone.
      const due = (challenge.asked ?? challenge.since) + challenge.wait * (1 + index);
      if (this.#now < due) {
        this.#lookAt(due);
        continue;
      }
      // There is room for one question in a session: the next one when that has been answered.
      if (asked.has(entry.session)) {
        this.#lookAt(this.#now + ttl);
        continue;
      }
      asked.add(entry.session);
      challenge.wait = Math.min(challenge.wait * 2, ttl * MOST_CHALLENGE_TTLS);
      challenge.asked = this.#now;
      const lock = this.#target.name.original;
      parts.observe({ type: 'challenge', lock, session: entry.session, attempt: entry.id });
      void deaths.challenge(entry);
      this.#lookAt(this.#now + challenge.wait * (1 + index));
    }
    for (const id of this.#challenges.keys()) {
      if (!record.holders.some((entry) => entry.id === id)) this.#challenges.delete(id);
    }
  }

  #lookAt(moment: number): void {
    this.#nextLook = Math.min(this.#nextLook, moment);
  }

  get #now(): number {
    return this.#target.context.parts.clock.now();
  }
}
