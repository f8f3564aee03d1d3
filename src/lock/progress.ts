import type { LockRecord } from '../core/record.ts';

/**
 * Since when a lock has stood in the same hands, as this process has seen it. It belongs to the
 * process and survives attempts, so that many short waits add up to a long one.
 */
export class Progress {
  #holders: string | undefined;
  #since = 0;

  /** Takes in the record as seen at `now`; returns since when it has had these holders. */
  see(record: LockRecord, now: number): number {
    const holders = record.holders.map((entry) => entry.id).join(' ');
    if (holders !== this.#holders) {
      this.#holders = holders;
      this.#since = now;
    }
    return this.#since;
  }
}
