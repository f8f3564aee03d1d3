import { publishedIn, resignRequest, termOf } from '../core/election.ts';
import type { Candidate } from '../core/candidates.ts';
import { RESIGN_ANNOTATION, RESIGN_TO_ANNOTATION } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import type { Parts } from '../core/parts.ts';
import { ASKER } from '../kube/lease-api.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { isConflict } from '../kube/outcome.ts';

/**
 * When a candidate asks a leader of lower priority for its place, by a request to resign. It has then
 * seen that term, and stood itself, for the time that is to pass at least between two changes of hands.
 */
export class Preemption {
  readonly #api: LeaseApi;
  readonly #parts: Parts;
  readonly #self: Candidate;
  readonly #election: string;
  readonly #after: number;
  readonly #retryPeriod: number;
  readonly #candidates: () => Promise<readonly Candidate[]>;
  #term: string | undefined;
  #since = 0;
  #notBefore = 0;
  #hasGivenWay = false;
  #asking = false;

  constructor(
    parts: { api: LeaseApi; parts: Parts; candidates: () => Promise<readonly Candidate[]> },
    how: { self: Candidate; election: string; after: number; retryPeriod: number },
  ) {
    this.#api = parts.api;
    this.#parts = parts.parts;
    this.#candidates = parts.candidates;
    this.#self = how.self;
    this.#election = how.election;
    this.#after = how.after;
    this.#retryPeriod = how.retryPeriod;
  }

  /**
   * When to ask the leader of this Lease; infinitely late if it is not to be asked.
   *
   * @param standsFrom - since when this candidate may lead
   */
  dueAt(lease: Lease, standsFrom: number): number {
    const now = this.#now;
    const term = `${lease.metadata.uid ?? ''} ${termOf(lease)} ${lease.spec?.acquireTime ?? ''}`;
    if (term !== this.#term) {
      this.#term = term;
      this.#since = now;
      this.#notBefore = now;
      this.#hasGivenWay = false;
    }
    const { priority } = publishedIn(lease);
    // One that states none is of another library or without the option, and would not go for this.
    if (priority === undefined || priority >= this.#self.priority) return Number.POSITIVE_INFINITY;
    if (this.#asking || resignRequest(lease)) return Number.POSITIVE_INFINITY;
    return Math.max(this.#notBefore, Math.max(this.#since, standsFrom) + this.#after);
  }

  /** Asks; resolves when the try is over, whatever its outcome, and never rejects. */
  async ask(lease: Lease, signal: AbortSignal): Promise<void> {
    this.#asking = true;
    try {
      // Once: what is in the list may be unable to lead.
      if (!this.#hasGivenWay && (await this.#isBetterThere())) {
        this.#hasGivenWay = true;
        this.#notBefore = this.#now + 2 * this.#retryPeriod;
      } else if (!signal.aborted) {
        await this.#request(lease);
      }
    } finally {
      this.#asking = false;
    }
  }

  get #now(): number {
    return this.#parts.clock.now();
  }

  async #isBetterThere(): Promise<boolean> {
    try {
      const candidates = await this.#candidates();
      return candidates.some(({ priority }) => priority > this.#self.priority);
    } catch {
      // Without the list the best of them takes more than one step to lead.
      return false;
    }
  }

  /** By compare-and-swap, and for this term only: a later leader is not asked. */
  async #request(lease: Lease): Promise<void> {
    const { name, uid = '', resourceVersion = '' } = lease.metadata;
    const annotations = {
      [RESIGN_ANNOTATION]: termOf(lease),
      [RESIGN_TO_ANNOTATION]: this.#self.identity,
    };
    const outcome = await this.#api.patch(
      name,
      { metadata: { uid, resourceVersion, annotations } },
      { fieldManager: ASKER },
    );
    if (outcome.kind !== 'done') {
      // Not in step with the leader, whose renewal it may have met.
      const wait = this.#retryPeriod * (0.5 + this.#parts.random());
      this.#notBefore = this.#now + (isConflict(outcome) ? wait / 4 : wait);
      return;
    }
    const leader = lease.spec?.holderIdentity ?? '';
    const { priority } = this.#self;
    this.#parts.observe({ type: 'preempting', election: this.#election, leader, priority });
  }
}
