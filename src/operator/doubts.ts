import type { Report, Reporter } from './report.ts';

type Doubtful = Extract<Report, { type: 'doubtful' }>;

const MOST_REMEMBERED = 5_000;

/** Tells once of each Lease that is left to its duration as clocks do not agree about its holder's end. */
export class Doubts {
  readonly #report: Reporter;
  readonly #told = new Set<string>();

  constructor(report: Reporter) {
    this.#report = report;
  }

  tell(doubt: Omit<Doubtful, 'type'>): void {
    const { namespace, lease, holder, proof } = doubt;
    const key = `${namespace}/${lease} ${holder} ${proof.containerID}`;
    if (this.#told.has(key)) return;
    if (this.#told.size >= MOST_REMEMBERED) this.#told.clear();
    this.#told.add(key);
    this.#report({ type: 'doubtful', ...doubt });
  }
}
