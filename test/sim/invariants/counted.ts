import { Violation } from './violation.ts';

/**
 * What may be true of a counter, by what its users were told. Every change of it adds something: an
 * acknowledged one has a stretch of the number line to itself, and what nobody was told of fits into what is left.
 */
export class Counted {
  readonly #name: string;
  readonly #stretches: { readonly from: number; readonly to: number; readonly who: string }[] = [];
  #possible = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** Somebody was told that it brought the counter from one value to the other. */
  acknowledged(from: number, to: number, who: string): void {
    this.#stretches.push({ from, to, who });
  }

  /** So much may have been added, or not. */
  unknown(n: number): void {
    this.#possible += n;
  }

  /** @throws Violation */
  judge(value: number): void {
    const stretches = [...this.#stretches].sort((a, b) => a.from - b.from);
    let reached = 0;
    let gaps = 0;
    for (const { from, to, who } of stretches) {
      if (from < reached) {
        throw new Violation('counted-once', `${this.#name}: ${String(to)} of ${who} overlaps`);
      }
      gaps += from - reached;
      reached = to;
    }
    if (value < reached) {
      const told = `${this.#name}: ${String(value)}, and somebody was told ${String(reached)}`;
      throw new Violation('counted-once', told);
    }
    gaps += value - reached;
    if (gaps <= this.#possible) return;
    const most = `${String(gaps)} more than was acknowledged, at most ${String(this.#possible)} unknown`;
    throw new Violation('counted-once', `${this.#name}: ${most}`);
  }
}
