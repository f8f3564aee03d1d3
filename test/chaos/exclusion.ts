import { isGood, nameOf, overlap } from './claims.ts';
import type { Claim, ClaimChange } from './claims.ts';
import type { Evidence, Violation } from './evidence.ts';
import { isExcused } from './steals.ts';

interface OfLock {
  /** Claims that are not over, or that have not been read to their end. */
  readonly open: Set<Claim>;
  /** Claims that are over, as long as another may turn out to overlap them. */
  ended: Claim[];
  /** The highest fences so far: of all claims, and of those that were alone. */
  highest?: Claim;
  highestAlone?: Claim;
  /** Claims that were void in their first line, and the highest fence that theirs has to exceed. */
  readonly void: Map<Claim, { readonly before: Claim | undefined }>;
}

/**
 * No two claims of one lock overlap, unless both are of readers, and its fencing tokens grow: the
 * invariants of the simulator (`no two holders`, `fences grow`), judged from what the processes have written
 * down. The token of a claim that is alone is higher than all before it, that of a reader higher than those of
 * writers before it; between readers, one that joins others of its process may come late with a lower one.
 * Semaphores are judged by `Permits`.
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

  see({ pending, began, ended }: ClaimChange, now: number): void {
    for (const claim of ended) this.#end(claim, now);
    if (pending) this.#begin(pending);
    if (began && this.#of(began.lock).open.has(began)) this.#checkVoid(began);
    else if (began) this.#begin(began);
  }

  finish(open: readonly Claim[]): Violation[] {
    for (const claim of open) this.#end(claim, Infinity);
    for (const [claim, highest] of this.#suspects) {
      if (isExcused(claim, highest, this.#evidence)) continue;
      this.#violations.push({
        rule: 'fence',
        lock: claim.lock,
        at: claim.from,
        message: `the fencing token of ${claim.lock} did not grow: ${nameOf(claim)} came after ${nameOf(highest)}`,
      });
    }
    return this.#violations;
  }

  #begin(claim: Claim): void {
    if (claim.beside?.mode === 'permit') return;
    const ofLock = this.#of(claim.lock);
    ofLock.open.add(claim);
    const before = claim.beside ? ofLock.highestAlone : ofLock.highest;
    // It counts for nothing, unless the answer to a request that was under way makes it good.
    if (isGood(claim)) this.#compareFence(claim, before);
    else ofLock.void.set(claim, { before });
  }

  /** It may have become good since it began. */
  #checkVoid(claim: Claim): void {
    const ofLock = this.#of(claim.lock);
    const wasVoid = ofLock.void.get(claim);
    if (!wasVoid || !isGood(claim)) return;
    ofLock.void.delete(claim);
    this.#compareFence(claim, wasVoid.before);
  }

  #end(claim: Claim, now: number): void {
    if (claim.beside?.mode === 'permit') return;
    this.#checkVoid(claim);
    const ofLock = this.#of(claim.lock);
    ofLock.void.delete(claim);
    ofLock.open.delete(claim);
    if (!isGood(claim)) return;
    for (const other of ofLock.ended) this.#compare(other, claim);
    ofLock.ended.push(claim);
    const earliest = Math.min(now, ...[...ofLock.open].map((one) => one.from));
    ofLock.ended = ofLock.ended.filter((one) => one.until > earliest);
  }

  /** @param before - the claim with the highest fence of those that began earlier, and count */
  #compareFence(claim: Claim, before: Claim | undefined): void {
    const ofLock = this.#of(claim.lock);
    if (before && claim.fence <= before.fence) this.#suspects.push([claim, before]);
    ofLock.highest = higher(ofLock.highest, claim);
    if (!claim.beside) ofLock.highestAlone = higher(ofLock.highestAlone, claim);
  }

  #compare(a: Claim, b: Claim): void {
    if (a.beside && b.beside) return;
    const { from, until } = overlap(a, b);
    if (from >= until || isExcused(a, b, this.#evidence)) return;
    const [first, second] = a.from <= b.from ? [a, b] : [b, a];
    this.#violations.push({
      rule: 'exclusion',
      lock: a.lock,
      at: from,
      message: `${a.lock} was held by ${nameOf(first)} and ${nameOf(second)} at the same time for ${(until - from).toFixed(3)} ms`,
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

function higher(highest: Claim | undefined, claim: Claim): Claim {
  return highest && highest.fence >= claim.fence ? highest : claim;
}
