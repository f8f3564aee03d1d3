import { Violation } from './violation.ts';

/** What a lock protects, and what checks its fencing tokens: a row in a database, say. */
export class FencedResource {
  readonly #name: string;
  #fence = -1n;
  #order: number | undefined = 0;
  accepted = 0;
  /** Of writers that had been followed by another. */
  refused = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /**
   * A write arrives.
   *
   * @param order - which grant of the lock it comes from, which the resource does not know; undefined if
   * only the fence can tell
   * @throws Violation `stale-write`
   */
  write(fence: bigint, order: number | undefined): void {
    const isAccepted = fence >= this.#fence;
    const last = this.#order;
    const isStale = order === undefined || last === undefined ? !isAccepted : order < last;
    if (isAccepted === isStale) {
      const verb = isAccepted ? 'accepted' : 'refused';
      const grants = `grant ${String(order)}, the last write was of ${String(this.#order)}`;
      throw new Violation('stale-write', `${this.#name} ${verb} ${String(fence)}: ${grants}`);
    }
    if (isStale) {
      this.refused += 1;
      return;
    }
    this.accepted += 1;
    this.#fence = fence;
    this.#order = order;
  }
}
