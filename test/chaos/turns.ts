import { TARDY_MS, healedAt, recoveryLimit } from './evidence.ts';
import type { Evidence, Violation } from './evidence.ts';
import { workerOf } from './history.ts';
import type { Entry, Line, WorkerProcess } from './history.ts';
import { stalledWithin, timeOf } from './stalls.ts';

/** What a cancelled, timed-out or refused call may end with. */
const EXPECTED = new Set(['TAKEN', 'TIMEOUT', 'ABORTED']);

interface Waiting {
  readonly call: number;
  readonly at: number;
  readonly lock: string;
  readonly how: string;
  readonly timeout: number | undefined;
}

/**
 * No grant is lost: every call of a live process ends, in the time that it was given, with an outcome
 * that a caller may see, and soon after the last fault.
 */
export class Turns {
  readonly #evidence: Evidence;
  readonly #healedAt: number;
  readonly #waiting = new Map<WorkerProcess, Map<number, Waiting>>();
  readonly #violations: Violation[] = [];

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
    this.#healedAt = healedAt(evidence);
  }

  see({ from, line }: Entry): void {
    if (!from) return;
    if (line.type === 'wait') {
      const { call, at, lock, how, timeout } = line;
      let waiting = this.#waiting.get(from);
      if (!waiting) this.#waiting.set(from, (waiting = new Map<number, Waiting>()));
      waiting.set(call, { call, at, lock, how, timeout });
    } else if (line.type === 'held' || line.type === 'unheld') {
      const waiting = this.#waiting.get(from);
      const wait = waiting?.get(line.call);
      if (!wait) return;
      waiting?.delete(line.call);
      this.#ended(from, wait, line);
    }
  }

  finish(): Violation[] {
    for (const [process, waiting] of this.#waiting) {
      if (process.killed !== undefined) continue;
      for (const wait of waiting.values()) this.#violate(process, wait, 'never ended');
    }
    return this.#violations;
  }

  #ended(
    process: WorkerProcess,
    wait: Waiting,
    line: Extract<Line, { type: 'held' | 'unheld' }>,
  ): void {
    const took = line.at - wait.at;
    if (line.type === 'unheld' && !isExpected(line.outcome, wait.how)) {
      this.#violations.push({
        rule: 'error',
        lock: wait.lock,
        at: line.at,
        message: `${nameOf(process, wait)} failed with ${line.outcome}: ${line.detail ?? ''}`,
      });
    }
    const { timeout } = wait;
    if (
      timeout !== undefined &&
      took > timeout + TARDY_MS &&
      took > timeout + TARDY_MS + this.#stood(process, wait.at, line.at)
    ) {
      const message = `took ${took.toFixed(0)} ms, its patience was ${timeout.toFixed(0)} ms`;
      this.#violate(process, wait, message);
    }
    // An election has no queue: who campaigns may be passed over.
    if (wait.how === 'campaign') return;
    const since = Math.max(this.#healedAt, wait.at);
    const late = line.at - since;
    const limit = recoveryLimit(this.#evidence.ttl);
    const { faults } = this.#evidence;
    if (late > limit && late > limit + stalledWithin(faults, since, line.at)) {
      this.#violate(process, wait, `had its turn ${late.toFixed(0)} ms after the last fault`);
    }
  }

  #violate(process: WorkerProcess, wait: Waiting, what: string): void {
    const { lock, at } = wait;
    this.#violations.push({
      ...{ rule: 'turn', lock, at },
      message: `${nameOf(process, wait)} ${what}`,
    });
  }

  /** For how long the process was frozen, or the machine stood still, between two moments. */
  #stood({ process }: WorkerProcess, from: number, to: number): number {
    const worker = workerOf(process);
    const { faults } = this.#evidence;
    const freezes = faults.filter(({ kind, target }) => kind === 'freeze' && target === worker);
    return timeOf(freezes, from, to) + stalledWithin(faults, from, to);
  }
}

function nameOf({ process }: WorkerProcess, { call, how, lock }: Waiting): string {
  return `${process} call ${String(call)} (${how}) for ${lock}`;
}

/** A try may find the API server away, and a waiter waits for it; what is downgraded may be lost meanwhile. */
function isExpected(outcome: string, how: string): boolean {
  if (how === 'downgrade') return outcome === 'LOST';
  return EXPECTED.has(outcome) || (how === 'try' && outcome === 'API_UNREACHABLE');
}
