import type { Lock } from './lock.ts';

/**
 * A lock that many may read by at the same time, and one may write by alone. Made by
 * `Leasehold.readWriteLock`.
 *
 * Whoever asks first is served first: a reader that comes after a waiting writer waits behind it, so that
 * writers do not starve. The readers of one process share one entry, and all readers next to each other in the
 * queue are granted by one write.
 */
export class ReadWriteLock {
  /** The lock's name, as given. */
  readonly name: string;
  /** Held by any number of readers at a time, while nobody writes. */
  readonly read: Lock;
  /** Held by one at a time, alone; the same as `lock` of this name. */
  readonly write: Lock;

  /** @internal */
  constructor(name: string, read: Lock, write: Lock) {
    this.name = name;
    this.read = read;
    this.write = write;
  }
}
