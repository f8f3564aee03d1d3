import { AsyncLocalStorage } from 'node:async_hooks';
import { linked, unlessAborted } from '../core/abort.ts';
import { SILENT } from '../core/announcer.ts';
import type { Announcer } from '../core/announcer.ts';
import { pause } from '../core/clock.ts';
import { LeaseholdError, isLeaseholdError } from '../core/errors.ts';
import { leaseName } from '../core/names.ts';
import type { Published } from '../core/election.ts';
import type { Parts } from '../core/parts.ts';
import { Principal } from '../core/principal.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { Campaign } from './campaign.ts';
import type { Won } from './campaign.ts';
import type { Candidate } from '../core/candidates.ts';
import { listCandidates } from './candidates.ts';
import { LeaderSighting } from './leader-sighting.ts';
import { observeLeader } from './observe.ts';
import type { Leader } from './observe.ts';
import type { CampaignOptions, ElectionTimes, StandOptions } from './options.ts';
import { checkValue } from './policy.ts';
import type { ElectionPolicy } from './policy.ts';
import { Preemption } from './preemption.ts';
import { Standing } from './standing.ts';
import type { Roster } from './standing.ts';
import { Term } from './term.ts';
import type { Leadership } from './term.ts';

/** The election whose work the current code is part of. */
const inside = new AsyncLocalStorage<Election>();

/** How a candidate gets into the list of those of its election. */
export type Enrol = (election: string, candidate: Candidate) => Roster;

/**
 * Leader election on a plain Lease, field for field as client-go does it, so that candidates in Go,
 * Java, Python and .NET can share it. Made by `Leasehold.election`.
 */
export class Election {
  /** The election's name, as given. */
  readonly name: string;
  /** As it stands in the Lease while this candidate leads. */
  readonly identity: string;
  readonly #api: LeaseApi;
  readonly #parts: Parts;
  readonly #times: ElectionTimes;
  readonly #principal: Principal;
  readonly #announcer: Announcer;
  readonly #leaderLabel: boolean;
  readonly #lease: string;
  readonly #sighting = new LeaderSighting();
  readonly #closing = new AbortController();
  readonly #standing: Standing;
  readonly #priority: number | undefined;
  readonly #preemption: Preemption | undefined;
  #campaigning = false;
  #term: Term | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #leaving: Promise<void> | undefined;

  /** @internal */
  constructor(
    parts: {
      api: LeaseApi;
      parts: Parts;
      times: ElectionTimes;
      policy: ElectionPolicy;
      /** Of one that has a priority. */
      enrol?: Enrol | undefined;
      principal?: Principal;
      announcer?: Announcer | undefined;
      leaderLabel?: boolean;
    },
    name: string,
    identity: string,
  ) {
    this.name = name;
    this.identity = identity;
    this.#api = parts.api;
    this.#parts = parts.parts;
    this.#times = parts.times;
    this.#principal = parts.principal ?? new Principal();
    this.#announcer = parts.announcer ?? SILENT;
    this.#leaderLabel = parts.leaderLabel ?? false;
    this.#lease = leaseName(name).lease;
    const { policy } = parts;
    const { priority } = policy;
    const { retryPeriod } = parts.times;
    this.#priority = priority;
    const self = priority === undefined ? undefined : { identity, priority };
    const roster = self && parts.enrol?.(this.#lease, self);
    this.#standing = new Standing(parts.parts, {
      election: name,
      policy,
      every: retryPeriod,
      roster,
    });
    this.#standing.subscribe(() => this.#yieldIfSick());
    this.#preemption =
      self &&
      new Preemption(
        { api: parts.api, parts: parts.parts, candidates: () => this.#listed() },
        { self, election: name, after: policy.preemptAfter, retryPeriod },
      );
  }

  /** The current term of this candidate, if it leads. */
  get leadership(): Leadership | undefined {
    return this.#term?.valid ? this.#term : undefined;
  }

  /**
   * Runs `work` while leading, and stands again whenever the term was lost or resigned. Ends when
   * `work` returns while it still leads (the Lease is then given up), when it throws, when `signal`
   * aborts (the Lease is given up once `work` has ended), or when the client is closed.
   *
   * `work` must stop when the term's `signal` aborts; the next campaign waits for it. What it throws
   * after that is taken for its way to stop.
   *
   * Sends one write to take the Lease, one PUT every `retryPeriod` while leading, one PUT to give it
   * up, and holds one watch while standing. With a `priority` also what {@link ElectionOptions.priority}
   * says; and to ask a leader of lower priority for its place one PATCH, after a look into the list.
   *
   * @example
   * ```ts
   * await leasehold.election('controller').run(async ({ signal }) => {
   *   await reconcileUntil(signal);
   * });
   * ```
   * @throws what `work` throws while leading; LeaseholdError `INVALID_ARGUMENT`, `FOREIGN_LEASE`,
   * `FORBIDDEN`, `CLOSED`, `REENTRANT` (this client already stands), `NAMESPACE_NOT_FOUND`, `API_ERROR`
   */
  async run(work: (leadership: Leadership) => unknown, options: StandOptions = {}): Promise<void> {
    checkValue(options.value);
    this.#checkOpen();
    const enough = this.#standing.want();
    try {
      await this.#runTerms(work, options);
    } finally {
      enough();
    }
  }

  async #runTerms(work: (leadership: Leadership) => unknown, options: StandOptions): Promise<void> {
    while (!options.signal?.aborted) {
      let term: Term;
      try {
        term = await this.#acquire(options);
      } catch (error) {
        if (isLeaseholdError(error, 'ABORTED') || this.#closing.signal.aborted) return;
        throw error;
      }
      // Told to stop, the work ends first; then the next candidate may begin.
      const stop = (): void => term.interrupt();
      options.signal?.addEventListener('abort', stop, { once: true });
      if (isAborted(options.signal)) stop();
      try {
        const working = inside.run(this, async () => {
          await work(term);
        });
        this.#work = working.catch(() => undefined);
        await working;
        if (!term.signal.aborted) return;
      } catch (error) {
        if (!term.signal.aborted) throw error;
      } finally {
        options.signal?.removeEventListener('abort', stop);
        await term.resign();
      }
    }
  }

  /**
   * Stands until it leads. While the API server cannot be reached it keeps trying.
   *
   * @throws LeaseholdError `INVALID_ARGUMENT`, `ABORTED`, `CLOSED`, `REENTRANT` (this client already
   * stands or leads), `FOREIGN_LEASE`, `FORBIDDEN`, `NAMESPACE_NOT_FOUND`, `NAMESPACE_TERMINATING`, `API_ERROR`
   */
  async acquire(options: StandOptions = {}): Promise<Leadership> {
    checkValue(options.value);
    return this.#acquire(options);
  }

  async #acquire(options: StandOptions): Promise<Term> {
    this.#checkOpen();
    if (this.#campaigning || this.#term?.valid) {
      throw new LeaseholdError(
        'REENTRANT',
        `this client already stands for election ${this.name}: use one run() or acquire() at a time`,
      );
    }
    this.#campaigning = true;
    const enough = this.#standing.want();
    const published = { value: options.value, priority: this.#priority };
    const { signal, unlink } = linked(this.#ends(options));
    try {
      await this.#letOthersGoFirst(signal);
      for (;;) {
        const campaign = this.#campaign(published).run(signal);
        const won = await unlessAborted(campaign, signal);
        if (!won) {
          this.#leaving = this.#giveBack(campaign, published);
          throw new LeaseholdError('ABORTED', 'the campaign was given up', {
            cause: signal.reason,
          });
        }
        const term = this.#begin(won, published);
        const isUnfit = this.#standing.sickness !== undefined;
        if (isAborted(signal) || isUnfit) await term.resign();
        else if (term.valid) return term;
      }
    } catch (error) {
      this.#checkOpen();
      throw error;
    } finally {
      unlink();
      enough();
      this.#campaigning = false;
    }
  }

  /**
   * The leader now, and then each change, of its value included; undefined when nobody leads. Ends when
   * `signal` aborts or the loop is left. Sends one watch, and one GET a minute.
   *
   * @example
   * ```ts
   * for await (const leader of leasehold.election('controller').observe()) {
   *   console.log(leader?.identity ?? 'nobody leads');
   * }
   * ```
   */
  observe(options: CampaignOptions = {}): AsyncGenerator<Leader | undefined, void, undefined> {
    const fallbackSeconds = this.#times.leaseSeconds;
    return observeLeader(
      this.#api,
      this.#parts,
      { name: this.#lease, election: this.name, fallbackSeconds },
      this.#ends(options),
    );
  }

  /**
   * Those who stand, the leader included, of all processes that gave a `priority`, the best first. Who
   * is sick, or has not stood for its `standFor`, is not among them; nor is one that died, a ttl after
   * its last sign of life at the latest. Sends one GET, and one for each of them.
   *
   * @throws LeaseholdError `CLOSED`, `FORBIDDEN`, `FOREIGN_LEASE`, `API_UNREACHABLE`, `API_ERROR`
   */
  async candidates(): Promise<readonly Candidate[]> {
    this.#checkOpen();
    return this.#listed();
  }

  /** Ends the current term, if this candidate leads; see {@link Leadership.resign}. */
  async resign(): Promise<void> {
    await this.#term?.resign();
  }

  /**
   * Ends the current term in favour of another candidate; see {@link Leadership.transfer}. Does
   * nothing if this candidate does not lead.
   */
  async transfer(to: string): Promise<void> {
    await this.#term?.transfer(to);
  }

  /** Gives up campaign and term. */
  async close(): Promise<void> {
    this.#closing.abort(new LeaseholdError('CLOSED', 'the client was closed'));
    this.#term?.interrupt();
    if (inside.getStore() !== this) await this.#work;
    await Promise.all([this.resign(), this.#leaving, this.#standing.end()]);
  }

  /** What ends a call: the application's signal, and the end of the client. */
  #ends({ signal }: CampaignOptions): AbortSignal[] {
    return signal ? [signal, this.#closing.signal] : [this.#closing.signal];
  }

  /** Whoever has just resigned stands back for a retry period. */
  async #letOthersGoFirst(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const resignedAt = this.#term?.resignedAt;
    if (resignedAt === undefined) return;
    await pause(clock, Math.max(0, resignedAt + this.#times.retryPeriod - clock.now()), signal);
  }

  /** A request that was under way when its campaign was given up may still win. */
  async #giveBack(campaign: Promise<Won>, published: Published): Promise<void> {
    const won = await campaign.catch(() => undefined);
    if (won) await this.#termOf(won, published, () => undefined).resign();
  }

  #campaign(published: Published): Campaign {
    const { identity } = this;
    return new Campaign(
      {
        api: this.#api,
        parts: this.#parts,
        times: this.#times,
        identity,
        principal: this.#principal,
        announcer: this.#announcer,
        leaderLabel: this.#leaderLabel,
        sighting: this.#sighting,
        standing: this.#standing,
        preemption: this.#preemption,
        published,
      },
      { lease: this.#lease, original: this.name },
    );
  }

  #termOf(won: Won, published: Published, onOver: () => void): Term {
    const { name, identity } = this;
    return new Term(
      {
        api: this.#api,
        parts: this.#parts,
        times: this.#times,
        announcer: this.#announcer,
        name,
        identity,
        published,
        onOver,
      },
      won.lease,
      won.sentAt,
    );
  }

  #begin(won: Won, published: Published): Term {
    const term = this.#termOf(won, published, this.#standing.want());
    this.#term = term;
    term.start();
    this.#yieldIfSick();
    return term;
  }

  #yieldIfSick(): void {
    const { sickness } = this.#standing;
    if (sickness !== undefined) this.#term?.sicken(sickness);
  }

  #listed(): Promise<Candidate[]> {
    return listCandidates(this.#api, this.#lease);
  }

  #checkOpen(): void {
    if (!this.#closing.signal.aborted) return;
    throw new LeaseholdError('CLOSED', 'this client was closed: make a new one with connect()');
  }
}

/** Asked anew after an await, as the compiler takes an earlier answer for lasting. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted ?? false;
}
