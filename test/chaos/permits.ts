import { isGood, nameOf } from './claims.ts';
import type { Claim, ClaimChange } from './claims.ts';
import type { Evidence, Violation } from './evidence.ts';
import { workerOf } from './history.ts';
import type { Entry, WorkerProcess } from './history.ts';
import { isExcused } from './steals.ts';

interface OfSemaphore {
  /** Claims that are not over, or that have not been read to their end. */
  readonly open: Set<Claim>;
  /** Claims that are over, as long as one that is not judged may have been beside them. */
  ended: Claim[];
  /** Of those that are over: not all who were there at their beginning are. */
  unjudged: Claim[];
  /** The one with the highest fence. */
  highest?: Claim;
}

/**
 * At no moment are more permits claimed than there are; and the fencing token of a hold is higher than those
 * of all that were held before it was asked for. Who was granted first of two that were asked for at the same time
 * nobody can tell from their histories, and both may have come by one write: their tokens say nothing.
 */
export class Permits {
  readonly #evidence: Evidence;
  readonly #semaphores = new Map<string, OfSemaphore>();
  /** By process and call: the highest fence when the call began. */
  readonly #asked = new Map<WorkerProcess, Map<number, Claim | undefined>>();
  readonly #violations: Violation[] = [];

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
  }

  see({ from, line }: Entry, { began, ended }: ClaimChange): void {
    for (const claim of ended) this.#end(claim, line.at);
    if (!from) return;
    if (line.type === 'begin') this.#forget(from);
    if (line.type === 'wait' && line.beside?.mode === 'permit') {
      let asked = this.#asked.get(from);
      if (!asked) this.#asked.set(from, (asked = new Map<number, Claim | undefined>()));
      asked.set(line.call, this.#of(line.lock).highest);
    }
    if (began) this.#begin(began, this.#asked.get(from)?.get(began.call));
    if (line.type === 'held' || line.type === 'unheld') this.#asked.get(from)?.delete(line.call);
  }

  finish(open: readonly Claim[]): Violation[] {
    for (const claim of open) this.#end(claim, Infinity);
    return this.#violations;
  }

  /** @param before - of those that were held when it was asked for, the one with the highest fence */
  #begin(claim: Claim, before: Claim | undefined): void {
    if (claim.beside?.mode !== 'permit') return;
    const { lock, fence, from } = claim;
    const semaphore = this.#of(lock);
    semaphore.open.add(claim);
    if (!semaphore.highest || fence > semaphore.highest.fence) semaphore.highest = claim;
    // No steal excuses that: a grant is told once, and every write gets a version that was never there.
    if (!before || fence > before.fence) return;
    this.#violations.push({
      ...{ rule: 'fence', lock, at: from },
      message: `the fencing token of ${lock} did not grow: ${nameOf(claim)} was asked for after ${nameOf(before)}`,
    });
  }

  #end(claim: Claim, now: number): void {
    if (claim.beside?.mode !== 'permit') return;
    const semaphore = this.#of(claim.lock);
    semaphore.open.delete(claim);
    if (isGood(claim)) {
      semaphore.ended.push(claim);
      semaphore.unjudged.push(claim);
    }
    // Whoever was there before that moment has been read to its end.
    const earliest = Math.min(now, ...[...semaphore.open].map(({ from }) => from));
    for (const one of semaphore.unjudged) if (one.from < earliest) this.#judge(one, semaphore);
    semaphore.unjudged = semaphore.unjudged.filter(({ from }) => from >= earliest);
    semaphore.ended = semaphore.ended.filter(({ until }) => until > earliest);
  }

  /** What is claimed grows only where a claim begins. */
  #judge(claim: Claim, { ended }: OfSemaphore): void {
    const { lock, beside, from: at } = claim;
    const limit = beside?.mode === 'permit' ? beside.limit : 0;
    const claimed = ended
      .filter(({ from, until }) => from <= at && at < until)
      .toSorted((a, b) => (a.grant < b.grant ? 1 : -1));
    if (weightOf(claimed) <= limit) return;
    // A steal takes all who hold, so it parts older grants from younger ones: of each part alone the sum counts.
    for (let newest = 0; newest < claimed.length; newest += 1) {
      const together: Claim[] = [];
      for (const one of claimed.slice(newest)) {
        if (together.every((other) => !isExcused(one, other, this.#evidence))) together.push(one);
      }
      if (weightOf(together) <= limit || !together.includes(claim)) continue;
      this.#violations.push({
        ...{ rule: 'permits', lock, at },
        message: `${String(weightOf(together))} permits of ${lock}, which has ${String(limit)}, were held at the same time: ${together.map(nameOf).join(', ')}`,
      });
      return;
    }
  }

  /** Earlier processes of the same worker are dead: they ask for nothing. */
  #forget(from: WorkerProcess): void {
    for (const process of this.#asked.keys()) {
      if (process !== from && workerOf(process.process) === workerOf(from.process)) {
        this.#asked.delete(process);
      }
    }
  }

  #of(lock: string): OfSemaphore {
    let semaphore = this.#semaphores.get(lock);
    if (!semaphore) {
      semaphore = { open: new Set(), ended: [], unjudged: [] };
      this.#semaphores.set(lock, semaphore);
    }
    return semaphore;
  }
}

function weightOf(claims: readonly Claim[]): number {
  return claims.reduce(
    (sum, { beside }) => sum + (beside?.mode === 'permit' ? beside.weight : 0),
    0,
  );
}
