import type { Lease } from '../core/lease.ts';

/**
 * What tells one renewal of a session from the next. Not its resourceVersion: others may label a
 * dead session for ever.
 */
export function heartbeat(lease: Lease | undefined, uid: string): string {
  // Gone, or made again: the session itself is missing either way.
  if (!lease || lease.metadata.uid !== uid) return 'missing';
  return `${lease.spec?.holderIdentity ?? ''} ${lease.spec?.renewTime ?? ''}`;
}

/** What one process has seen of one session; outlives the attempts that looked. */
export class Sighting {
  #heartbeat: string | undefined;
  #since = 0;

  /** Takes in what was seen at `now`. */
  see(beat: string, now: number): void {
    if (beat === this.#heartbeat) return;
    this.#heartbeat = beat;
    this.#since = now;
  }

  get heartbeat(): string | undefined {
    return this.#heartbeat;
  }

  /** Since when nothing has changed, on this process's clock; undefined before the first sight. */
  get since(): number | undefined {
    return this.#heartbeat === undefined ? undefined : this.#since;
  }
}
