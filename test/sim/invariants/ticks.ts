import { Violation } from './violation.ts';

/** The ticks of one schedule: each is begun once at most, and while nothing fails none is left out. */
export class Ticks {
  readonly #name: string;
  /** Milliseconds. */
  readonly #every: number;
  readonly #begun = new Map<number, string>();
  #last = -Infinity;

  constructor(name: string, every: number) {
    this.#name = name;
    this.#every = every;
  }

  /**
   * The work of a tick begins.
   *
   * @throws Violation `tick-twice`
   */
  begin(tick: number, who: string): void {
    const before = this.#begun.get(tick);
    if (before !== undefined) this.#violate('tick-twice', tick, `by ${who} after ${before}`);
    if (tick < this.#last) this.#violate('tick-twice', tick, `by ${who} after a later one`);
    this.#begun.set(tick, who);
    this.#last = tick;
  }

  /**
   * Nothing has failed in this time.
   *
   * @throws Violation `tick-missed`
   */
  checkCalm(from: number, to: number): void {
    const first = Math.ceil(from / this.#every) * this.#every;
    for (let tick = first; tick <= to; tick += this.#every) {
      if (!this.#begun.has(tick)) this.#violate('tick-missed', tick, 'by nobody');
    }
  }

  #violate(invariant: 'tick-twice' | 'tick-missed', tick: number, how: string): never {
    throw new Violation(invariant, `${this.#name}: ${new Date(tick).toISOString()} ${how}`);
  }
}
