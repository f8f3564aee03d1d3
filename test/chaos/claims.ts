import type { ProcessHistory } from './history.ts';

/** From when until when one hold claimed the lock for itself, by its own clock. */
export interface Claim {
  readonly process: string;
  readonly call: number;
  readonly lock: string;
  readonly fence: bigint;
  /** The grant that it stands on: local turns of one process share it. */
  readonly grant: bigint;
  /** When it had been found valid for the first time. */
  readonly from: number;
  /** The call of release, the loss, or the last known end of validity, whichever was first. */
  readonly until: number;
  readonly end: 'released' | 'lost' | 'unfinished';
}

const FENCE_SCALE = 65_536n;

/**
 * The claims of one process. That of a killed process reaches to the end of its validity: until
 * then nobody can know that it is dead.
 */
export function claimsOf(history: ProcessHistory): Claim[] {
  const claims = new Map<number, Claim>();
  for (const line of history.lines) {
    if (!('call' in line)) continue;
    const claim = claims.get(line.call);
    if (line.type === 'held') {
      const { call, lock, at: from, until } = line;
      const fence = BigInt(line.fence);
      const { process } = history;
      const grant = fence / FENCE_SCALE;
      claims.set(call, { process, call, lock, fence, grant, from, until, end: 'unfinished' });
    } else if (claim?.end === 'unfinished') {
      if (line.type === 'still') {
        const until = Math.max(claim.until, line.until);
        claims.set(line.call, { ...claim, until });
      } else if (line.type === 'release' || line.type === 'lost') {
        const end = line.type === 'lost' ? 'lost' : 'released';
        claims.set(line.call, { ...claim, until: Math.min(claim.until, line.at), end });
      }
    }
  }
  return [...claims.values()];
}

export function overlap(a: Claim, b: Claim): { from: number; until: number } {
  return { from: Math.max(a.from, b.from), until: Math.min(a.until, b.until) };
}
