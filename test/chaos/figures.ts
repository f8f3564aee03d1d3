import { roleOf } from './administrator.ts';
import type { Checker } from './checker.ts';
import type { Claim, ClaimChange } from './claims.ts';
import { healedAt } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import { isSessionOf } from './history.ts';
import type { Entry, Line } from './history.ts';
import { LONGER } from './recoveries.ts';
import type { Recovery, StormRecovery } from './recoveries.ts';
import type { WriteCounts } from './stale-writes.ts';
import { READ_WRITE_LOCK } from './wanted.ts';

/** How long something took, in milliseconds; `ttls` is the median in ttls of whoever was hurt. */
export interface Distribution {
  readonly name: string;
  readonly count: number;
  readonly median: number;
  readonly p90: number;
  readonly worst: number;
  readonly ttls: number | undefined;
}

export interface Figures {
  /** Holds that followed one of another process, and could not be beside it. */
  readonly handoffs: number;
  /** All holds, local turns included. */
  readonly holds: number;
  readonly calls: number;
  readonly terms: number;
  /** By what was asked for. */
  readonly modes: Readonly<Record<Mode, ModeCounts>>;
  readonly processes: number;
  /** What calls ended with, when not with a hold. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** How many of each kind. */
  readonly faults: Readonly<Record<string, number>>;
  readonly storms: number;
  readonly writes: Readonly<WriteCounts>;
  /** From the end of a storm to the next grant, over all locks; then by cause. */
  readonly afterStorms: readonly Distribution[];
  /** From a fault that hit the holder to the next grant of the lock, by cause: without other faults. */
  readonly bySingle: readonly Distribution[];
  /** The same in the midst of other faults. */
  readonly byCause: readonly Distribution[];
  /** Of those without other faults: after what only the ttl can tell. */
  readonly byTtl: Distribution | undefined;
  readonly longest: readonly Recovery[];
  /** The longest that anybody waited. */
  readonly longestWait: number;
  /** Leases that were left when all workers had ended. */
  readonly leftovers: Readonly<Record<string, number>>;
}

export type Mode = 'lock' | 'write' | 'read' | 'downgraded' | 'permit' | 'term';

export interface ModeCounts {
  calls: number;
  holds: number;
  /** Of these, how many began while another process held it, too; undefined of what is held alone. */
  beside?: number;
}

const LONGEST = 5;

/** Counts while the histories are read. */
export class Tally {
  readonly #evidence: Evidence;
  readonly #holders = new Map<string, Claim>();
  readonly #open = new Map<string, Set<Claim>>();
  readonly #modes: Record<Mode, ModeCounts> = {
    ...{ lock: alone(), write: alone(), read: shared() },
    ...{ downgraded: shared(), permit: shared(), term: alone() },
  };
  readonly #waits = new Map<string, { readonly at: number; readonly mode: Mode }>();
  readonly #outcomes: Record<string, number> = {};
  #handoffs = 0;
  #holds = 0;
  #calls = 0;
  #longestWait = 0;

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
  }

  see({ from, line }: Entry, { began, ended }: ClaimChange): void {
    for (const claim of ended) this.#open.get(claim.lock)?.delete(claim);
    if (!from || !('call' in line)) return;
    const key = `${from.process} ${String(line.call)}`;
    if (line.type === 'wait') {
      const mode = modeOf(line);
      this.#calls += 1;
      this.#modes[mode].calls += 1;
      this.#waits.set(key, { at: line.at, mode });
    }
    if (began) this.#began(began, this.#waits.get(key)?.mode);
    if (line.type === 'unheld') add(this.#outcomes, line.outcome);
    if (line.type !== 'held' && line.type !== 'unheld') return;
    this.#longestWait = Math.max(
      this.#longestWait,
      line.at - (this.#waits.get(key)?.at ?? line.at),
    );
    this.#waits.delete(key);
  }

  #began(claim: Claim, mode: Mode = 'lock'): void {
    const { lock, process, from } = claim;
    const counts = this.#modes[mode];
    this.#holds += 1;
    counts.holds += 1;
    const last = this.#holders.get(lock);
    if (last && last.process !== process && !(last.beside && claim.beside)) this.#handoffs += 1;
    this.#holders.set(lock, claim);
    let open = this.#open.get(lock);
    if (!open) this.#open.set(lock, (open = new Set<Claim>()));
    const isBeside = (other: Claim): boolean => other.process !== process && other.until > from;
    if (counts.beside !== undefined && [...open].some(isBeside)) counts.beside += 1;
    open.add(claim);
  }

  finish({ recoveries, staleWrites }: Checker): Figures {
    const { faults, storms, processes } = this.#evidence;
    // A fault while workers start, or after all was over, says nothing of a lock that was wanted.
    const all = recoveries.byCause.filter(({ at }) => at <= healedAt(this.#evidence));
    const after = recoveries.afterStorms;
    return {
      handoffs: this.#handoffs,
      holds: this.#holds,
      calls: this.#calls,
      terms: this.#modes.term.holds,
      modes: this.#modes,
      processes: processes.length,
      outcomes: this.#outcomes,
      faults: count(faults.map((fault) => fault.kind)),
      storms: storms.length,
      writes: staleWrites.counts,
      afterStorms: [...distributionOf('all', after), ...byCauseOf(after)],
      bySingle: byCauseOf(all.filter(({ single }) => single)),
      byCause: byCauseOf(all.filter(({ single }) => !single)),
      byTtl: distributionOf('all', all.filter(needsTtl))[0],
      longest: all.toSorted((a, b) => b.length - a.length).slice(0, LONGEST),
      longestWait: this.#longestWait,
      leftovers: leftoversOf(this.#evidence),
    };
  }
}

function alone(): ModeCounts {
  return { calls: 0, holds: 0 };
}

function shared(): ModeCounts {
  return { ...alone(), beside: 0 };
}

function modeOf({ lock, how, beside }: Extract<Line, { type: 'wait' }>): Mode {
  if (how === 'campaign') return 'term';
  if (how === 'downgrade') return 'downgraded';
  if (beside) return beside.mode === 'shared' ? 'read' : 'permit';
  return lock === READ_WRITE_LOCK ? 'write' : 'lock';
}

function needsTtl({ cause, single }: Recovery): boolean {
  const isDeath = cause === 'killed alone' || cause === 'killed with its supervisor';
  return single && (isDeath || cause.endsWith(LONGER));
}

function byCauseOf(recoveries: readonly (Recovery | StormRecovery)[]): Distribution[] {
  return [...Map.groupBy(recoveries, ({ cause }) => cause)]
    .flatMap(([cause, group]) => distributionOf(cause, group))
    .toSorted((a, b) => b.median - a.median);
}

function distributionOf(
  name: string,
  recoveries: readonly (Recovery | StormRecovery)[],
): Distribution[] {
  if (recoveries.length === 0) return [];
  const lengths = recoveries.map(({ length }) => length).toSorted((a, b) => a - b);
  const inTtls = recoveries
    .flatMap((one) => ('ttl' in one ? [one.length / one.ttl] : []))
    .toSorted((a, b) => a - b);
  return [
    {
      name,
      count: lengths.length,
      median: quantile(lengths, 0.5) ?? 0,
      p90: quantile(lengths, 0.9) ?? 0,
      worst: lengths.at(-1) ?? 0,
      ttls: quantile(inTtls, 0.5),
    },
  ];
}

function leftoversOf({ leases, processes }: Evidence): Record<string, number> {
  const killed = processes.filter((process) => process.killed !== undefined);
  return count(
    leases.map((lease) => {
      const role = roleOf(lease);
      if (role !== 'session') return role;
      const owner = killed.some(({ process }) => isSessionOf(process, lease.metadata.name))
        ? 'of a killed process'
        : 'of another';
      return `${lease.spec?.holderIdentity ? '' : 'blank '}session ${owner}`;
    }),
  );
}

function count(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) add(counts, name);
  return counts;
}

function add(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

function quantile(sorted: readonly number[], part: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}
