import type { ContendedLock, HeldUp } from '../core/deadlock.ts';
import type { Entry } from '../core/entry.ts';
import { NAME_ANNOTATION } from '../core/lease.ts';
import { parseRecord } from '../core/record.ts';
import type { LockRecord } from '../core/record.ts';
import { isBlank, isSession, voidAttempts } from '../core/session-lease.ts';
import { waitsOf } from '../core/waits.ts';
import type { LockContext } from './context.ts';

/** Longer circles are found by `leasehold ls` only. */
const MOST_LOCKS = 16;
const MOST_SESSIONS = 64;

/** What there was to see from one lock on, along those that wait for each other. */
export interface Surroundings {
  readonly locks: readonly ContendedLock[];
  /** Of other processes, as they told; of this one, as it is. */
  readonly waits: readonly HeldUp[];
  /** Of each session of another process that lives, which of its renewals was seen. */
  readonly renewals: ReadonlyMap<string, string>;
  /** The sessions of this process. */
  readonly own: ReadonlySet<string>;
}

/**
 * Reads who holds a lock, for what its holders wait meanwhile, who holds that, and so on. Sends one GET for
 * each lock, and one for the session of each holder that is of another process.
 */
export async function lookAround(context: LockContext, lease: string): Promise<Surroundings> {
  const look = new Look(context);
  await look.along(lease);
  return look.result();
}

class Look {
  readonly #context: LockContext;
  readonly #records = new Map<string, LockRecord>();
  readonly #waits: HeldUp[] = [];
  readonly #renewals = new Map<string, string>();
  readonly #own = new Set<string>();
  readonly #asked = new Map<string, Promise<void>>();
  /** What sessions disown. */
  readonly #void = new Set<string>();

  constructor(context: LockContext) {
    this.#context = context;
  }

  async along(lease: string): Promise<void> {
    const next = [lease];
    for (const one of next) {
      const record = await this.#read(one);
      if (!record) continue;
      await Promise.all(this.#concerned(record).map((entry) => this.#ask(entry)));
      const held = new Set(record.holders.map(({ id }) => id));
      for (const { namespace, lock, keeps } of [...this.#waits, ...this.#ownWaits()]) {
        const isHere =
          namespace === this.#context.api.namespace && keeps.some((id) => held.has(id));
        if (isHere && next.length < MOST_LOCKS && !next.includes(lock)) next.push(lock);
      }
    }
  }

  result(): Surroundings {
    const { namespace } = this.#context.api;
    const ownWaits = this.#ownWaits();
    for (const { session } of ownWaits) this.#own.add(session);
    const waits = [...this.#waits, ...ownWaits];
    const waiting = new Set(waits.map(({ behind }) => behind));
    const locks = [...this.#records].map(([lease, record]): ContendedLock => ({
      namespace,
      lease,
      name: record.lease.metadata.annotations?.[NAME_ANNOTATION] ?? lease,
      holders: record.holders.filter((entry) => this.#stands(entry)),
      queue: record.queue.filter((entry) => waiting.has(entry.id) || this.#stands(entry)),
      resized: record.resized,
    }));
    return { locks, waits, renewals: this.#renewals, own: this.#own };
  }

  async #read(lease: string): Promise<LockRecord | undefined> {
    const outcome = await this.#context.api.get(lease);
    if (outcome.kind !== 'done') return undefined;
    try {
      const record = parseRecord(outcome.body);
      this.#records.set(lease, record);
      return record;
    } catch {
      // It has become the Lease of something else.
      return undefined;
    }
  }

  /** The holders; and where some could hold together, those who wait, as one that is dead stops nobody for long. */
  #concerned({ holders, queue }: LockRecord): readonly Entry[] {
    const isAlone = holders.every(({ mode }) => mode === 'exclusive');
    return isAlone ? holders : [...holders, ...queue];
  }

  #ask(entry: Entry): Promise<void> {
    const { session } = entry;
    if (this.#context.sessions.ownerOf(entry)) return Promise.resolve();
    let asked = this.#asked.get(session);
    if (!asked && this.#asked.size < MOST_SESSIONS) {
      asked = this.#readSession(entry);
      this.#asked.set(session, asked);
    }
    return asked ?? Promise.resolve();
  }

  async #readSession({ session, sessionUid }: Entry): Promise<void> {
    const outcome = await this.#context.api.get(session);
    if (outcome.kind !== 'done' || outcome.body.metadata.uid !== sessionUid) return;
    const lease = outcome.body;
    if (!isSession(lease) || isBlank(lease)) return;
    this.#renewals.set(session, lease.spec?.renewTime ?? '');
    for (const id of voidAttempts(lease)) this.#void.add(id);
    for (const wait of waitsOf(lease)) this.#waits.push({ ...wait, session });
  }

  #ownWaits(): readonly HeldUp[] {
    return this.#context.sessions.waits;
  }

  /** Whether the entry is of somebody who lives, as far as is known. */
  #stands(entry: Entry): boolean {
    const { sessions, deaths } = this.#context;
    const own = sessions.ownerOf(entry);
    if (own) {
      this.#own.add(own.name);
      return own.valid && own.isCurrent(entry.id);
    }
    return this.#renewals.has(entry.session) && !this.#void.has(entry.id) && !deaths.isDead(entry);
  }
}
