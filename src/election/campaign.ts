import type { Announcer } from '../core/announcer.ts';
import { checkElection, createdSpec, isFree, statedDuration, takenOver } from '../core/election.ts';
import { transferTarget, withLeaderLabel, withPrincipal, withPublished } from '../core/election.ts';
import type { Published } from '../core/election.ts';
import { LeaseholdError } from '../core/errors.ts';
import { NAME_ANNOTATION, microTime } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import type { LeaseName } from '../core/names.ts';
import type { Parts } from '../core/parts.ts';
import type { Principal } from '../core/principal.ts';
import { Wakeup } from '../core/wakeup.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { LeaseView } from '../kube/lease-view.ts';
import { isConflict, isMissing } from '../kube/outcome.ts';
import type { LeaseOutcome, Outcome } from '../kube/outcome.ts';
import { errorOf, isTemporary, waitAsked } from '../kube/status-error.ts';
import type { ElectionTimes } from './options.ts';
import type { LeaderSighting } from './leader-sighting.ts';
import type { Preemption } from './preemption.ts';
import type { Standing } from './standing.ts';

/** The Lease that a campaign won, and when the write that won it was sent. */
export interface Won {
  readonly lease: Lease;
  readonly sentAt: number;
}

/**
 * The safety net under the watch. Also keeps the connection open by which the Lease is taken over, from
 * the beginning on and more often than idle ones are given up: a handshake costs as much as the rest.
 */
const POLL_MS = 45_000;
const FIRST_RETRY_MS = 50;

/**
 * Stands for election until it is won. Acts when the watch shows that the Lease is free or gone,
 * and when the leader has not been seen renewing for the lease's duration on this process's clock.
 */
export class Campaign {
  readonly #api: LeaseApi;
  readonly #parts: Parts;
  readonly #times: ElectionTimes;
  readonly #identity: string;
  readonly #principal: Principal;
  readonly #announcer: Announcer;
  readonly #leaderLabel: boolean;
  readonly #name: LeaseName;
  readonly #view: LeaseView;
  readonly #wakeup = new Wakeup();
  readonly #sighting: LeaderSighting;
  readonly #standing: Standing;
  readonly #preemption: Preemption | undefined;
  readonly #published: Published;
  /** Writes of unknown outcome: by their acquireTime, when each was sent. */
  readonly #doubtful = new Map<string, number>();
  #standBack: { version: bigint; until: number } | undefined;
  #pollAt: number;
  #hasPolled = false;
  #retry = FIRST_RETRY_MS;

  constructor(
    parts: {
      api: LeaseApi;
      parts: Parts;
      times: ElectionTimes;
      identity: string;
      principal: Principal;
      announcer: Announcer;
      leaderLabel: boolean;
      sighting: LeaderSighting;
      standing: Standing;
      /** Undefined for one that asks nobody for its place. */
      preemption: Preemption | undefined;
      published: Published;
    },
    name: LeaseName,
  ) {
    this.#api = parts.api;
    this.#parts = parts.parts;
    this.#times = parts.times;
    this.#identity = parts.identity;
    this.#principal = parts.principal;
    this.#announcer = parts.announcer;
    this.#leaderLabel = parts.leaderLabel;
    this.#sighting = parts.sighting;
    this.#standing = parts.standing;
    this.#preemption = parts.preemption;
    this.#published = parts.published;
    this.#name = name;
    this.#view = new LeaseView(parts.api, name.lease, parts.parts);
    this.#pollAt = parts.parts.clock.now() + POLL_MS;
  }

  /** @throws LeaseholdError `ABORTED`, `FOREIGN_LEASE`, or of a refusal */
  async run(signal: AbortSignal): Promise<Won> {
    const unsubscribe = this.#view.subscribe(this.#wakeup.wake);
    const unfollow = this.#standing.subscribe(this.#wakeup.wake);
    signal.addEventListener('abort', this.#wakeup.wake);
    this.#view.startWatch();
    try {
      for (;;) {
        if (signal.aborted) {
          const cause: unknown = signal.reason;
          throw new LeaseholdError('ABORTED', 'the campaign was given up', { cause });
        }
        const won = await this.#round(signal);
        if (won) return won;
      }
    } finally {
      unsubscribe();
      unfollow();
      signal.removeEventListener('abort', this.#wakeup.wake);
      this.#view.stopWatch();
    }
  }

  async #round(signal: AbortSignal): Promise<Won | undefined> {
    const state = this.#view.state();
    if (!state) {
      const trouble = this.#view.trouble;
      if (trouble?.kind === 'refused' && trouble.status === 403) {
        throw errorOf(trouble, `watch Lease ${this.#view.name}`);
      }
      await this.#sleepUntil(this.#pollAt);
      await this.#pollIfDue();
      return undefined;
    }
    const { lease } = state;
    const { from } = this.#standing;
    if (!lease) {
      if (this.#now >= from) return this.#create();
      await this.#sleepUntil(Math.min(from, this.#pollAt));
      await this.#pollIfDue();
      return undefined;
    }
    checkElection(lease);
    const sentAt = this.#doubtful.get(lease.spec?.acquireTime ?? '');
    if (sentAt !== undefined && lease.spec?.holderIdentity === this.#identity) {
      // Our own write, whose answer was lost. If it is too old, it is taken over like any other.
      if (this.#now < sentAt + this.#times.renewDeadline) return { lease, sentAt };
    }
    const free = isFree(lease);
    const at = Math.max(from, free ? this.#mayTakeAt(lease) : this.#expiresAt(lease));
    if (this.#now < at) {
      // There is nothing to write: what was wrong is over. That it can be read does not say so.
      this.#retry = FIRST_RETRY_MS;
      if (!this.#hasPolled) this.#pollAt = this.#now;
      const due = free ? undefined : this.#preemptIfDue(lease, from, signal);
      await this.#sleepUntil(Math.min(at, due ?? this.#pollAt, this.#pollAt));
      await this.#pollIfDue();
      return undefined;
    }
    // A silent watch looks like a dead leader: look once more with a read.
    if (free) return this.#takeOver(lease);
    const expired = await this.#readIfExpired();
    return expired && this.#takeOver(expired);
  }

  /** Asks for the leader's place beside all else, if it is time. Returns when it is. */
  #preemptIfDue(lease: Lease, from: number, signal: AbortSignal): number | undefined {
    const preemption = this.#preemption;
    const due = preemption?.dueAt(lease, from);
    if (due === undefined || this.#now < due) return due;
    void preemption?.ask(lease, signal).finally(this.#wakeup.wake);
    return undefined;
  }

  async #create(): Promise<Won | undefined> {
    const acquireTime = this.#acquireTime();
    const spec = createdSpec(this.#identity, this.#times.leaseSeconds, acquireTime);
    const { lease: name, original } = this.#name;
    const metadata = {
      name,
      namespace: this.#api.namespace,
      ...(name === original ? {} : { annotations: { [NAME_ANNOTATION]: original } }),
    };
    return this.#write(acquireTime, () =>
      this.#api.create(this.#completed({ metadata, spec }), { lane: 'heartbeats' }),
    );
  }

  async #takeOver(lease: Lease): Promise<Won | undefined> {
    const acquireTime = this.#acquireTime();
    const next = takenOver(lease, this.#identity, this.#times.leaseSeconds, acquireTime);
    return this.#write(acquireTime, () =>
      this.#api.replace(this.#completed(next), { lane: 'heartbeats' }),
    );
  }

  #completed(lease: Lease): Lease {
    const labelled = this.#leaderLabel ? withLeaderLabel(lease) : lease;
    return withPrincipal(withPublished(labelled, this.#published), this.#principal.value);
  }

  async #write(acquireTime: string, send: () => Promise<LeaseOutcome>): Promise<Won | undefined> {
    this.#announce(acquireTime);
    const sentAt = this.#now;
    const outcome = await send();
    if (outcome.kind === 'done') return { lease: outcome.body, sentAt };
    if (outcome.kind === 'unknown' && outcome.sent) this.#doubtful.set(acquireTime, sentAt);
    else this.#announceDoubtfulInsteadOf(acquireTime);
    if (isConflict(outcome) || (isMissing(outcome) && this.#view.lease)) {
      const read = await this.#view.read();
      // A conflict that cannot be looked into would be met again and again.
      if (read.kind !== 'done' && !isMissing(read)) await this.#afterTrouble(read);
      return undefined;
    }
    if (outcome.kind === 'refused' && this.#principal.learn(outcome.message)) return undefined;
    await this.#afterTrouble(outcome);
    return undefined;
  }

  #announce(acquireTime: string): void {
    const { lease: election } = this.#name;
    this.#announcer.termBegan({ election, identity: this.#identity, acquireTime });
  }

  /** That write was not done; the last one of unknown outcome still may be. */
  #announceDoubtfulInsteadOf(acquireTime: string): void {
    const doubtful = [...this.#doubtful.keys()].at(-1);
    if (doubtful === undefined) this.#announcer.termEnded(this.#name.lease, acquireTime);
    else this.#announce(doubtful);
  }

  async #afterTrouble(outcome: Exclude<Outcome<unknown>, { kind: 'done' }>): Promise<void> {
    const error = errorOf(outcome, `write Lease ${this.#view.name}`);
    if (!isTemporary(outcome)) throw error;
    const { observe } = this.#parts;
    if (this.#retry === FIRST_RETRY_MS) {
      observe({ type: 'api-trouble', lease: this.#view.name, error: error.message });
    }
    const wait = this.#retry * (0.5 + this.#parts.random());
    await this.#sleepUntil(this.#now + Math.max(waitAsked(outcome), wait));
    this.#retry = Math.min(this.#times.retryPeriod, this.#retry * 2);
    await this.#view.read();
  }

  /** A free Lease is taken at once, unless its last leader asked for somebody else. */
  #mayTakeAt(lease: Lease): number {
    const target = transferTarget(lease);
    if (target === undefined || isCandidate(this.#identity, target)) return this.#now;
    if (this.#standBack?.version !== this.#view.version) {
      this.#standBack = {
        version: this.#view.version,
        until: this.#now + this.#times.retryPeriod,
      };
    }
    return this.#standBack.until;
  }

  /** Never sooner than the own duration: an edited Lease must not make a living leader look dead. */
  #expiresAt(lease: Lease): number {
    const since = this.#sighting.see(lease, this.#now);
    const stated = statedDuration(lease, this.#times.leaseSeconds);
    return since + Math.max(stated, this.#times.leaseDuration);
  }

  /** The Lease as it is now, if its holder has not renewed it after all. */
  async #readIfExpired(): Promise<Lease | undefined> {
    const read = await this.#view.read();
    if (read.kind === 'done')
      return this.#now >= this.#expiresAt(read.body) ? read.body : undefined;
    if (!isMissing(read)) await this.#afterTrouble(read);
    return undefined;
  }

  async #pollIfDue(): Promise<void> {
    if (this.#now < this.#pollAt) return;
    this.#pollAt = this.#now + POLL_MS;
    this.#hasPolled = true;
    await this.#view.read({ lane: 'heartbeats' });
  }

  async #sleepUntil(moment: number): Promise<void> {
    const delay = Math.max(0, moment - this.#now);
    const cancel = this.#parts.clock.schedule(delay, this.#wakeup.wake);
    await this.#wakeup.wait();
    cancel();
  }

  /** Also tells apart the writes of this candidate. */
  #acquireTime(): string {
    let wall = this.#parts.clock.wall();
    while (this.#doubtful.has(microTime(wall))) wall += 0.001;
    return microTime(wall);
  }

  get #now(): number {
    return this.#parts.clock.now();
  }
}

/** Whether a note that asks for `target` means this candidate: by identity, or by its pod's name. */
export function isCandidate(identity: string, target: string): boolean {
  return identity === target || identity.startsWith(`${target}_`);
}
