import type { LockRecord } from '../core/record.ts';

/**
 * Since when a lock has stood in the same hands, as this process has seen it. It belongs to the
 * process and survives attempts, so that many short waits add up to a long one.
 */
export class Progress {
  #holders: string | undefined;
  #since = 0;
  #each = new Map<string, number>();

  /** Takes in the record as seen at `now`; returns since when it has had these holders. */
  see(record: LockRecord, now: number): number {
    const holders = record.holders.map((entry) => entry.id).join(' ');
    if (holders !== this.#holders) {
      this.#holders = holders;
      this.#since = now;
      this.#each = new Map(record.holders.map(({ id }) => [id, this.#each.get(id) ?? now]));
    }
    return this.#since;
  }

  /** Since when it has had this holder, where others come and go beside it. */
  sinceOf(id: string): number {
    return this.#each.get(id) ?? this.#since;
  }
}
