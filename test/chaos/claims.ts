import type { Company, Entry, Line, WorkerProcess } from './history.ts';

/** From when until when one hold claimed the lock for itself, by its own clock. */
export interface Claim {
  readonly process: string;
  /** Of the session, in milliseconds. */
  readonly ttl: number;
  readonly call: number;
  readonly lock: string;
  /** Beside whom; undefined when alone. */
  readonly beside: Company | undefined;
  readonly fence: bigint;
  /** The grant that it stands on: local turns, and readers, of one process share it. */
  readonly grant: bigint;
  /** When the first of those who share that grant had it. */
  readonly grantedAt: number;
  /** When it had been found valid for the first time; of what was downgraded, when that was called. */
  readonly from: number;
  /** The call of release, the loss, or the last known end of validity, whichever was first. */
  readonly until: number;
  readonly end: 'open' | 'released' | 'lost' | 'unfinished';
}

type Growing = { -readonly [Key in keyof Claim]: Claim[Key] };

type Held = Extract<Line, { type: 'held' }>;

const FENCE_SCALE = 65_536n;
/** A process has few grants of one lock at a time. */
const KEPT_GRANTS = 16;

/** What an entry has told of claims. */
export interface ClaimChange {
  readonly began?: Claim;
  /**
   * A downgrade was called: nobody writes from then on, if that turns out well. Then it begins, and else it
   * ends without having been valid.
   */
  readonly pending?: Claim;
  readonly ended: readonly Claim[];
}

/** Finds the claims in histories that are read in the order of time; keeps those that are open. */
export class Claims {
  readonly #processes = new Map<string, { from: WorkerProcess; open: Map<number, Growing> }>();
  /** By process and lock, when the latest grants were first held. */
  readonly #grants = new Map<string, Map<bigint, number>>();

  see({ from, line }: Entry): ClaimChange {
    if (!from) return { ended: [] };
    const worker = from.process.split('.')[0] ?? from.process;
    const before = this.#processes.get(worker);
    const isNew = before?.from.process !== from.process;
    const ended = isNew && before ? finishAll(before.from, before.open) : [];
    const open = isNew ? new Map<number, Growing>() : before.open;
    if (isNew) this.#processes.set(worker, { from, open });
    if (!('call' in line)) return { ended };
    if (line.type === 'wait' && line.how === 'downgrade') {
      const { process, ttl } = from;
      const { call, lock, beside, at } = line;
      const pending: Growing = {
        ...{ process, ttl, call, lock, beside, fence: 0n, grant: 0n, grantedAt: at },
        ...{ from: at, until: at, end: 'open' },
      };
      open.set(call, pending);
      return { pending, ended };
    }
    if (line.type === 'held') {
      const began = this.#began(from, line, open.get(line.call));
      open.set(line.call, began);
      return { began, ended };
    }
    const claim = open.get(line.call);
    if (claim && line.type === 'still') claim.until = Math.max(claim.until, line.until);
    if (claim && (line.type === 'release' || line.type === 'lost' || line.type === 'unheld')) {
      open.delete(line.call);
      claim.until = Math.min(claim.until, line.at);
      claim.end = line.type === 'release' ? 'released' : 'lost';
      return { ended: [claim] };
    }
    return { ended };
  }

  /** The claims that are open when all has been read. */
  finish(): Claim[] {
    return [...this.#processes.values()].flatMap(({ from, open }) => finishAll(from, open));
  }

  #began(from: WorkerProcess, line: Held, pending: Growing | undefined): Growing {
    const { call, lock, beside, at, until } = line;
    const { process, ttl } = from;
    const fence = BigInt(line.fence);
    const grant = fence / FENCE_SCALE;
    const grantedAt = this.#grantedAt(`${process} ${lock}`, grant, at);
    if (pending) return Object.assign(pending, { fence, grant, grantedAt, until });
    return {
      ...{ process, ttl, call, lock, beside, fence, grant, grantedAt },
      ...{ from: at, until, end: 'open' },
    };
  }

  #grantedAt(key: string, grant: bigint, at: number): number {
    let grants = this.#grants.get(key);
    if (!grants) this.#grants.set(key, (grants = new Map<bigint, number>()));
    const first = grants.get(grant);
    if (first !== undefined) return first;
    grants.set(grant, at);
    const [oldest] = grants.keys();
    if (grants.size > KEPT_GRANTS && oldest !== undefined) grants.delete(oldest);
    return at;
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

/** Whether it was ever valid. */
export function isGood({ from, until }: Claim): boolean {
  return until > from;
}

export function overlap(a: Claim, b: Claim): { from: number; until: number } {
  return { from: Math.max(a.from, b.from), until: Math.min(a.until, b.until) };
}

/** For people. */
export function nameOf({ process, call, beside, fence, from, until, end }: Claim): string {
  const as = !beside
    ? ''
    : beside.mode === 'shared'
      ? 'read, '
      : `${String(beside.weight)} of it, `;
  return `${process} call ${String(call)} (${as}fence ${String(fence)}, ${from.toFixed(3)} to ${until.toFixed(3)}, ${end})`;
}
