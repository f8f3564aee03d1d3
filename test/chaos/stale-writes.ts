import type { Evidence, Violation } from './evidence.ts';
import type { Entry, Line, StoreRow, WorkerProcess } from './history.ts';
import { workerOf } from './history.ts';

/** A write of which not all is known yet. */
interface Pending {
  readonly lock: string;
  readonly fence: bigint;
  /** The highest fence of whose acceptance somebody had been told before this write began. */
  readonly floor: bigint;
  readonly killed: boolean;
  answer?: boolean | undefined;
  isAnswered: boolean;
  verdict?: boolean;
}

interface OfLock {
  /** By the resource's log: the highest fence that it has accepted, and how many writes. */
  highest: bigint;
  version: number;
  /** The same as the histories tell it. */
  told: bigint;
}

export interface WriteCounts {
  accepted: number;
  refused: number;
  /** Of those refused: of processes that were dead by then. */
  refusedOfDead: number;
  /** Sent when the hold was over already. */
  late: number;
  /** Whose answer was lost, or that were lost themselves. */
  unanswered: number;
  staleAccepted: number;
}

/**
 * The protected resource never accepts a lower fence than it has seen: by its own log, by what the
 * processes were told, and the two agree with each other.
 */
export class StaleWrites {
  readonly counts: WriteCounts = {
    ...{ accepted: 0, refused: 0, refusedOfDead: 0, late: 0, unanswered: 0, staleAccepted: 0 },
  };
  readonly #evidence: Evidence;
  readonly #locks = new Map<string, OfLock>();
  readonly #pending = new Map<string, Pending>();
  readonly #holds = new Map<
    string,
    { from: WorkerProcess; calls: Map<number, { lock: string; fence: bigint; until: number }> }
  >();
  readonly #violations: Violation[] = [];

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
  }

  see({ from, line }: Entry): void {
    if (!from) this.#logged(line);
    else if ('call' in line) this.#told(from, line);
  }

  finish(): Violation[] {
    for (const [key, pending] of this.#pending) this.#forget(key, pending);
    for (const { lock, fence, version } of this.#evidence.stored) {
      const { highest, version: logged } = this.#of(lock);
      if (BigInt(fence) === highest && version === logged) continue;
      this.#violate(
        lock,
        undefined,
        `says fence ${fence} after ${String(version)} writes, its log ${String(highest)} after ${String(logged)}`,
      );
    }
    return this.#violations;
  }

  #told(from: WorkerProcess, line: Extract<Line, { call: number }>): void {
    const worker = workerOf(from.process);
    let holds = this.#holds.get(worker);
    if (holds?.from !== from) this.#holds.set(worker, (holds = { from, calls: new Map() }));
    const { calls } = holds;
    const hold = calls.get(line.call);
    if (line.type === 'held') {
      const { lock, until } = line;
      calls.set(line.call, { lock, fence: BigInt(line.fence), until });
    } else if (!hold) return;
    else if (line.type === 'still') hold.until = Math.max(hold.until, line.until);
    else if (line.type === 'lost') hold.until = Math.min(hold.until, line.at);
    else if (line.type === 'released') calls.delete(line.call);
    else if (line.type === 'write') {
      const { lock, fence, until } = hold;
      if (line.at > until) this.counts.late += 1;
      const floor = this.#of(lock).told;
      const killed = from.killed !== undefined;
      const pending = { lock, fence, floor, killed, isAnswered: false };
      this.#pending.set(keyOf(from.process, line.number), pending);
    } else if (line.type === 'written') this.#answered(from, line);
  }

  #answered({ process }: WorkerProcess, line: Extract<Line, { type: 'written' }>): void {
    const key = keyOf(process, line.number);
    const pending = this.#pending.get(key);
    if (!pending) return;
    const { lock, fence, floor } = pending;
    pending.answer = line.accepted;
    pending.isAnswered = true;
    if (line.accepted === undefined) this.counts.unanswered += 1;
    if (line.accepted === true) {
      if (fence < floor) {
        this.#stale(
          lock,
          line.at,
          `${key} was told that fence ${String(fence)} is accepted, ${String(floor)} had been before it was sent`,
        );
      }
      const ofLock = this.#of(lock);
      if (fence > ofLock.told) ofLock.told = fence;
    }
    this.#settle(key, pending, line.at);
  }

  #logged({ lock, fence: text, process, number, version, at }: StoreRow): void {
    const key = keyOf(process, number);
    const fence = BigInt(text);
    const ofLock = this.#of(lock);
    const accepted = version !== undefined;
    if (accepted) {
      this.counts.accepted += 1;
      if (fence < ofLock.highest) {
        this.#stale(lock, at, `accepted ${text} of ${key} after ${String(ofLock.highest)}`);
      }
      if (version !== ofLock.version + 1) {
        this.#violate(lock, at, `went from write ${String(ofLock.version)} to ${String(version)}`);
      }
      ofLock.version = version;
      if (fence > ofLock.highest) ofLock.highest = fence;
    } else {
      this.counts.refused += 1;
      if (fence >= ofLock.highest) {
        this.#violate(lock, at, `refused ${text} of ${key} after ${String(ofLock.highest)}`);
      }
    }
    const pending = this.#pending.get(key);
    if (pending?.lock !== lock || pending.fence !== fence) {
      this.#violate(lock, at, `has a write of ${key} with fence ${text}, which it never sent`);
      return;
    }
    pending.verdict = accepted;
    if (!accepted && pending.killed && !pending.isAnswered) this.counts.refusedOfDead += 1;
    this.#settle(key, pending, at);
  }

  /** Both sides have told: they must agree. */
  #settle(key: string, { lock, answer, isAnswered, verdict }: Pending, at: number): void {
    if (!isAnswered || verdict === undefined) return;
    this.#pending.delete(key);
    if (answer !== undefined && answer !== verdict) {
      this.#violate(
        lock,
        at,
        `logged ${String(verdict)} for ${key}, and answered ${String(answer)}`,
      );
    }
  }

  #forget(key: string, { lock, answer, isAnswered, verdict }: Pending): void {
    if (!isAnswered) this.counts.unanswered += 1;
    if (answer !== undefined && verdict === undefined) {
      this.#violate(lock, undefined, `answered ${String(answer)} to ${key}, and has not logged it`);
    }
  }

  #stale(lock: string, at: number, what: string): void {
    this.counts.staleAccepted += 1;
    this.#violate(lock, at, what);
  }

  #violate(lock: string, at: number | undefined, what: string): void {
    this.#violations.push({ rule: 'store', lock, at, message: `the resource of ${lock} ${what}` });
  }

  #of(lock: string): OfLock {
    let ofLock = this.#locks.get(lock);
    if (!ofLock) {
      ofLock = { highest: 0n, version: 0, told: 0n };
      this.#locks.set(lock, ofLock);
    }
    return ofLock;
  }
}

function keyOf(process: string, number: number): string {
  return `${process} write ${String(number)}`;
}
