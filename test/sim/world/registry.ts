import type { Entry } from '../../../src/core/entry.ts';
import type { Lease } from '../../../src/core/lease.ts';
import { HOLDER_PREFIX, QUEUE_PREFIX } from '../../../src/core/record.ts';
import type { Session } from '../../../src/session/session.ts';
import type { Host } from '../../../src/testing/virtual/host.ts';
import type { VirtualTime } from '../../../src/testing/virtual/time.ts';
import type { Knowledge, Write } from '../invariants/records.ts';

interface Known {
  readonly process: string;
  readonly host: Host;
  readonly session: Session;
  readonly beganAt: number;
}

/** What is true of all sessions, by their own state, asked without their noticing. */
export class Registry implements Knowledge {
  readonly #time: VirtualTime;
  readonly #sessions = new Map<string, Known>();
  /** What each means to take away; undefined where that is not known. */
  readonly #people = new Map<string, Set<string> | undefined>();
  /**
   * Attempts that a person took out of a record, until they are granted again, and sessions that a person
   * ended.
   */
  readonly #stolen = new Set<string>();

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /**
   * What this process writes is what people do.
   *
   * @param target - the attempt, or the uid of the session, that they mean to end; without one, whatever
   * they take away is stolen
   */
  person(process: string, target?: string): void {
    const targets = this.#people.get(process);
    if (target === undefined) this.#people.set(process, undefined);
    else if (targets) targets.add(target);
    else this.#people.set(process, new Set([target]));
  }

  /** Whether it is a person of whom nobody knows what they mean to do. */
  isUnaccountable(process: string): boolean {
    return this.#people.has(process) && this.#people.get(process) === undefined;
  }

  /** The process was told that its session exists. */
  began(process: string, host: Host, session: Session): void {
    if (this.#sessions.has(session.uid)) return;
    this.#sessions.set(session.uid, { process, host, session, beganAt: this.#time.now });
  }

  /** In true time; undefined if no process was told of it. */
  beganAt(sessionUid: string): number | undefined {
    return this.#sessions.get(sessionUid)?.beganAt;
  }

  ownerOf(sessionUid: string): string | undefined {
    return this.#sessions.get(sessionUid)?.process;
  }

  isRelied(sessionUid: string): boolean {
    const known = this.#sessions.get(sessionUid);
    return known !== undefined && !this.#stolen.has(sessionUid) && this.#isValid(known);
  }

  isStoodFor(entry: Entry): boolean {
    if (!this.isRelied(entry.sessionUid) || this.#stolen.has(entry.id)) return false;
    return this.#sessions.get(entry.sessionUid)?.session.isCurrent(entry.id) ?? false;
  }

  /** Whether the process relies on the session of this attempt. */
  isAttemptRelied(attempt: string): boolean {
    const known = this.#ofAttempt(attempt);
    return known !== undefined && this.#isValid(known);
  }

  /** Whether a person took it away, or its session. */
  isStolen(attempt: string): boolean {
    return (
      this.#stolen.has(attempt) || this.#stolen.has(this.#ofAttempt(attempt)?.session.uid ?? '')
    );
  }

  /** Somebody has changed a Lease: what a person has taken away by that is stolen from now on. */
  wrote({ before, after, process }: Write): void {
    for (const id of holdersOf(after)) {
      if (!holdersOf(before).includes(id)) this.#stolen.delete(id);
    }
    if (!before || (process !== undefined && !this.#people.has(process))) return;
    const targets = process === undefined ? undefined : this.#people.get(process);
    const isMeant = (target: string): boolean => targets?.has(target) ?? true;
    for (const id of holdersOf(before)) {
      // One that waits joins again, as the same attempt.
      if (!this.#names(after, id) && isMeant(id)) this.#stolen.add(id);
    }
    // Deleted, it is only missing: its process has a ttl to learn of it.
    const { uid = '' } = before.metadata;
    if (after && !after.spec?.holderIdentity && isMeant(uid)) this.#stolen.add(uid);
  }

  #names(lease: Lease | undefined, id: string): boolean {
    const annotations = lease?.metadata.annotations ?? {};
    return HOLDER_PREFIX + id in annotations || QUEUE_PREFIX + id in annotations;
  }

  #isValid({ host, session }: Known): boolean {
    if (host.state === 'crashed' || session.signal.aborted) return false;
    return host.localOf(this.#time.now) < session.validUntil;
  }

  #ofAttempt(attempt: string): Known | undefined {
    const suffix = attempt.slice(0, attempt.indexOf('-'));
    for (const known of this.#sessions.values()) {
      if (known.session.suffix === suffix) return known;
    }
    return undefined;
  }
}

/** The attempt ids, whether they can be read or not. */
function holdersOf(lease: Lease | undefined): string[] {
  return Object.keys(lease?.metadata.annotations ?? {})
    .filter((key) => key.startsWith(HOLDER_PREFIX))
    .map((key) => key.slice(HOLDER_PREFIX.length));
}
