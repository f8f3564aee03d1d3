import { pause } from '../core/clock.ts';
import type { Announcer } from '../core/announcer.ts';
import { released, renewed, resignRequest, withPublished } from '../core/election.ts';
import { LeaseholdError } from '../core/errors.ts';
import { microTime, versionOf } from '../core/lease.ts';
import type { Published, ResignRequest } from '../core/election.ts';
import type { Lease } from '../core/lease.ts';
import type { Parts } from '../core/parts.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { isConflict, isMissing } from '../kube/outcome.ts';
import { Tenure } from '../tenure/tenure.ts';
import type { ElectionTimes } from './options.ts';
import { checkValue } from './policy.ts';
import { Publications } from './publications.ts';

/** A term of leading, until it is resigned or lost. */
export interface Leadership extends AsyncDisposable {
  /** The election's name. */
  readonly name: string;
  /** As it stands in the Lease. */
  readonly identity: string;
  /** The fencing token: grows with every term, whoever leads. */
  readonly fence: bigint;
  /** Whether the term still lasts, by this process's own clock; computed when asked. */
  readonly valid: boolean;
  /** Milliseconds for which it lasts if no further renewal succeeds; 0 when it is over. */
  readonly validFor: number;
  /**
   * Aborts when the work has to stop: with `LOST` when the term was lost; with `ABORTED` when it was
   * resigned, or when somebody asks for that (`leasehold resign`). The term then goes on until
   * {@link Leadership.resign}, so call that as soon as the work has stopped.
   */
  readonly signal: AbortSignal;
  /**
   * Tells observers a value of this leader: an address, a version; at most 1,024 bytes of text. It is
   * gone with the term, and never shown as another leader's. Undefined takes it back. Resolves when the
   * API server has stored it. Sends one PUT, in place of the next renewal.
   *
   * @throws LeaseholdError `INVALID_ARGUMENT`; `LOST` or `ABORTED` when the term ended before that
   */
  publish(value: string | undefined): Promise<void>;
  /**
   * Gives the Lease up so that another candidate takes it at once. Resolves when the API server has
   * confirmed it, or when the term has ended anyway; never rejects. Sends one PUT.
   */
  resign(): Promise<void>;
  /**
   * Resigns in favour of one candidate: other leasehold candidates stand back for one retry period.
   * Candidates of other libraries do not. Sends one PUT.
   *
   * @param to - the candidate's identity, or the name of its pod
   */
  transfer(to: string): Promise<void>;
}

const FENCE_SCALE = 65_536n;

/** See {@link Leadership}. */
export class Term implements Leadership {
  readonly name: string;
  readonly identity: string;
  readonly fence: bigint;
  readonly #api: LeaseApi;
  readonly #parts: Parts;
  readonly #times: ElectionTimes;
  readonly #announcer: Announcer;
  readonly #tenure: Tenure;
  readonly #acquireTime: string;
  readonly #ended = new AbortController();
  readonly #publications: Publications;
  readonly #onOver: () => void;
  #cancelGrace: () => void = () => undefined;
  #request: ResignRequest | undefined;
  #sick = false;
  #resignedAt: number | undefined;
  #resigning: Promise<void> | undefined;

  constructor(
    term: {
      api: LeaseApi;
      parts: Parts;
      times: ElectionTimes;
      announcer: Announcer;
      name: string;
      identity: string;
      published: Published;
      /** Called once when it is over, in whatever way. */
      onOver: () => void;
    },
    lease: Lease,
    sentAt: number,
  ) {
    this.name = term.name;
    this.identity = term.identity;
    this.fence = versionOf(lease) * FENCE_SCALE;
    this.#api = term.api;
    this.#parts = term.parts;
    this.#times = term.times;
    this.#announcer = term.announcer;
    this.#publications = new Publications(term.published);
    this.#onOver = term.onOver;
    const { leaseSeconds, leaseDuration, renewDeadline, retryPeriod } = term.times;
    const acquireTime = lease.spec?.acquireTime;
    this.#acquireTime = acquireTime ?? '';
    this.#tenure = new Tenure(
      {
        api: term.api,
        clock: term.parts.clock,
        times: {
          ttl: leaseDuration,
          margin: leaseDuration - renewDeadline,
          renewEvery: retryPeriod,
          retryEvery: retryPeriod / 2,
        },
        owner: {
          isMine: (read) =>
            read.spec?.holderIdentity === term.identity &&
            read.spec.acquireTime === acquireTime &&
            !read.spec.strategy,
          renewal: (read, renewTime) => {
            this.#honour(resignRequest(read));
            const published = this.#publications.sent(renewTime);
            return withPublished(renewed(read, leaseSeconds, renewTime), published);
          },
          onRenewed: (stored) => {
            this.#publications.stored(stored.spec?.renewTime ?? '');
            this.#announceLease();
          },
          onWarning: (until) => {
            const validForMs = until - term.parts.clock.now();
            term.parts.observe({ type: 'leadership-warning', election: term.name, validForMs });
          },
          onLost: ({ reason, detail }) => {
            // Run out, it may still stand in the Lease.
            if (reason !== 'expired') this.#endAnnouncement();
            term.parts.observe({ type: 'leadership-lost', election: term.name, reason, detail });
            this.#end('LOST', `leadership of ${term.name} was lost: ${detail}; stop the work`);
            this.#over('LOST');
          },
        },
      },
      lease,
      sentAt,
    );
  }

  /** Begins to renew. */
  start(): void {
    this.#parts.observe({
      type: 'leading',
      election: this.name,
      identity: this.identity,
      fence: this.fence,
    });
    const { name: election } = this.#tenure.lease.metadata;
    // Won by a write that seemed lost, it may not be the one that was announced last.
    this.#announcer.termBegan({
      election,
      identity: this.identity,
      acquireTime: this.#acquireTime,
    });
    this.#announceLease();
    this.#tenure.start();
  }

  get valid(): boolean {
    return this.#tenure.valid;
  }

  get validFor(): number {
    return this.valid ? Math.max(0, this.#tenure.validUntil - this.#parts.clock.now()) : 0;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** When the Lease was given up, on the clock's scale; undefined while it was not. */
  get resignedAt(): number | undefined {
    return this.#resignedAt;
  }

  resign(): Promise<void> {
    this.#resigning ??= this.#release(this.#request?.transferTo);
    return this.#resigning;
  }

  async transfer(to: string): Promise<void> {
    if (to === '') {
      throw new LeaseholdError(
        'INVALID_ARGUMENT',
        'transfer(to) needs the identity of a candidate',
      );
    }
    this.#resigning ??= this.#release(to);
    await this.#resigning;
  }

  async publish(value: string | undefined): Promise<void> {
    checkValue(value);
    if (!this.valid) throw this.#overError('LOST');
    const stored = this.#publications.publish(value);
    void this.#tenure.renewNow();
    await stored;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.resign();
  }

  /** Asks the work to stop, by the signal; the term goes on until it is resigned. */
  interrupt(): void {
    this.#end('ABORTED', `leadership of ${this.name} is to be given up; stop the work`);
  }

  /**
   * This process must not lead: asks the work to stop, as somebody else's request does. Work that does
   * not would lead for ever, so that after some time nothing is renewed any more.
   */
  sicken(detail: string): void {
    if (this.#sick || !this.valid) return;
    this.#sick = true;
    this.#end(
      'ABORTED',
      `leadership of ${this.name} is to be given up, as this process is not healthy: ${detail}; stop the work`,
    );
    this.#cancelGrace = this.#parts.clock.schedule(this.#times.renewDeadline, () => {
      if (!this.valid) return;
      void this.#tenure.end();
      const lost = `the work went on for ${String(this.#times.renewDeadline)} ms after it was to stop: ${detail}`;
      const event = { type: 'leadership-lost', reason: 'unhealthy', detail: lost } as const;
      this.#parts.observe({ ...event, election: this.name });
      this.#over('LOST');
    });
  }

  #over(code: 'LOST' | 'ABORTED'): void {
    this.#cancelGrace();
    this.#publications.end(this.#overError(code));
    this.#onOver();
  }

  #overError(code: 'LOST' | 'ABORTED'): LeaseholdError {
    return new LeaseholdError(code, `leadership of ${this.name} ended: nothing is published`);
  }

  #announceLease(): void {
    const { lease } = this.#tenure;
    this.#announcer.seen?.(lease.metadata.name, lease);
  }

  /**
   * Somebody asks for an orderly end: the work is told, and the Lease kept until the work has ended
   * and resigns.
   */
  #honour(request: ResignRequest | undefined): void {
    if (!request || this.#request) return;
    this.#request = request;
    const { transferTo } = request;
    this.#parts.observe({ type: 'resign-requested', election: this.name, transferTo });
    this.#end('ABORTED', `leadership of ${this.name} was asked to resign; stop the work`);
  }

  #end(code: 'LOST' | 'ABORTED', message: string): void {
    if (!this.#ended.signal.aborted) this.#ended.abort(new LeaseholdError(code, message));
  }

  /** By compare-and-swap on the own Lease only: never what somebody else has taken meanwhile. */
  async #release(transferTo: string | undefined): Promise<void> {
    if (!this.valid) return;
    const until = this.#tenure.validUntil;
    this.#end('ABORTED', `leadership of ${this.name} was resigned`);
    const { clock } = this.#parts;
    this.#resignedAt = clock.now();
    this.#over('ABORTED');
    await this.#tenure.end();
    const mine = this.#tenure.lease.spec;
    let lease = this.#tenure.lease;
    while (clock.now() < until) {
      const limits = { lane: 'heartbeats', deadline: Math.max(1, until - clock.now()) } as const;
      const now = microTime(clock.wall());
      const outcome = await this.#api.replace(released(lease, now, transferTo), limits);
      if (outcome.kind === 'done') {
        this.#resignedAt = clock.now();
        this.#left(transferTo);
        return;
      }
      if (!isConflict(outcome) && !isMissing(outcome)) await this.#pauseBeforeRetry(until);
      const read = await this.#api.get(lease.metadata.name, limits);
      if (isMissing(read)) {
        this.#endAnnouncement();
        return;
      }
      if (read.kind !== 'done') {
        // A conflict that cannot be looked into would be met again and again.
        await this.#pauseBeforeRetry(until);
        continue;
      }
      const spec = read.body.spec;
      const stillMine =
        read.body.metadata.uid === lease.metadata.uid &&
        spec?.holderIdentity === mine?.holderIdentity &&
        spec?.acquireTime === mine?.acquireTime;
      if (!stillMine) {
        // Our own release, whose answer was lost, or somebody else's taking: over either way.
        this.#left(transferTo);
        return;
      }
      lease = read.body;
    }
  }

  async #pauseBeforeRetry(until: number): Promise<void> {
    const { clock } = this.#parts;
    await pause(clock, Math.min(this.#times.retryPeriod / 4, Math.max(1, until - clock.now())));
  }

  #left(transferTo: string | undefined): void {
    this.#endAnnouncement();
    this.#parts.observe({ type: 'leadership-released', election: this.name, transferTo });
  }

  #endAnnouncement(): void {
    this.#announcer.termEnded(this.#tenure.lease.metadata.name, this.#acquireTime);
  }
}
