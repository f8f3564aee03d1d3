import type { Answer, Operation } from './messages.ts';

/**
 * What the lock is there for: a number that only one process at a time may change. It trusts no lock. It
 * remembers the highest fencing token that it has seen and refuses lower ones, which is all that a
 * receiver has to do. Reading counts: whoever reads in order to write shuts out earlier holders from then on.
 */
export class ProtectedResource {
  #highestFence = 0n;
  #value = 0;

  /** The highest fencing token seen. */
  get highestFence(): bigint {
    return this.#highestFence;
  }

  get value(): number {
    return this.#value;
  }

  apply({ id, kind, fence, value }: Operation): Answer {
    const accepted = fence >= this.#highestFence;
    if (accepted) this.#highestFence = fence;
    if (accepted && kind === 'write') this.#value = value;
    return { type: 'answer', id, accepted, value: this.#value };
  }
}
