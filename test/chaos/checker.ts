import { Claims } from './claims.ts';
import type { ClaimChange } from './claims.ts';
import type { Evidence, Violation } from './evidence.ts';
import { Exclusion } from './exclusion.ts';
import type { Entry } from './history.ts';
import { Leftovers } from './leftovers.ts';
import { Permits } from './permits.ts';
import { Recoveries } from './recoveries.ts';
import { StaleWrites } from './stale-writes.ts';
import { Turns } from './turns.ts';

/**
 * Everything that a run must never show. Is given all that was recorded in the order of time, and keeps
 * only what is under way: an hour takes no more memory than a minute.
 */
export class Checker {
  readonly recoveries: Recoveries;
  readonly staleWrites: StaleWrites;
  readonly #claims = new Claims();
  readonly #exclusion: Exclusion;
  readonly #permits: Permits;
  readonly #turns: Turns;
  readonly #leftovers: Leftovers;

  constructor(evidence: Evidence) {
    this.recoveries = new Recoveries(evidence);
    this.staleWrites = new StaleWrites(evidence);
    this.#exclusion = new Exclusion(evidence);
    this.#permits = new Permits(evidence);
    this.#turns = new Turns(evidence);
    this.#leftovers = new Leftovers(evidence);
  }

  see(entry: Entry): ClaimChange {
    const change = this.#claims.see(entry);
    this.#exclusion.see(change, entry.line.at);
    this.#permits.see(entry, change);
    this.recoveries.see(entry, change);
    this.#turns.see(entry);
    this.#leftovers.see(entry);
    this.staleWrites.see(entry);
    return change;
  }

  finish(): Violation[] {
    const open = this.#claims.finish();
    return [
      ...this.#exclusion.finish(open),
      ...this.#permits.finish(open),
      ...this.#turns.finish(),
      ...this.recoveries.finish(),
      ...this.staleWrites.finish(),
      ...this.#leftovers.finish(),
    ];
  }
}
