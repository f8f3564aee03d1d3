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
  holder?: Claim;
  /** Faults that have hit the holder since it was granted the lock. */
  hits: Hit[];
  /** By process and call. */
  readonly waiting: Map<string, { readonly from: WorkerProcess; readonly at: number }>;
  /** Set by the end of a storm, until the next grant. */
  healed?: { readonly at: number; readonly cause: string; overdue: boolean };
}

/** Measures how soon each lock is granted again after its holder was hit, and after each storm. */
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
    if (line.type === 'wait') {
      this.#of(line.lock).waiting.set(`${from.process} ${String(line.call)}`, {
        from,
        at: line.at,
      });
      let calls = this.#calls.get(from);
      if (!calls) this.#calls.set(from, (calls = new Map<number, string>()));
      calls.set(line.call, line.lock);
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
      const { holder } = ofLock;
      if (!holder || holder.end !== 'open' || holder.until <= fault.at) continue;
      if (!hits(fault, holder)) continue;
      ofLock.hits.push({ fault, cause: causeOf(fault, holder, this.#evidence), holder });
    }
  }

  #granted(claim: Claim): void {
    const { lock, from: at } = claim;
    const ofLock = this.#of(lock);
    const { holder, healed } = ofLock;
    const isLocalTurn = holder?.process === claim.process && holder.grant === claim.grant;
    ofLock.holder = claim;
    if (isLocalTurn) return;
    const waitedSince = longestWaiting(ofLock, at);
    for (const { fault, cause, holder: hit } of ofLock.hits) {
      // While no server is there nothing can be granted.
      const isOver = isOfServer(fault) && fault.until <= at;
      const since = Math.max(isOver ? fault.until : fault.at, waitedSince);
      const { ttl } = hit;
      const length = Math.max(0, at - since);
      this.byCause.push({ lock, cause, at: since, length, ttl, single: this.#isSingle(fault) });
    }
    ofLock.hits = [];
    if (!healed) return;
    const since = Math.max(healed.at, waitedSince, holder?.end === 'released' ? holder.until : 0);
    const length = Math.max(0, at - since);
    this.afterStorms.push({ lock, cause: healed.cause, at: since, length });
    delete ofLock.healed;
  }

  /** A hold that ended in order while a fault was at work has not been hurt by it. */
  #ended(claim: Claim, at: number): void {
    const ofLock = this.#of(claim.lock);
    if (claim.end !== 'released' || ofLock.holder !== claim) return;
    ofLock.hits = ofLock.hits.filter(({ fault }) => fault.until > at);
  }

  #checkOverdue(lock: string, ofLock: OfLock, now: number): void {
    const { healed, holder } = ofLock;
    if (holder?.end === 'open' && holder.until > now) return;
    const { ttl, faults } = this.#evidence;
    const limit = recoveryLimit(ttl);
    if (!healed || healed.overdue || now <= healed.at + limit) return;
    const since = Math.max(
      healed.at,
      ...(holder?.end === 'released' ? [holder.until] : []),
      longestWaiting(ofLock, now),
    );
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
      ofLock = { hits: [], waiting: new Map() };
      this.#locks.set(lock, ofLock);
    }
    return ofLock;
  }
}

/** Since when somebody who is alive waits; that moment itself when nobody does. */
function longestWaiting({ waiting }: OfLock, now: number): number {
  let earliest = now;
  for (const { from, at } of waiting.values()) {
    if (from.killed === undefined || from.killed.at > now) earliest = Math.min(earliest, at);
  }
  return earliest;
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
