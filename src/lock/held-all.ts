import { linked } from '../core/abort.ts';
import type { Held } from './held.ts';

/** Several locks that this process holds together, until they are released or one of them is lost. */
export interface HeldAll<N extends string = string> extends AsyncDisposable {
  /**
   * The fencing token of each lock, by the name that was given: as `held.fence` of that lock. Send along
   * with a write the one of the lock that protects what is written.
   */
  readonly fences: Readonly<Record<N, bigint>>;
  /** Whether all of them are still held, by this process's own clock; computed when asked. */
  readonly valid: boolean;
  /** Milliseconds for which all of them stay valid if no further renewal succeeds; 0 when one is not. */
  readonly validFor: number;
  /** Aborts with a LeaseholdError `LOST` as soon as one of them is lost before it is released. */
  readonly signal: AbortSignal;
  /**
   * Gives all of them up, the last one first. Resolves when the API server has confirmed it, or when the
   * session has ended; never rejects. Releasing again does nothing.
   *
   * Sends for each lock what `Held.release` of it sends.
   */
  release(): Promise<void>;
}

/** Several holds as one. */
export class HoldAll<N extends string> implements HeldAll<N> {
  readonly fences: Readonly<Record<N, bigint>>;
  /** In the order in which they were acquired. */
  readonly holds: readonly Held[];
  #linked: ReturnType<typeof linked> | undefined;
  #releasing: Promise<void> | undefined;

  /** @param byName - some under several names */
  constructor(holds: readonly Held[], byName: ReadonlyMap<N, Held>) {
    this.holds = holds;
    const fences = Object.create(null) as Record<N, bigint>;
    for (const [name, { fence }] of byName) fences[name] = fence;
    this.fences = Object.freeze(fences);
  }

  get valid(): boolean {
    return !this.#releasing && this.holds.every(({ valid }) => valid);
  }

  get validFor(): number {
    return this.valid ? Math.min(...this.holds.map(({ validFor }) => validFor)) : 0;
  }

  get signal(): AbortSignal {
    this.#linked ??= linked(this.holds.map(({ signal }) => signal));
    return this.#linked.signal;
  }

  release(): Promise<void> {
    this.#releasing ??= releaseAll(this.holds).then(() => this.#linked?.unlink());
    return this.#releasing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

/** All at once, the last one first: whoever waits for several is not let into the first to wait on. */
export async function releaseAll(holds: readonly Held[]): Promise<void> {
  await Promise.all([...holds].reverse().map((held) => held.release()));
}
