import { overlap } from './claims.ts';
import type { Claim, ClaimChange } from './claims.ts';
import { TARDY_MS } from './evidence.ts';
import type { Evidence, Violation } from './evidence.ts';
import { workerOf } from './history.ts';
import type { Fault } from './history.ts';

/** The faults by which a person takes a held lock away from its holder: the only excuse. */
const STEALS = new Set(['delete-lock', 'strike-holders', 'delete-election']);

interface OfLock {
  /** Claims that are not over, or that have not been read to their end. */
  readonly open: Set<Claim>;
  /** Claims that are over, as long as another may turn out to overlap them. */
  ended: Claim[];
  highest?: Claim;
  /** Claims that were void in their first line, and the highest fence that there was by then. */
  readonly void: Map<Claim, { readonly highest: Claim | undefined }>;
}

/**
 * No two claims of one lock overlap, and its fencing tokens strictly grow: the invariants of the
 * simulator (`no two holders`, `fences grow`), judged from what the processes have written down.
 */
export class Exclusion {
  readonly #evidence: Evidence;
  readonly #locks = new Map<string, OfLock>();
  readonly #violations: Violation[] = [];
  /** Pairs whose order of fences is wrong, unless a steal explains it: known when both have ended. */
  readonly #suspects: (readonly [Claim, Claim])[] = [];

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
  }

  see({ began, ended }: ClaimChange, now: number): void {
    for (const claim of ended) this.#end(claim, now);
    if (!began) return;
    const ofLock = this.#of(began.lock);
    ofLock.open.add(began);
    // It counts for nothing, unless the answer to a renewal that was under way makes it good.
    const { highest } = ofLock;
    if (began.until <= began.from) ofLock.void.set(began, { highest });
    else this.#compareFence(began, highest);
  }

  finish(open: readonly Claim[]): Violation[] {
    for (const claim of open) this.#end(claim, Infinity);
    for (const [claim, highest] of this.#suspects) {
      if (isExcused(claim, highest, this.#evidence)) continue;
      this.#violations.push({
        rule: 'fence',
        lock: claim.lock,
        at: claim.from,
        message: `the fencing token of ${claim.lock} did not grow: ${name(claim)} came after ${name(highest)}`,
      });
    }
    return this.#violations;
  }

  #end(claim: Claim, now: number): void {
    const ofLock = this.#of(claim.lock);
    const wasVoid = ofLock.void.get(claim);
    ofLock.void.delete(claim);
    ofLock.open.delete(claim);
    if (claim.until <= claim.from) return;
    if (wasVoid) this.#compareFence(claim, wasVoid.highest);
    for (const other of ofLock.ended) this.#compare(other, claim);
    ofLock.ended.push(claim);
    const earliest = Math.min(now, ...[...ofLock.open].map((one) => one.from));
    ofLock.ended = ofLock.ended.filter((one) => one.until > earliest);
  }

  /** @param before - the claim with the highest fence of those that began earlier */
  #compareFence(claim: Claim, before: Claim | undefined): void {
    const ofLock = this.#of(claim.lock);
    if (before && claim.fence <= before.fence) this.#suspects.push([claim, before]);
    if (!ofLock.highest || claim.fence > ofLock.highest.fence) ofLock.highest = claim;
  }

  #compare(a: Claim, b: Claim): void {
    const { from, until } = overlap(a, b);
    if (from >= until || isExcused(a, b, this.#evidence)) return;
    const [first, second] = a.from <= b.from ? [a, b] : [b, a];
    this.#violations.push({
      rule: 'exclusion',
      lock: a.lock,
      at: from,
      message: `${a.lock} was held by ${name(first)} and ${name(second)} at the same time for ${(until - from).toFixed(3)} ms`,
    });
  }

  #of(lock: string): OfLock {
    let ofLock = this.#locks.get(lock);
    if (!ofLock) {
      ofLock = { open: new Set(), ended: [], void: new Map() };
      this.#locks.set(lock, ofLock);
    }
    return ofLock;
  }
}

/**
 * Whether a person took the lock from one of the two and so gave it to the other: the older grant
 * was there before the steal, the younger one came after it, and the older holder noticed in time.
 * Grants are versions of the Lease, as the steal is; only if nobody knows that of the steal, times tell.
 */
function isExcused(a: Claim, b: Claim, evidence: Evidence): boolean {
  if (a.grant === b.grant) return false;
  const [older, younger] = a.grant < b.grant ? [a, b] : [b, a];
  return evidence.faults.some(
    (fault) =>
      STEALS.has(fault.kind) &&
      fault.target === older.lock &&
      (fault.version
        ? older.grant < fault.version.last && fault.version.first < younger.grant
        : // The holder wrote its claim a moment after the server had granted it.
          older.grantedAt <= fault.until + TARDY_MS && fault.at <= younger.from) &&
      older.until <= fault.until + noticedWithin(older, fault, evidence),
  );
}

/** A hold is watched from its second second on; a broken link or a frozen process cannot see. */
function noticedWithin(claim: Claim, steal: Fault, evidence: Evidence): number {
  const usual = evidence.ttl + TARDY_MS;
  const worker = workerOf(claim.process);
  const blind = evidence.faults.filter(
    ({ target, at, until }) =>
      (target === worker || target.startsWith('server:')) &&
      at <= steal.until + usual &&
      until >= steal.at,
  );
  return Math.max(0, ...blind.map(({ until }) => until - steal.until)) + usual;
}

function name(claim: Claim): string {
  return `${claim.process} call ${String(claim.call)} (fence ${String(claim.fence)}, ${claim.from.toFixed(3)} to ${claim.until.toFixed(3)}, ${claim.end})`;
}
