/** Lets a level-triggered loop sleep until any of its sources says that something may be new. */
export class Wakeup {
  #pending = false;
  #resolve: (() => void) | undefined;

  readonly wake = (): void => {
    this.#pending = true;
    this.#resolve?.();
  };

  /** Resolves at the next wake, or at once if one came since the last wait. */
  async wait(): Promise<void> {
    if (!this.#pending) await new Promise<void>((resolve) => (this.#resolve = resolve));
    this.#resolve = undefined;
    this.#pending = false;
  }
}
