import type { Clock } from '../core/clock.ts';
import type { Entry } from '../core/entry.ts';
import { isSameResizing } from '../core/permits.ts';
import type { Change, ChangeType } from './change.ts';
import type { ElectionFacts, Facts, LockFacts, SessionFacts } from './facts.ts';
import { Heartbeats, renewalOf } from './heartbeats.ts';
import type { Listed } from './list.ts';

type Details = Partial<
  Omit<Change, 'kind' | 'time' | 'type' | 'namespace' | 'name' | 'lease' | 'heldSeconds'>
> & { readonly held?: number | undefined; readonly waited?: number | undefined };

/**
 * Tells from successive states of Leases what happened. It compares states, so a state that it is told
 * twice, or a list after a gap, changes nothing but what is new.
 */
export class ChangeTracker {
  readonly #clock: Clock;
  readonly #tell: (change: Change) => void;
  readonly #known = new Map<string, Facts>();
  /** Since when an attempt waits or holds, or a leader leads, where that was seen to begin. */
  readonly #beginnings = new Map<string, number>();
  readonly #beats: Heartbeats;
  /** The server's clock less this machine's. */
  #offset = 0;
  #started = false;

  constructor(clock: Clock, tell: (change: Change) => void) {
    this.#clock = clock;
    this.#tell = tell;
    this.#beats = new Heartbeats(clock);
  }

  get known(): readonly Facts[] {
    return [...this.#known.values()];
  }

  /** Takes in all that there is. The first time it tells nothing: nothing is known to have changed. */
  listed({ facts, at }: Listed): void {
    this.#offset = at - this.#clock.wall();
    const there = new Map(facts.map((one) => [keyOf(one), one]));
    if (this.#started) this.#compare(facts, (one) => !there.has(keyOf(one)));
    this.#known.clear();
    for (const [key, one] of there) {
      this.#known.set(key, one);
      this.#note(one, Math.max(0, at - (renewalOf(one)?.at ?? at)));
    }
    this.#beats.keep(there);
    // What was overdue before is no news.
    if (!this.#started) this.#beats.becameLate(this.#known);
    this.#started = true;
  }

  /** Sessions that are there first and those that are gone last, as locks are told with them. */
  #compare(facts: readonly Facts[], isGone: (facts: Facts) => boolean): void {
    const isSession = ({ kind }: Facts): boolean => kind === 'session';
    const isOther = (one: Facts): boolean => !isSession(one);
    const gone = this.known.filter(isGone);
    const take = (one: Facts): void => {
      this.#take(this.#known.get(keyOf(one)), one, true);
      this.#known.set(keyOf(one), one);
    };
    facts.filter(isSession).forEach(take);
    for (const one of gone.filter(isOther)) this.#take(one, undefined, true);
    facts.filter(isOther).forEach(take);
    for (const one of gone.filter(isSession)) this.#take(one, undefined, true);
  }

  written(facts: Facts): void {
    const key = keyOf(facts);
    const before = this.#known.get(key);
    this.#take(before, facts, false);
    this.#known.set(key, facts);
    if (renewalOf(facts)?.id !== (before && renewalOf(before)?.id)) this.#note(facts, 0);
  }

  deleted(facts: Facts): void {
    const key = keyOf(facts);
    const before = this.#known.get(key);
    if (before) this.#take(before, undefined, false);
    this.#known.delete(key);
    this.#beats.forget(key);
  }

  /** Nothing was heard for a while: nobody is late for that. */
  resumed(): void {
    this.#beats.resumed();
  }

  /** Looks who is late; to be called about every second while the watch is heard. */
  tick(): void {
    for (const late of this.#beats.becameLate(this.#known)) this.#sayOfBeat(late, 'overdue');
  }

  #note(facts: Facts, ago: number): void {
    if (this.#beats.note(keyOf(facts), facts, ago)) this.#sayOfBeat(facts, 'renewed');
  }

  #sayOfBeat(facts: Facts, what: 'overdue' | 'renewed'): void {
    if (facts.kind === 'session') {
      const { lease: session, process = null } = facts;
      this.#say(facts, `session-${what}`, { session, process });
    } else if (facts.kind === 'election') {
      this.#say(facts, `leader-${what}`, { process: facts.leader ?? null });
    }
  }

  #take(before: Facts | undefined, after: Facts | undefined, afterGap: boolean): void {
    // Deleted and made again, or made into something else: the one ended, the other began.
    if (before && after && (before.uid !== after.uid || before.kind !== after.kind)) {
      if (before.kind !== 'lock' || after.kind !== 'lock') {
        this.#take(before, undefined, afterGap);
        this.#take(undefined, after, afterGap);
        return;
      }
    }
    const kind = (after ?? before)?.kind;
    if (kind === 'lock') this.#lock(as(before, 'lock'), as(after, 'lock'), afterGap);
    else if (kind === 'session')
      this.#session(as(before, 'session'), as(after, 'session'), afterGap);
    else if (kind === 'election')
      this.#election(as(before, 'election'), as(after, 'election'), afterGap);
  }

  #lock(before: LockFacts | undefined, after: LockFacts | undefined, afterGap: boolean): void {
    const lock = after ?? before;
    if (!lock) return;
    const held = new Map(before?.holders.map((entry) => [entry.id, entry]));
    const waited = new Map(before?.queue.map((entry) => [entry.id, entry]));
    const holds = new Set(after?.holders.map(({ id }) => id));
    const waits = new Set(after?.queue.map(({ id }) => id));
    const key = (id: string): string => `${lock.namespace} ${id}`;

    const gone = [...held.values()].filter(({ id }) => !holds.has(id));
    for (const entry of gone) {
      const reason = this.#deathOf(lock, entry, afterGap);
      const since = entry.since ?? (held.size === 1 ? before?.grantedAt : undefined);
      this.#say(lock, reason === undefined ? 'released' : 'lost', {
        ...this.#who(lock, entry),
        held: this.#lasted(key(entry.id), since),
        reason: reason ?? null,
      });
    }
    const from = gone.map(({ session }) => session).join(', ');
    for (const entry of after?.holders ?? []) {
      if (held.has(entry.id)) continue;
      const queued = waited.get(entry.id);
      this.#say(lock, queued ? 'granted' : 'acquired', {
        ...this.#who(lock, entry),
        ...(from === '' ? {} : { from }),
        ...(queued ? { waited: this.#lasted(key(entry.id), queued.since) } : {}),
        fence: entry.fence === undefined ? null : String(entry.fence),
      });
      if (!afterGap) this.#beginnings.set(key(entry.id), this.#clock.now());
    }
    for (const [index, entry] of (after?.queue ?? []).entries()) {
      if (waited.has(entry.id) || held.has(entry.id) || holds.has(entry.id)) continue;
      this.#say(lock, 'waiting', { ...this.#who(lock, entry), position: index + 1 });
      if (!afterGap) this.#beginnings.set(key(entry.id), this.#clock.now());
    }
    for (const entry of waited.values()) {
      if (waits.has(entry.id) || holds.has(entry.id)) continue;
      const reason = this.#deathOf(lock, entry, afterGap);
      this.#say(lock, reason === undefined ? 'gave-up' : 'dropped', {
        ...this.#who(lock, entry),
        waited: this.#lasted(key(entry.id), entry.since),
        reason: reason ?? null,
      });
    }
    this.#resizing(before, after);
    for (const id of after?.unreadableHolders ?? []) {
      if (!before?.unreadableHolders.includes(id)) {
        this.#say(lock, 'unreadable', { attempt: id, reason: 'the annotation of a holder' });
      }
    }
  }

  /** A Lease that is gone, or new with programs that state so, has changed nothing. */
  #resizing(before: LockFacts | undefined, after: LockFacts | undefined): void {
    const [was, is] = [before?.resized, after?.resized];
    const now = is ?? was;
    if (!after || !now || isSameResizing(was, is)) return;
    const { stated } = now;
    this.#say(after, 'resized', {
      mode: 'permit',
      permits: is?.limit ?? stated,
      reason: is ? `its programs state ${String(stated)}` : 'as its programs state',
    });
  }

  #session(
    before: SessionFacts | undefined,
    after: SessionFacts | undefined,
    afterGap: boolean,
  ): void {
    const session = after ?? before;
    if (!session) return;
    const process = before?.process ?? after?.process;
    const who = { session: session.lease, process: process ?? null };
    const key = `${keyOf(session)} ${session.uid}`;
    const lasted = (): Details => ({ held: this.#lasted(key, session.startedAt) });
    const wasAlive = before?.process !== undefined;
    if (after?.process !== undefined && !before) {
      this.#say(session, 'session-began', who);
      if (!afterGap) this.#beginnings.set(key, this.#clock.now());
    } else if (after && after.process === undefined && wasAlive) {
      this.#say(session, 'session-revoked', { ...who, ...lasted() });
    } else if (!after && wasAlive) {
      // One that was revoked is deleted later: that is no news.
      this.#say(session, 'session-ended', { ...who, ...lasted() });
    }
  }

  #election(
    before: ElectionFacts | undefined,
    after: ElectionFacts | undefined,
    afterGap: boolean,
  ): void {
    const election = after ?? before;
    if (!election) return;
    const changed =
      before?.leader !== after?.leader ||
      (before !== undefined && after !== undefined && before.transitions !== after.transitions);
    const key = keyOf(election);
    const isOver = changed && before?.leader !== undefined;
    const led = isOver ? this.#lasted(key, before.since) : undefined;
    if (changed && after?.leader !== undefined && !afterGap) {
      this.#beginnings.set(key, this.#clock.now());
    }
    if (changed && after?.leader !== undefined) {
      this.#say(election, 'leading', {
        process: after.leader,
        ...(before?.leader === undefined ? {} : { from: before.leader, held: led }),
      });
    } else if (changed && before?.leader !== undefined) {
      this.#say(election, 'resigned', {
        process: before.leader,
        held: led,
        reason: after ? null : 'the Lease was deleted',
      });
    }
    if (after?.resignRequest && !before?.resignRequest && after.leader !== undefined) {
      const { transferTo } = after.resignRequest;
      this.#say(election, 'resign-requested', {
        process: after.leader,
        reason: transferTo === undefined ? null : `in favour of ${transferTo}`,
      });
    }
  }

  /** Why an entry went that its owner did not remove; undefined if the owner did, as far as is known. */
  #deathOf(lock: LockFacts, entry: Entry, afterGap: boolean): string | undefined {
    const session = this.#sessionOf(lock, entry);
    if (session?.voided.has(entry.id)) return 'void';
    if (session && session.process === undefined) return 'session revoked';
    if (!session && !afterGap) return 'session missing';
    return undefined;
  }

  #who(lock: LockFacts, entry: Entry): Details {
    const process = this.#sessionOf(lock, entry)?.process ?? null;
    const permits = entry.of === undefined ? null : entry.weight;
    return { attempt: entry.id, session: entry.session, process, mode: entry.mode, permits };
  }

  #sessionOf({ namespace }: LockFacts, entry: Entry): SessionFacts | undefined {
    const found = this.#known.get(`${namespace}/${entry.session}`);
    return found?.kind === 'session' && found.uid === entry.sessionUid ? found : undefined;
  }

  /** Milliseconds since it was seen to begin, else since the Lease says that it did. */
  #lasted(key: string, since: number | undefined): number | undefined {
    const begun = this.#beginnings.get(key);
    this.#beginnings.delete(key);
    return begun === undefined ? this.#since(since) : this.#clock.now() - begun;
  }

  #since(moment: number | undefined): number | undefined {
    if (moment === undefined) return undefined;
    return Math.max(0, this.#clock.wall() + this.#offset - moment);
  }

  #say(facts: Facts, type: ChangeType, { held, waited, ...details }: Details): void {
    this.#tell({
      kind: 'Change',
      time: new Date(this.#clock.wall()).toISOString(),
      type,
      namespace: facts.namespace,
      name: facts.name,
      lease: facts.lease,
      attempt: null,
      session: null,
      process: null,
      from: null,
      position: null,
      waitedSeconds: secondsOf(waited),
      heldSeconds: secondsOf(held),
      fence: null,
      mode: null,
      permits: null,
      reason: null,
      ...details,
    });
  }
}

function keyOf(facts: Facts): string {
  return `${facts.namespace}/${facts.lease}`;
}

function as<Kind extends Facts['kind']>(
  facts: Facts | undefined,
  kind: Kind,
): Extract<Facts, { kind: Kind }> | undefined {
  return facts?.kind === kind ? (facts as Extract<Facts, { kind: Kind }>) : undefined;
}

function secondsOf(milliseconds: number | undefined): number | null {
  return milliseconds === undefined ? null : Math.round(milliseconds) / 1_000;
}
