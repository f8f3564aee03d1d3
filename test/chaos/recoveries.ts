import type { Claim, ClaimChange } from './claims.ts';
import { recoveryLimit } from './evidence.ts';
import type { Evidence, Violation } from './evidence.ts';
import { isSessionOf, workerOf } from './history.ts';
import type { Entry, Fault, WorkerProcess } from './history.ts';
import { stalledWithin } from './stalls.ts';

/** How long a lock that somebody wanted was granted to nobody. */
export interface Recovery {
  readonly lock: string;
  /** What hit the lock's holder. */
  readonly cause: string;
  readonly at: number;
  /** Milliseconds. */
  readonly length: number;
  /** Of the holder's session. */
  readonly ttl: number;
  /** Whether there was no other fault. */
  readonly single: boolean;
}

/** From a storm's end to the next grant. */
export interface StormRecovery {
  readonly lock: string;
  /** What had hit the lock's last holder; `none` when nothing had. */
  readonly cause: string;
  readonly at: number;
  readonly length: number;
}

/** Those that a process survives come to be known as its death when they last for a ttl. */
const LASTING = new Set([
  'freeze',
  'link-cut',
  'link-blackhole',
  'link-deaf',
  'link-late',
  'link-half-open',
]);

export const LONGER = 'longer than the ttl';

interface Hit {
  readonly fault: Fault;
  readonly cause: string;
  readonly holder: Claim;
}

interface OfLock {
  /** Whoever was granted it last. */
  holder?: Claim;
  /** Claims that are not over: several of readers and of permits. */
  readonly open: Set<Claim>;
  /** When a hold ended in order for the last time. */
  releasedAt: number;
  /** Faults that have hit holders, until what these stood in the way of was granted. */
  hits: Hit[];
  /** By process and call. */
  readonly waiting: Map<string, Waiting>;
  /** Set by the end of a storm, until the next grant. */
  healed?: { readonly at: number; readonly cause: string; overdue: boolean };
}

interface Waiting {
  readonly from: WorkerProcess;
  readonly at: number;
  /** Whether it wants to be alone. */
  readonly alone: boolean;
}

/**
 * Measures how soon each lock is granted again after its holder was hit, and after each storm.
 *
 * Others go on to read beside a reader that was hit: it is recovered from when somebody may write who waited for
 * it, counted from when the last of them stopped. Whose permits a grant of a semaphore has got, of one that was
 * hit or of one that gave them back, nobody can tell: what a fault costs there is not measured. But it is granted
 * again after each storm, as everything is, and whoever wants all permits is passed by nobody: one that were never
 * given back would stop all.
 */
export class Recoveries {
  readonly byCause: Recovery[] = [];
  readonly afterStorms: StormRecovery[] = [];
  readonly #evidence: Evidence;
  readonly #locks = new Map<string, OfLock>();
  readonly #calls = new Map<WorkerProcess, Map<number, string>>();
  readonly #violations: Violation[] = [];
  #faults = 0;
  #storms = 0;

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
  }

  see({ from, line }: Entry, { began, ended }: ClaimChange): void {
    if (!from) return;
    this.#passTo(line.at);
    if (line.type === 'begin') this.#forget(from);
    // Who downgrades holds.
    if (line.type === 'wait' && line.how !== 'downgrade') {
      const { lock, call, at, beside } = line;
      const waiting = { from, at, alone: beside === undefined };
      this.#of(lock).waiting.set(`${from.process} ${String(call)}`, waiting);
      let calls = this.#calls.get(from);
      if (!calls) this.#calls.set(from, (calls = new Map<number, string>()));
      calls.set(call, lock);
    }
    if (began) this.#granted(began);
    for (const claim of ended) this.#ended(claim, line.at);
    if (line.type === 'held' || line.type === 'unheld') this.#answered(from, line.call);
  }

  finish(): Violation[] {
    return this.#violations;
  }

  /** Faults and storms that began, or ended, before that moment. */
  #passTo(now: number): void {
    const { faults, storms } = this.#evidence;
    for (let fault = faults[this.#faults]; fault && fault.at <= now;) {
      this.#strike(fault);
      this.#faults += 1;
      fault = faults[this.#faults];
    }
    for (let storm = storms[this.#storms]; storm && storm.until <= now;) {
      for (const ofLock of this.#locks.values()) {
        const cause = ofLock.hits.at(-1)?.cause ?? 'none';
        ofLock.healed = { at: storm.until, cause, overdue: false };
      }
      this.#storms += 1;
      storm = storms[this.#storms];
    }
    for (const [lock, ofLock] of this.#locks) this.#checkOverdue(lock, ofLock, now);
  }

  #strike(fault: Fault): void {
    for (const ofLock of this.#locks.values()) {
      for (const holder of ofLock.open) {
        if (holder.until <= fault.at || !hits(fault, holder)) continue;
        ofLock.hits.push({ fault, cause: causeOf(fault, holder, this.#evidence), holder });
      }
    }
  }

  #granted(claim: Claim): void {
    const { lock, from: at } = claim;
    const ofLock = this.#of(lock);
    const { holder, healed } = ofLock;
    const isLocalTurn = holder?.process === claim.process && holder.grant === claim.grant;
    ofLock.holder = claim;
    ofLock.open.add(claim);
    if (isLocalTurn) return;
    const waitedSince = longestWaiting(ofLock, at);
    const ways = Map.groupBy(ofLock.hits, ({ holder: hit }) => mayBeBeside(claim, hit));
    // One fault may have hit several readers, and is recovered from once.
    const byFault = new Map(ways.get(false)?.map((hit) => [hit.fault, hit]));
    for (const hit of byFault.values()) this.#measure(claim, hit, ofLock);
    ofLock.hits = claim.beside?.mode === 'permit' ? [] : (ways.get(true) ?? []);
    if (!healed) return;
    const since = Math.max(healed.at, waitedSince, ofLock.releasedAt);
    const length = Math.max(0, at - since);
    this.afterStorms.push({ lock, cause: healed.cause, at: since, length });
    delete ofLock.healed;
  }

  #measure({ lock, from: at }: Claim, { fault, cause, holder }: Hit, ofLock: OfLock): void {
    const { beside, ttl } = holder;
    // While no server is there nothing can be granted.
    const isOver = isOfServer(fault) && fault.until <= at;
    const since = Math.max(
      isOver ? fault.until : fault.at,
      longestWaiting(ofLock, at, beside !== undefined),
      ...(beside ? [ofLock.releasedAt] : []),
    );
    const length = Math.max(0, at - since);
    this.byCause.push({ lock, cause, at: since, length, ttl, single: this.#isSingle(fault) });
  }

  /** A hold that ended in order while a fault was at work has not been hurt by it. */
  #ended(claim: Claim, at: number): void {
    const ofLock = this.#of(claim.lock);
    ofLock.open.delete(claim);
    if (claim.end !== 'released') return;
    ofLock.releasedAt = Math.max(ofLock.releasedAt, claim.until);
    ofLock.hits = ofLock.hits.filter(({ fault, holder }) => holder !== claim || fault.until > at);
  }

  #checkOverdue(lock: string, ofLock: OfLock, now: number): void {
    const { healed, releasedAt } = ofLock;
    if ([...ofLock.open].some(({ until }) => until > now)) return;
    const { ttl, faults } = this.#evidence;
    const limit = recoveryLimit(ttl);
    if (!healed || healed.overdue || now <= healed.at + limit) return;
    const since = Math.max(healed.at, releasedAt, longestWaiting(ofLock, now));
    if (now - since <= limit + stalledWithin(faults, since, now)) return;
    healed.overdue = true;
    const late = (now - since).toFixed(0);
    this.#violations.push({
      ...{ rule: 'recovery', lock, at: since },
      message: `${lock} was granted to nobody for ${late} ms after all faults were over (${healed.cause})`,
    });
  }

  #isSingle(fault: Fault): boolean {
    return this.#evidence.storms.some(
      ({ at, until, single }) => single && at <= fault.at && fault.at <= until,
    );
  }

  #answered(from: WorkerProcess, call: number): void {
    const calls = this.#calls.get(from);
    const lock = calls?.get(call);
    if (lock === undefined) return;
    calls?.delete(call);
    this.#of(lock).waiting.delete(`${from.process} ${String(call)}`);
  }

  /** Earlier processes of the same worker are dead: they wait for nothing. */
  #forget(from: WorkerProcess): void {
    for (const [process, calls] of this.#calls) {
      if (process === from || workerOf(process.process) !== workerOf(from.process)) continue;
      for (const call of calls.keys()) this.#answered(process, call);
      this.#calls.delete(process);
    }
  }

  #of(lock: string): OfLock {
    let ofLock = this.#locks.get(lock);
    if (!ofLock) {
      ofLock = { open: new Set(), releasedAt: 0, hits: [], waiting: new Map() };
      this.#locks.set(lock, ofLock);
    }
    return ofLock;
  }
}

/** Since when somebody who is alive waits, or waits to be alone; that moment itself when nobody does. */
function longestWaiting({ waiting }: OfLock, now: number, toBeAlone = false): number {
  let earliest = now;
  for (const { from, at, alone } of waiting.values()) {
    if (toBeAlone && !alone) continue;
    if (from.killed === undefined || from.killed.at > now) earliest = Math.min(earliest, at);
  }
  return earliest;
}

/** Whether one does not have to wait for the other. */
function mayBeBeside({ beside }: Claim, other: Claim): boolean {
  return beside !== undefined && beside.mode === other.beside?.mode;
}

function isOfServer(fault: Fault): boolean {
  return fault.target.startsWith('server:');
}

/** Whether the fault is about the holder: its process, its link, its session, its lock, or the servers. */
function hits(fault: Fault, { process, lock }: Claim): boolean {
  const { target } = fault;
  if (isOfServer(fault) || target === lock) return true;
  return target === workerOf(process) || isSessionOf(process, target);
}

function causeOf(fault: Fault, holder: Claim, { processes }: Evidence): string {
  const { kind, at, until } = fault;
  if (kind.startsWith('kill')) {
    const killed = processes.find(({ process }) => process === holder.process)?.killed;
    return `killed ${killed?.how ?? 'alone'}`;
  }
  if (!LASTING.has(kind)) return kind;
  return `${kind}, ${until - at >= holder.ttl ? LONGER : 'shorter'}`;
}
