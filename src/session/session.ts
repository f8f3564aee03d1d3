import type { Clock } from '../core/clock.ts';
import { attemptId } from '../core/entry.ts';
import type { Observer } from '../core/events.ts';
import {
  CHALLENGE_ANNOTATION,
  HOLDER_PRINCIPAL_ANNOTATION,
  VOID_ANNOTATION,
  WAITS_ANNOTATION,
} from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { MARGIN } from '../core/validity.ts';
import { formatWaits } from '../core/waits.ts';
import type { Wait } from '../core/waits.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { Tenure } from '../tenure/tenure.ts';
import type { Loss, TenureTimes } from '../tenure/tenure.ts';
import type { Announcer } from '../core/announcer.ts';

/** Past so many void attempts a session takes no new ones: each costs bytes in every renewal. */
const MOST_VOID = 256;

/** The times of a session: renewed every third of the ttl, a fifth of it kept in reserve. */
export function sessionTimes(ttlSeconds: number): TenureTimes {
  const ttl = ttlSeconds * 1_000;
  return { ttl, margin: ttl * MARGIN, renewEvery: ttl / 3, retryEvery: ttl / 15 };
}

/**
 * The heartbeat of this process: one Lease that stands for all that the process holds or waits
 * for. Everything that names it was written after its creation was confirmed.
 */
export class Session {
  readonly name: string;
  readonly suffix: string;
  readonly uid: string;
  readonly ttl: number;
  /** Its owner to the guard, where that is known: entries of a lock repeat it. */
  readonly principal: string | undefined;
  readonly #tenure: Tenure;
  readonly #observe: Observer;
  readonly #announcer: Announcer;
  readonly #lost = new AbortController();
  #allocated = 0;
  /** Allocated, and neither release nor cancel has been sent: whatever the record says. */
  readonly #current = new Set<string>();
  /** Allocated, and not known to have left its record for good. */
  readonly #outstanding = new Set<string>();
  readonly #leaving = new Set<string>();
  readonly #void = new Set<string>();
  readonly #whenUnused: (() => void)[] = [];
  readonly #onChallenge = new Map<string, () => void>();
  readonly #waits = new Map<number, () => Omit<Wait, 'number'> | undefined>();
  #told = 0;

  constructor(
    parts: { api: LeaseApi; clock: Clock; observe: Observer; announcer: Announcer },
    suffix: string,
    lease: Lease,
    sentAt: number,
  ) {
    this.name = lease.metadata.name;
    this.suffix = suffix;
    this.uid = lease.metadata.uid ?? '';
    this.ttl = lease.spec?.leaseDurationSeconds ?? 0;
    this.principal = lease.metadata.annotations?.[HOLDER_PRINCIPAL_ANNOTATION];
    this.#observe = parts.observe;
    this.#announcer = parts.announcer;
    const holder = lease.spec?.holderIdentity ?? '';
    this.#tenure = new Tenure(
      {
        api: parts.api,
        clock: parts.clock,
        times: sessionTimes(this.ttl),
        owner: {
          isMine: (read) => read.spec?.holderIdentity === holder,
          renewal: (read, renewTime) => this.#renewal(read, renewTime),
          onWarning: (until) => {
            const validForMs = until - parts.clock.now();
            this.#observe({ type: 'session-warning', session: this.name, validForMs });
          },
          onLost: (loss) => {
            this.#onLost(loss);
          },
        },
      },
      lease,
      sentAt,
    );
  }

  start(): void {
    this.#tenure.start();
  }

  /** Whether others still have to count on this session, by its own clock; computed now. */
  get valid(): boolean {
    return this.#tenure.valid;
  }

  get validUntil(): number {
    return this.#tenure.validUntil;
  }

  /** Aborts when the session is lost. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether it may stand for new attempts. */
  get open(): boolean {
    return this.#void.size < MOST_VOID && this.valid;
  }

  get lease(): Lease {
    return this.#tenure.lease;
  }

  /** Whether every attempt is known to have left its record. */
  get settled(): boolean {
    return this.#outstanding.size === 0;
  }

  /** Whether attempts of it are still wanted. */
  get inUse(): boolean {
    return this.#current.size > 0;
  }

  /** Resolves when no attempt of it is wanted any more. */
  unused(): Promise<void> {
    if (!this.inUse) return Promise.resolve();
    return new Promise((resolve) => this.#whenUnused.push(resolve));
  }

  /**
   * A new attempt id, never used before: current from now on.
   *
   * @param lock - the name of the Lease that will name it
   */
  allocate(lock: string): string {
    this.#allocated += 1;
    const id = attemptId(this.suffix, this.#allocated);
    this.#current.add(id);
    this.#outstanding.add(id);
    this.#announcer.attemptBegan(this.name, id, lock);
    return id;
  }

  isCurrent(id: string): boolean {
    return this.#current.has(id);
  }

  /** The release or cancel of this attempt is about to be sent: nothing may rely on it again. */
  spend(id: string): void {
    this.#current.delete(id);
    if (this.inUse) return;
    for (const resolve of this.#whenUnused.splice(0)) resolve();
  }

  /**
   * Somebody sees to it that the entry of this attempt, which is spent, leaves its record: others of this
   * process that see it there meanwhile need not.
   *
   * @returns to be called at the end
   */
  leaving(id: string): () => void {
    this.#leaving.add(id);
    return () => this.#leaving.delete(id);
  }

  /** The attempt's entry is gone from its record, and no request may bring it back. */
  confirmSettled(id: string): void {
    this.spend(id);
    if (this.#void.has(id)) return;
    this.#outstanding.delete(id);
    this.#announcer.attemptSettled(id);
  }

  /** Whether anybody is told of {@link seen}. */
  get tellsWhatIsSeen(): boolean {
    return this.#announcer.seen !== undefined;
  }

  /** The record that names this attempt, as it is known now; undefined when it is not followed. */
  seen(id: string, record: Lease | undefined): void {
    this.#announcer.seen?.(id, record);
  }

  /**
   * Declares an attempt dead for everybody, whatever a record says or will say: for a request of
   * unknown outcome that may still take effect. Tells so at once.
   */
  voidAttempt(id: string, why: string): void {
    this.spend(id);
    if (!this.#addVoid(id, why)) return;
    if (this.valid) void this.#tenure.renewNow();
  }

  /** Whether this id is one that the session gave out and no longer stands for. */
  isStray(id: string): boolean {
    if (this.#leaving.has(id)) return false;
    return this.#wasAllocated(id) && !this.#current.has(id) && !this.#void.has(id);
  }

  /** Calls `listener` when somebody asks whether the attempt still holds, until it is undefined. */
  onChallenge(id: string, listener: (() => void) | undefined): void {
    if (listener) this.#onChallenge.set(id, listener);
    else this.#onChallenge.delete(id);
  }

  /**
   * Tells others of a wait by each renewal, so that they can find a deadlock.
   *
   * @param wait - as it is at that moment; undefined while there is nothing to tell
   * @returns its number, and what ends it
   */
  tellOf(wait: () => Omit<Wait, 'number'> | undefined): {
    readonly number: number;
    readonly stop: () => void;
  } {
    this.#told += 1;
    const number = this.#told;
    this.#waits.set(number, wait);
    return { number, stop: () => void this.#waits.delete(number) };
  }

  /** What is told now. */
  get waits(): readonly Wait[] {
    return [...this.#waits].flatMap(([number, wait]) => {
      const now = wait();
      return now ? [{ number, ...now }] : [];
    });
  }

  /** Stops renewing. Resolves when no renewal is in flight. */
  end(): Promise<void> {
    return this.#tenure.end();
  }

  #onLost(loss: Loss): void {
    this.#observe({ type: 'session-lost', session: this.name, ...loss });
    this.#lost.abort(loss);
  }

  #renewal(lease: Lease, renewTime: string): Lease {
    const {
      [CHALLENGE_ANNOTATION]: challenged,
      [WAITS_ANNOTATION]: _,
      ...annotations
    } = lease.metadata.annotations ?? {};
    if (challenged !== undefined) this.#answer(challenged);
    if (this.#void.size > 0) annotations[VOID_ANNOTATION] = [...this.#void].join(' ');
    const waits = this.#waits.size === 0 ? '' : formatWaits(this.waits);
    if (waits !== '') annotations[WAITS_ANNOTATION] = waits;
    return {
      ...lease,
      metadata: { ...lease.metadata, annotations },
      spec: { ...lease.spec, leaseDurationSeconds: this.ttl, renewTime },
    };
  }

  #answer(challenged: string): void {
    if (this.isStray(challenged)) this.#addVoid(challenged, 'challenged');
    else this.#onChallenge.get(challenged)?.();
  }

  #addVoid(id: string, why: string): boolean {
    if (this.#void.has(id)) return false;
    this.#void.add(id);
    this.#outstanding.add(id);
    this.#observe({ type: 'void', session: this.name, attempt: id, why });
    return true;
  }

  #wasAllocated(id: string): boolean {
    const [suffix, counter] = id.split('-');
    const count = Number(counter);
    return (
      suffix === this.suffix && Number.isInteger(count) && count >= 1 && count <= this.#allocated
    );
  }
}
