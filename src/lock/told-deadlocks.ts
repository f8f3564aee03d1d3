const MOST_REMEMBERED = 1_000;

/** The deadlocks that a process has been told of. */
export class ToldDeadlocks {
  readonly #told = new Set<string>();

  /** Whether it is a new one. */
  add(deadlock: string): boolean {
    if (this.#told.has(deadlock)) return false;
    if (this.#told.size >= MOST_REMEMBERED) this.#told.clear();
    this.#told.add(deadlock);
    return true;
  }
}
