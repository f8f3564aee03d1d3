import type { Clock } from '../core/clock.ts';
import { microTime } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { validUntil } from '../core/validity.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { isConflict, isMissing } from '../kube/outcome.ts';
import type { Outcome } from '../kube/outcome.ts';

export interface TenureTimes {
  /** How long the Lease may go without a renewal before others take it for dead: milliseconds. */
  readonly ttl: number;
  /** The part of the ttl that is kept in reserve. */
  readonly margin: number;
  /** From one successful renewal to the next. */
  readonly renewEvery: number;
  /** From a failed renewal to the next try. */
  readonly retryEvery: number;
}

const SHORTEST_DEADLINE_MS = 500;

/** Why a tenure ended without having been given up. */
export interface Loss {
  readonly reason: 'expired' | 'taken' | 'deleted';
  readonly detail: string;
}

export interface TenureOwner {
  /** Whether the Lease as read from the server is still the owner's. */
  isMine(lease: Lease): boolean;
  /** The next renewal of the Lease; `renewTime` must be the one given. */
  renewal(lease: Lease, renewTime: string): Lease;
  /** The Lease as the server has it now. */
  onRenewed?(lease: Lease): void;
  /** A renewal is overdue: validity ends at `until` unless one succeeds before. */
  onWarning(until: number): void;
  /** The end; nothing is renewed any more. */
  onLost(loss: Loss): void;
}

/**
 * Keeps one Lease: renews it, knows until when it may be relied on, and ends for good when that
 * time has run out or the Lease is found in other hands.
 *
 *     kept --renewal succeeds--> kept
 *     kept --validity runs out | blanked, taken, replaced or deleted--> lost
 *     kept --end()--> ended
 *
 * Validity counts from the moment before the last successful renewal was sent. A lost tenure is
 * never renewed again, even if the server would accept it.
 */
export class Tenure {
  readonly #api: LeaseApi;
  readonly #clock: Clock;
  readonly #times: TenureTimes;
  readonly #owner: TenureOwner;
  #lease: Lease;
  #validUntil: number;
  #state: 'kept' | 'lost' | 'ended' = 'kept';
  #cancelRenewal: () => void = () => undefined;
  #cancelWarning: () => void = () => undefined;
  #cancelExpiry: () => void = () => undefined;
  #renewing: Promise<void> | undefined;
  /** Counts what must be seen by a renewal built afterwards. */
  #requested = 0;
  readonly #abort = new AbortController();
  /** Renewals of unknown outcome: by their renewTime, when each was sent. */
  readonly #doubtful = new Map<string, number>();

  /**
   * @param lease - as confirmed by the server
   * @param sentAt - when the write that it was confirmed for was sent
   */
  constructor(
    parts: { api: LeaseApi; clock: Clock; times: TenureTimes; owner: TenureOwner },
    lease: Lease,
    sentAt: number,
  ) {
    this.#api = parts.api;
    this.#clock = parts.clock;
    this.#times = parts.times;
    this.#owner = parts.owner;
    this.#lease = lease;
    this.#validUntil = validUntil(sentAt, parts.times.ttl, parts.times.margin);
  }

  /** Begins to renew. Not in the constructor, as the owner may be told of a loss at once. */
  start(): void {
    this.#arm(this.#validUntil + this.#times.margin - this.#times.ttl);
  }

  /** The Lease as last confirmed. */
  get lease(): Lease {
    return this.#lease;
  }

  /** When validity ends, on the clock's scale, unless renewed. */
  get validUntil(): number {
    return this.#validUntil;
  }

  /** Computed when asked: a stalled event loop must not make a lost tenure look kept. */
  get valid(): boolean {
    this.#checkExpiry();
    return this.#state === 'kept';
  }

  /** Renews at once; resolves when the try is over, whatever its outcome. */
  async renewNow(): Promise<void> {
    if (this.#renewing) {
      // The renewal under way may have been built before what the caller wants to be seen.
      this.#requested += 1;
      await this.#renewing;
      return;
    }
    this.#cancelRenewal();
    this.#renewing = this.#renewUntilSettled();
    await this.#renewing;
  }

  /** Stops renewing; the Lease is left as it is. Resolves when no renewal is in flight. */
  async end(): Promise<void> {
    if (this.#state === 'kept') this.#state = 'ended';
    this.#disarm();
    await this.#renewing;
  }

  /** A call, not a property: the compiler takes what a property said before an await for lasting. */
  #isValid(): boolean {
    return this.valid;
  }

  #checkExpiry(): void {
    if (this.#state === 'kept' && this.#clock.now() >= this.#validUntil) {
      this.#lose({
        reason: 'expired',
        detail: 'no renewal succeeded within the ttl less its margin',
      });
    }
  }

  #lose(loss: Loss): void {
    if (this.#state !== 'kept') return;
    this.#state = 'lost';
    this.#disarm();
    this.#abort.abort();
    this.#owner.onLost(loss);
  }

  #disarm(): void {
    this.#cancelRenewal();
    this.#cancelWarning();
    this.#cancelExpiry();
  }

  /** Sets the timers after a success whose request was sent at `sentAt`. */
  #arm(sentAt: number): void {
    this.#disarm();
    const now = this.#clock.now();
    const remaining = this.#validUntil - now;
    const at = (moment: number, task: () => void): (() => void) =>
      this.#clock.schedule(Math.max(0, moment - now), task);
    this.#cancelRenewal = at(sentAt + this.#times.renewEvery, () => void this.renewNow());
    const window = this.#validUntil - sentAt;
    this.#cancelWarning = at(this.#validUntil - window / 3, () => {
      if (this.#state === 'kept') this.#owner.onWarning(this.#validUntil);
    });
    this.#cancelExpiry = this.#clock.schedule(Math.max(0, remaining), () => {
      this.#checkExpiry();
    });
  }

  async #renewUntilSettled(): Promise<void> {
    try {
      let served: number;
      do {
        served = this.#requested;
        await this.#renewOnce();
      } while (this.#requested !== served && this.#isValid());
    } finally {
      this.#renewing = undefined;
    }
  }

  /** One renewal, and one more for each conflict that turned out to be harmless. */
  async #renewOnce(): Promise<void> {
    while (this.#isValid()) {
      const sentAt = this.#clock.now();
      const renewTime = this.#nextRenewTime();
      this.#doubtful.set(renewTime, sentAt);
      const outcome = await this.#api.replace(
        this.#owner.renewal(this.#lease, renewTime),
        this.#limits(),
      );
      // A check in between: whatever the answer says, it may have come too late.
      if (!this.#isValid()) return;
      if (outcome.kind === 'done') {
        this.#succeeded(outcome.body, sentAt);
        return;
      }
      if (outcome.kind === 'refused') this.#doubtful.delete(renewTime);
      const goOn = await this.#afterFailure(outcome);
      if (!goOn) return;
    }
  }

  /** Whether to try again at once. */
  async #afterFailure(outcome: Exclude<Outcome<Lease>, { kind: 'done' }>): Promise<boolean> {
    if (!isConflict(outcome) && !isMissing(outcome) && outcome.kind === 'refused') {
      this.#retryLater(outcome.retryAfter);
      return false;
    }
    if (outcome.kind === 'unknown' && !outcome.sent) {
      this.#retryLater(outcome.retryAfter);
      return false;
    }
    const read = await this.#api.get(this.#lease.metadata.name, this.#limits());
    if (!this.#isValid()) return false;
    if (isMissing(read)) {
      this.#lose({ reason: 'deleted', detail: 'the Lease was deleted' });
      return false;
    }
    if (read.kind !== 'done') {
      this.#retryLater(read.retryAfter);
      return false;
    }
    const lease = read.body;
    if (lease.metadata.uid !== this.#lease.metadata.uid) {
      this.#lose({ reason: 'deleted', detail: 'the Lease was deleted and made again' });
      return false;
    }
    if (!this.#owner.isMine(lease)) {
      this.#lose({
        reason: 'taken',
        detail: lease.spec?.holderIdentity
          ? `the Lease is held by ${lease.spec.holderIdentity}`
          : 'the Lease was revoked',
      });
      return false;
    }
    const storedAt = this.#doubtful.get(lease.spec?.renewTime ?? '');
    if (storedAt !== undefined && lease.spec?.renewTime !== this.#lease.spec?.renewTime) {
      // Our own renewal, whose answer was lost.
      this.#succeeded(lease, storedAt);
      return false;
    }
    this.#lease = lease;
    return true;
  }

  #succeeded(lease: Lease, sentAt: number): void {
    this.#lease = lease;
    this.#doubtful.clear();
    this.#validUntil = Math.max(
      this.#validUntil,
      validUntil(sentAt, this.#times.ttl, this.#times.margin),
    );
    this.#checkExpiry();
    if (this.#state !== 'kept') return;
    this.#arm(sentAt);
    this.#owner.onRenewed?.(lease);
  }

  #retryLater(asked: number | undefined): void {
    if (this.#state !== 'kept') return;
    this.#cancelRenewal();
    // A server may ask for half a minute: to do that would be to give up what is kept.
    const left = this.#validUntil - this.#clock.now();
    const delay = Math.max(Math.min(asked ?? 0, left / 2), this.#times.retryEvery);
    this.#cancelRenewal = this.#clock.schedule(delay, () => void this.renewNow());
  }

  /**
   * Half of the time that is left, so that a renewal that got stuck on a dead connection leaves
   * time for another one.
   */
  #limits(): { deadline: number; signal: AbortSignal; lane: 'heartbeats' } {
    const left = this.#validUntil - this.#clock.now();
    return {
      deadline: Math.min(this.#times.renewEvery, Math.max(SHORTEST_DEADLINE_MS, left / 2)),
      signal: this.#abort.signal,
      lane: 'heartbeats',
    };
  }

  /** Each renewal changes `renewTime`, or the server would store nothing and prove nothing. */
  #nextRenewTime(): string {
    let wall = this.#clock.wall();
    for (;;) {
      const renewTime = microTime(wall);
      const taken = renewTime === this.#lease.spec?.renewTime || this.#doubtful.has(renewTime);
      if (!taken) return renewTime;
      wall += 0.001;
    }
  }
}
