import { unlessAborted } from '../core/abort.ts';
import { pause } from '../core/clock.ts';
import type { Entry } from '../core/entry.ts';
import { LeaseholdError } from '../core/errors.ts';
import { microTime } from '../core/lease.ts';
import type { Lease, OwnerReference } from '../core/lease.ts';
import { sessionPrefix } from '../core/names.ts';
import type { Parts } from '../core/parts.ts';
import type { Principal } from '../core/principal.ts';
import type { Wait } from '../core/waits.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { isMissing } from '../kube/outcome.ts';
import type { Outcome } from '../kube/outcome.ts';
import { errorOf, isTemporary } from '../kube/status-error.ts';
import { SILENT } from '../core/announcer.ts';
import type { Announcer } from '../core/announcer.ts';
import { Session, sessionTimes } from './session.ts';
import { blanked, isBlank, newSessionLease } from '../core/session-lease.ts';

export interface SessionOptions {
  /** The pod's or the host's name. */
  readonly identity: string;
  /** Seconds. */
  readonly ttl: number;
  readonly owner: OwnerReference | undefined;
  readonly principal?: Principal;
  /** The container of the owner. */
  readonly container?: string | undefined;
  /** Nobody is told if undefined. */
  readonly announcer?: Announcer | undefined;
}

const LIMITS = { lane: 'heartbeats', deadline: 3_000 } as const;
/** What cannot be removed in so many ttls is left to the operator. */
const MOST_BURIALS = 10;
const FIRST_RETRY_MS = 100;
const MOST_RETRY_MS = 2_000;

/**
 * The sessions of this process in one namespace: one in general, begun when first needed; a new one
 * when it is lost or has too many void attempts.
 */
export class Sessions {
  readonly #api: LeaseApi;
  readonly #parts: Parts;
  readonly #options: SessionOptions;
  readonly #announcer: Announcer;
  #current: Session | undefined;
  #starting: Promise<Session> | undefined;
  readonly #all = new Set<Session>();
  readonly #ending = new Map<Session, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(api: LeaseApi, parts: Parts, options: SessionOptions) {
    this.#api = api;
    this.#parts = parts;
    this.#options = options;
    this.#announcer = options.announcer ?? SILENT;
  }

  /**
   * A session that may stand for a new attempt; its creation is confirmed. While the API server
   * cannot be reached it keeps trying.
   *
   * @throws LeaseholdError `CLOSED`, or the error of a definite refusal (`FORBIDDEN`, ...)
   */
  async current(): Promise<Session> {
    if (this.#closing.signal.aborted) throw closed();
    const session = this.#current;
    if (session?.open) return session;
    if (session) this.#retire(session);
    this.#current = undefined;
    this.#starting ??= this.#start().finally(() => (this.#starting = undefined));
    return this.#starting;
  }

  /** The session of this process that the entry names, until it has ended. */
  ownerOf(entry: Entry): Session | undefined {
    for (const session of this.#all) {
      if (session.name === entry.session && session.uid === entry.sessionUid) return session;
    }
    return undefined;
  }

  /** What this process tells others of its waits. */
  get waits(): readonly (Wait & { readonly session: string })[] {
    return [...this.#all].flatMap((session) =>
      session.waits.map((wait) => ({ ...wait, session: session.name })),
    );
  }

  /** Ends all sessions: deletes those whose attempts are all settled, blanks the others. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#starting?.catch(() => undefined);
    for (const session of this.#all) this.#retire(session);
    await Promise.all(this.#ending.values());
  }

  async #start(): Promise<Session> {
    const { clock, random } = this.#parts;
    const suffix = hex(random);
    const name = `${sessionPrefix(this.#options.identity)}-${suffix}`;
    const sentAt = clock.now();
    const { identity, ttl, owner, container, principal } = this.#options;
    const now = microTime(clock.wall());
    const { namespace } = this.#api;
    let retry = FIRST_RETRY_MS;
    for (;;) {
      const lease = newSessionLease({
        name,
        namespace,
        identity,
        ttl,
        now,
        owner,
        container,
        principal: principal?.value,
      });
      const confirmed = await this.#createOnce(lease);
      if (confirmed.kind === 'done') {
        const session = this.#begin(suffix, confirmed.body, sentAt);
        // Created too long ago to be of use, while the API server was away: begin another.
        if (session.valid) return session;
        this.#retire(session);
        return this.#start();
      }
      if (confirmed.kind === 'refused' && principal?.learn(confirmed.message)) continue;
      if (!isTemporary(confirmed)) throw errorOf(confirmed, `create session Lease ${name}`);
      await pause(clock, Math.max(retry, confirmed.retryAfter ?? 0), this.#closing.signal);
      if (this.#closing.signal.aborted) throw closed();
      retry = Math.min(MOST_RETRY_MS, retry * 2);
    }
  }

  /** The name is ours alone, so that creating it again after an unknown outcome is harmless. */
  async #createOnce(lease: Lease): Promise<Outcome<Lease>> {
    const limits = { lane: 'heartbeats', signal: this.#closing.signal } as const;
    const created = await this.#api.create(lease, limits);
    if (created.kind === 'done') return created;
    const exists = created.kind === 'refused' && created.reason === 'AlreadyExists';
    if (!exists && !(created.kind === 'unknown' && created.sent)) return created;
    const read = await this.#api.get(lease.metadata.name, limits);
    if (isMissing(read)) {
      return { kind: 'unknown', sent: true, error: errorCause(created), retryAfter: undefined };
    }
    return read;
  }

  #begin(suffix: string, lease: Lease, sentAt: number): Session {
    const { clock, observe } = this.#parts;
    const parts = { api: this.#api, clock, observe, announcer: this.#announcer };
    const session = new Session(parts, suffix, lease, sentAt);
    this.#announcer.sessionBegan(session);
    this.#all.add(session);
    this.#current = session;
    session.start();
    observe({ type: 'session-started', session: session.name, ttlSeconds: session.ttl });
    return session;
  }

  #retire(session: Session): void {
    if (this.#ending.has(session)) return;
    const ending = this.#untilUnused(session)
      .then(() => this.#remove(session))
      .finally(() => {
        this.#all.delete(session);
        this.#ending.delete(session);
      });
    this.#ending.set(session, ending);
  }

  /** A session with locks lives on until they are released; a lost one until its work had time. */
  async #untilUnused(session: Session): Promise<void> {
    const { clock } = this.#parts;
    const ended = Promise.race([session.unused(), aborted(session.signal)]);
    await unlessAborted(ended, this.#closing.signal);
    if (!session.valid) {
      const until = session.validUntil + sessionTimes(session.ttl).margin;
      await pause(clock, Math.max(0, until - clock.now()), this.#closing.signal);
    }
  }

  /** Leaves nothing behind; while a request may bring an attempt back, a blank Lease for a ttl. */
  async #remove(session: Session): Promise<void> {
    await session.end();
    const left = await this.#removeOrBlank(session);
    const deleted = left === undefined;
    this.#announceEnd(session, left);
    this.#parts.observe({ type: 'session-ended', session: session.name, deleted });
    if (left) void this.#buryLater(session, left);
  }

  /** A blank session is of no use to anybody one ttl later; what is not blank yet has to be so first. */
  async #buryLater(session: Session, lease: Lease): Promise<void> {
    const { signal } = this.#closing;
    let left: Lease | undefined = lease;
    for (let burial = 0; left && burial < MOST_BURIALS; burial += 1) {
      await pause(this.#parts.clock, session.ttl * 1_000, signal);
      if (isAborted(signal)) return;
      left = isBlank(left) ? await this.#removeBlank(left) : await this.#removeOrBlank(session);
      this.#announceEnd(session, left);
    }
  }

  #announceEnd({ name }: Session, left: Lease | undefined): void {
    if (!left || isBlank(left)) this.#announcer.sessionEnded(name);
  }

  /** Resolves with what is left, to be tried again: somebody may have changed it. */
  async #removeBlank(lease: Lease): Promise<Lease | undefined> {
    const outcome = await this.#api.remove(lease, LIMITS);
    if (outcome.kind === 'done' || isMissing(outcome)) return undefined;
    const { name, uid } = lease.metadata;
    const read = await this.#api.get(name, LIMITS);
    if (read.kind !== 'done') return isMissing(read) ? undefined : lease;
    return read.body.metadata.uid === uid ? read.body : undefined;
  }

  /** Resolves with the Lease that is left: blank, or as last known when the server is away. */
  async #removeOrBlank(session: Session): Promise<Lease | undefined> {
    const { clock } = this.#parts;
    let lease = session.lease;
    let retry = FIRST_RETRY_MS;
    for (let conflicts = 0; conflicts < 5;) {
      const { settled } = session;
      const outcome = settled
        ? await this.#api.remove(lease, LIMITS)
        : await this.#api.replace(blanked(lease, microTime(clock.wall())), LIMITS);
      if (outcome.kind === 'done') return settled ? undefined : (outcome.body as Lease);
      if (isMissing(outcome)) return undefined;
      const read = await this.#api.get(lease.metadata.name, LIMITS);
      if (isMissing(read)) return undefined;
      if (read.kind === 'done') {
        conflicts += 1;
        if (read.body.metadata.uid !== session.uid) return undefined;
        lease = read.body;
        if (!session.settled && isBlank(lease)) return lease;
      } else {
        // An outage that cost the session is often not over yet.
        if (!isTemporary(read) || this.#closing.signal.aborted) return lease;
        await pause(clock, Math.max(retry, read.retryAfter ?? 0), this.#closing.signal);
        retry = Math.min(MOST_RETRY_MS, retry * 2);
      }
    }
    return lease;
  }
}

/** A call, not a property: the compiler takes what a property said before an await for lasting. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function hex(random: () => number): string {
  return Math.floor(random() * 0x1_0000_0000)
    .toString(16)
    .padStart(8, '0');
}

function closed(): LeaseholdError {
  return new LeaseholdError('CLOSED', 'this client was closed: make a new one with connect()');
}

function errorCause(outcome: Outcome<unknown>): unknown {
  return outcome.kind === 'unknown' ? outcome.error : new Error('the session was deleted at once');
}
