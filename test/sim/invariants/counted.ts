import { Violation } from './violation.ts';

interface Account {
  /** By how much it has changed the counter, as etcd knows. */
  written: number;
  /** How much of that it was told of. */
  acknowledged: number;
  /** How much may have been added besides. */
  possible: number;
}

/**
 * What may be true of a counter, by what its users were told. Every change of it adds something: an
 * acknowledged one has a stretch of the number line to itself, and each process has written what it was told
 * of, and no more than what it does not know of besides.
 */
export class Counted {
  readonly #name: string;
  readonly #stretches: { readonly from: number; readonly to: number; readonly who: string }[] = [];
  readonly #accounts = new Map<string, Account>();

  constructor(name: string) {
    this.#name = name;
  }

  /** Somebody was told that it brought the counter from one value to the other. */
  acknowledged(from: number, to: number, who: string): void {
    this.#stretches.push({ from, to, who });
    this.#accountOf(who).acknowledged += to - from;
  }

  /** So much may have been added, or not. */
  unknown(n: number, who: string): void {
    this.#accountOf(who).possible += n;
  }

  written(n: number, who: string): void {
    this.#accountOf(who).written += n;
  }

  /** @throws Violation */
  judge(value: number): void {
    let reached = 0;
    for (const { from, to, who } of [...this.#stretches].sort((a, b) => a.from - b.from)) {
      if (from < reached) throw this.#wrong(`${String(to)} of ${who} overlaps`);
      reached = to;
    }
    if (value < reached) throw this.#wrong(`${String(value)}, and told was ${String(reached)}`);
    for (const [who, { written, acknowledged, possible }] of this.#accounts) {
      if (written >= acknowledged && written <= acknowledged + possible) continue;
      const told = `was told of ${String(acknowledged)}, ${String(possible)} unknown`;
      throw this.#wrong(`${who} wrote ${String(written)}, ${told}`);
    }
  }

  #wrong(what: string): Violation {
    return new Violation('counted-once', `${this.#name}: ${what}`);
  }

  #accountOf(who: string): Account {
    let account = this.#accounts.get(who);
    if (!account) {
      account = { written: 0, acknowledged: 0, possible: 0 };
      this.#accounts.set(who, account);
    }
    return account;
  }
}
