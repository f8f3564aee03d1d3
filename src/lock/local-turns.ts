import type { Holding } from './holding.ts';

/** After so many local turns in a row the process looks whether others wait. */
const TURNS_IN_A_ROW = 16;

/** How long a process that holds a lock hands it over among its own callers while others may wait. */
export class LocalTurns {
  #inARow = 0;

  /** It was granted the lock. */
  restart(): void {
    this.#inARow = 0;
  }

  /** It has handed it over. */
  count(): void {
    this.#inARow += 1;
  }

  mayGoOn(holding: Holding): boolean {
    if (!holding.hasTurnsLeft) return false;
    const { othersWait } = holding;
    if (this.#inARow < TURNS_IN_A_ROW) return true;
    if (othersWait === undefined) holding.watch();
    if (othersWait === false) this.#inARow = 0;
    // Where that cannot be found out, the record is asked by a release.
    return othersWait === undefined ? this.#inARow < 2 * TURNS_IN_A_ROW : !othersWait;
  }
}
