/** Each watch costs the API server some memory, and this process too. */
const MOST_HOLD_WATCHES = 100;

/**
 * How many held locks are watched at the same time. Watching spares a release one request when
 * somebody waits; past the limit a release finds out by a conflict.
 */
export class HoldWatches {
  #open = 0;

  /** Whether one more held lock may be watched; give it back with {@link release}. */
  take(): boolean {
    if (this.#open >= MOST_HOLD_WATCHES) return false;
    this.#open += 1;
    return true;
  }

  release(): void {
    this.#open -= 1;
  }
}
