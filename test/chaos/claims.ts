import type { Entry, WorkerProcess } from './history.ts';

/** From when until when one hold claimed the lock for itself, by its own clock. */
export interface Claim {
  readonly process: string;
  /** Of the session, in milliseconds. */
  readonly ttl: number;
  readonly call: number;
  readonly lock: string;
  readonly fence: bigint;
  /** The grant that it stands on: local turns of one process share it. */
  readonly grant: bigint;
  /** When the first local turn of that grant began. */
  readonly grantedAt: number;
  /** When it had been found valid for the first time. */
  readonly from: number;
  /** The call of release, the loss, or the last known end of validity, whichever was first. */
  readonly until: number;
  readonly end: 'open' | 'released' | 'lost' | 'unfinished';
}

type Growing = { -readonly [Key in keyof Claim]: Claim[Key] };

const FENCE_SCALE = 65_536n;

/** What an entry has told of claims. */
export interface ClaimChange {
  readonly began?: Claim;
  readonly ended: readonly Claim[];
}

/** Finds the claims in histories that are read in the order of time; keeps those that are open. */
export class Claims {
  readonly #processes = new Map<string, { from: WorkerProcess; open: Map<number, Growing> }>();
  /** By worker and lock, the latest grant. */
  readonly #grants = new Map<string, { grant: bigint; at: number }>();

  see({ from, line }: Entry): ClaimChange {
    if (!from) return { ended: [] };
    const worker = from.process.split('.')[0] ?? from.process;
    const before = this.#processes.get(worker);
    const isNew = before?.from.process !== from.process;
    const ended = isNew && before ? finishAll(before.from, before.open) : [];
    const open = isNew ? new Map<number, Growing>() : before.open;
    if (isNew) this.#processes.set(worker, { from, open });
    if (!('call' in line)) return { ended };
    if (line.type === 'held') {
      const { call, lock, at, until } = line;
      const fence = BigInt(line.fence);
      const grant = fence / FENCE_SCALE;
      const key = `${from.process} ${lock}`;
      const last = this.#grants.get(key);
      const grantedAt = last?.grant === grant ? last.at : at;
      this.#grants.set(key, { grant, at: grantedAt });
      const { process, ttl } = from;
      const claim: Growing = {
        ...{ process, ttl, call, lock, fence, grant, grantedAt },
        ...{ from: at, until, end: 'open' },
      };
      open.set(call, claim);
      return { began: claim, ended };
    }
    const claim = open.get(line.call);
    if (claim && line.type === 'still') claim.until = Math.max(claim.until, line.until);
    if (claim && (line.type === 'release' || line.type === 'lost')) {
      open.delete(line.call);
      claim.until = Math.min(claim.until, line.at);
      claim.end = line.type === 'lost' ? 'lost' : 'released';
      return { ended: [claim] };
    }
    return { ended };
  }

  /** The claims that are open when all has been read. */
  finish(): Claim[] {
    return [...this.#processes.values()].flatMap(({ from, open }) => finishAll(from, open));
  }
}

/**
 * The process is gone. Its claims reach to the end of their validity, as nobody can know that it is
 * dead until then; but for its supervisor, who knows at once.
 */
function finishAll({ killed }: WorkerProcess, open: Map<number, Growing>): Claim[] {
  const claims = [...open.values()];
  for (const claim of claims) {
    claim.end = 'unfinished';
    if (killed?.how === 'supervised') claim.until = Math.min(claim.until, killed.at);
  }
  return claims;
}

export function overlap(a: Claim, b: Claim): { from: number; until: number } {
  return { from: Math.max(a.from, b.from), until: Math.min(a.until, b.until) };
}
