import type { Entry } from '../../../src/core/entry.ts';
import type { Lease } from '../../../src/core/lease.ts';
import { HOLDER_PREFIX, QUEUE_PREFIX } from '../../../src/core/record.ts';
import type { Session } from '../../../src/session/session.ts';
import type { Host } from '../../../src/testing/virtual/host.ts';
import type { VirtualTime } from '../../../src/testing/virtual/time.ts';
import type { Knowledge } from '../invariants/records.ts';

interface Known {
  readonly process: string;
  readonly host: Host;
  readonly session: Session;
}

/** What is true of all sessions, by their own state, asked without their noticing. */
export class Registry implements Knowledge {
  readonly #time: VirtualTime;
  readonly #sessions = new Map<string, Known>();
  readonly #people = new Set<string>();
  /** Attempts that a person took out of a record, and sessions that a person ended. */
  readonly #stolen = new Set<string>();

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** What this process writes is what people do. */
  person(process: string): void {
    this.#people.add(process);
  }

  isPerson(process: string): boolean {
    return this.#people.has(process);
  }

  /** The process was told that its session exists. */
  began(process: string, host: Host, session: Session): void {
    this.#sessions.set(session.uid, { process, host, session });
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

  /** A person has changed a Lease. */
  edited({ before, after }: { before: Lease | undefined; after: Lease | undefined }): void {
    if (!before) return;
    const { annotations = {}, uid = '' } = before.metadata;
    for (const key of Object.keys(annotations)) {
      if (!key.startsWith(HOLDER_PREFIX)) continue;
      // One that waits joins again, as the same attempt.
      const id = key.slice(HOLDER_PREFIX.length);
      if (!this.#names(after, id)) this.#stolen.add(id);
    }
    // Deleted, it is only missing: its process has a ttl to learn of it.
    if (after && !after.spec?.holderIdentity) this.#stolen.add(uid);
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
