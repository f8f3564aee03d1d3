import { Violation } from './violation.ts';

interface Wait {
  /** Whether anybody still waits: a process that is dead, or stands still, does not. */
  isLive(): boolean;
}

/** How long a name is free, or held by nobody who knows it, while somebody waits for it. */
export class Progress {
  readonly #isRelied: (name: string) => boolean;
  readonly #waits = new Map<string, Set<Wait>>();
  readonly #idleSince = new Map<string, number>();

  /** @param isRelied - whether anybody holds the name, and knows it */
  constructor(isRelied: (name: string) => boolean) {
    this.#isRelied = isRelied;
  }

  /** Somebody waits, until the returned function is called. */
  waits(name: string, isLive: () => boolean): () => void {
    let waits = this.#waits.get(name);
    if (!waits) this.#waits.set(name, (waits = new Set()));
    const wait = { isLive };
    waits.add(wait);
    return () => void waits.delete(wait);
  }

  /**
   * Looks, once in a while.
   *
   * @param since - the moment from which on it counts
   * @returns how long the longest has been idle: milliseconds
   * @throws Violation `stuck` when that is longer than `most`
   */
  look(now: number, since: number, most: number): number {
    let longest = 0;
    for (const [name, waits] of this.#waits) {
      const isIdle = [...waits].some((wait) => wait.isLive()) && !this.#isRelied(name);
      if (!isIdle) {
        this.#idleSince.delete(name);
        continue;
      }
      const from = this.#idleSince.get(name) ?? now;
      this.#idleSince.set(name, from);
      const idle = now - Math.max(from, since);
      if (idle > most) {
        throw new Violation('stuck', `${name}: held by nobody for ${String(Math.round(idle))} ms`);
      }
      longest = Math.max(longest, idle);
    }
    return longest;
  }
}
