import { LeaseholdError } from '../core/errors.ts';
import { Hold } from './held.ts';
import type { Held } from './held.ts';
import type { Lock } from './lock.ts';

/**
 * A lock that many may read by at the same time, and one may write by alone. Made by
 * `Leasehold.readWriteLock`.
 *
 * Whoever asks first is served first: a reader that comes after a waiting writer waits behind it, so that
 * writers do not starve. The readers of one process share one entry while nobody of another is known to wait, and
 * all readers next to each other in the queue are granted by one write.
 *
 * Inside `run` of one of the two, the other fails with `DEADLOCK`: it would wait for itself. A read cannot
 * become a write, as two that tried would wait for each other; a write can become a read, see
 * {@link ReadWriteLock.downgrade}.
 */
export class ReadWriteLock {
  /** The lock's name, as given. */
  readonly name: string;
  /**
   * Held by any number of readers at a time, while nobody writes. `acquire` of the first reader sends one
   * CREATE, of a later one a refused CREATE, a GET and one PUT, or a PATCH if somebody waits; a reader of a
   * process that reads already sends nothing while nobody of another waits.
   */
  readonly read: Lock;
  /** Held by one at a time, alone; the same as `lock` of this name. */
  readonly write: Lock;

  /** @internal */
  constructor(name: string, read: Lock, write: Lock) {
    this.name = name;
    this.read = read;
    this.write = write;
  }

  /**
   * Makes of a hold of `write` one of `read`, without a gap in which others could write: those who wait to
   * read and are next may read, too, from then on. The hold that is passed is over at once, so stop
   * writing first; release the one that is returned.
   *
   * Sends one PUT.
   *
   * @example
   * ```ts
   * const catalogue = leasehold.readWriteLock('catalogue');
   * const writing = await catalogue.write.acquire();
   * await writeReport(writing);
   * await using reading = await catalogue.downgrade(writing);
   * await readReport(reading);
   * ```
   * @param held - of `write` of this lock: of `acquire`, `tryAcquire`, or what `run` passes to its work
   * @throws LeaseholdError `INVALID_ARGUMENT`; `LOST` when it is not held any more; `FORBIDDEN`,
   * `FOREIGN_LEASE` or `API_ERROR`, after a release
   */
  async downgrade(held: Held): Promise<Held> {
    if (held instanceof Hold && held.name === this.name) return held.downgrade();
    throw new LeaseholdError(
      'INVALID_ARGUMENT',
      `what is to be downgraded is no hold of ${this.name}: pass what its write.acquire() resolved with`,
    );
  }
}
