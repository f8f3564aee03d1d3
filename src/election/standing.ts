import type { Parts } from '../core/parts.ts';
import { Fitness } from './fitness.ts';
import type { ElectionPolicy } from './policy.ts';

/** The list of candidates, of one of them. */
export interface Roster {
  /** This candidate is to be in the list from now on; the list may learn of it later. */
  enter(): void;
  /** It is not any more; resolves when the list says so, or cannot be reached. */
  leave(): Promise<void>;
}

/**
 * Whether and since when a candidate may stand: it is wanted, healthy, and has been both for as long
 * as it is to wait. Then it is in the list of candidates, too, while it leads included.
 */
export class Standing {
  readonly #parts: Parts;
  readonly #fitness: Fitness;
  readonly #standFor: number;
  readonly #roster: Roster | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #leaving = new Set<Promise<void>>();
  #wanted = 0;
  #listed = false;
  #ended = false;
  #cancelEntry: () => void = () => undefined;

  constructor(
    parts: Parts,
    how: {
      election: string;
      policy: ElectionPolicy;
      every: number;
      roster: Roster | undefined;
    },
  ) {
    this.#parts = parts;
    this.#standFor = how.policy.standFor;
    this.#roster = how.roster;
    const changed = (): void => {
      this.#enlist();
      for (const listener of [...this.#listeners]) listener();
    };
    this.#fitness = new Fitness(parts, how.election, how.policy, how.every, changed);
  }

  /** From when on it may campaign, on the clock's scale; infinitely late while it may not. */
  get from(): number {
    const { since } = this.#fitness;
    return since === undefined ? Number.POSITIVE_INFINITY : since + this.#standFor;
  }

  /** Why it must not lead; undefined if nothing is known to be wrong. */
  get sickness(): string | undefined {
    return this.#fitness.detail;
  }

  /** Calls `listener` whenever its health changes, until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** It is wanted until the returned function is called. */
  want(): () => void {
    this.#wanted += 1;
    if (this.#wanted === 1 && !this.#ended) {
      this.#fitness.start();
      this.#enlist();
    }
    let wanted = true;
    return () => {
      if (!wanted) return;
      wanted = false;
      this.#wanted -= 1;
      if (this.#wanted > 0) return;
      this.#fitness.stop();
      this.#enlist();
    };
  }

  /** For good, whoever wants it. Resolves when it is out of the list. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#fitness.stop();
    this.#enlist();
    await Promise.all(this.#leaving);
  }

  #enlist(): void {
    this.#cancelEntry();
    if (!this.#roster) return;
    const isWanted = this.#wanted > 0 && !this.#ended;
    const wait = isWanted ? this.from - this.#parts.clock.now() : Number.POSITIVE_INFINITY;
    if (wait <= 0) {
      if (this.#listed) return;
      this.#listed = true;
      this.#roster.enter();
      return;
    }
    if (this.#listed) {
      this.#listed = false;
      const leaving = this.#roster.leave().finally(() => this.#leaving.delete(leaving));
      this.#leaving.add(leaving);
    }
    if (!Number.isFinite(wait)) return;
    this.#cancelEntry = this.#parts.clock.schedule(wait, () => {
      this.#enlist();
    });
  }
}
