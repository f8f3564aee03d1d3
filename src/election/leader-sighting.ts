import type { Lease } from '../core/lease.ts';

/** Since when this process has seen a leader without a renewal; survives its campaigns. */
export class LeaderSighting {
  #beat: string | undefined;
  #since = 0;

  /** Takes in the Lease as seen at `now`; returns since when it has looked like this. */
  see(lease: Lease, now: number): number {
    const { uid } = lease.metadata;
    const { holderIdentity, renewTime } = lease.spec ?? {};
    const beat = `${uid ?? ''} ${holderIdentity ?? ''} ${renewTime ?? ''}`;
    if (beat !== this.#beat) {
      this.#beat = beat;
      this.#since = now;
    }
    return this.#since;
  }
}
