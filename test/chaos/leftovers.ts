import { describe, roleOf } from './administrator.ts';
import type { Evidence, Violation } from './evidence.ts';
import { isSessionOf } from './history.ts';
import type { Entry, WorkerProcess } from './history.ts';

/** Nothing is left behind by processes that have ended in order. */
export class Leftovers {
  readonly #evidence: Evidence;
  /** Processes that have ended in order. */
  readonly #closed = new Set<WorkerProcess>();
  readonly #candidates = new Map<WorkerProcess, { identity: string; leads: boolean }>();

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
  }

  see({ from, line }: Entry): void {
    if (!from) return;
    if (line.type === 'closed') this.#closed.add(from);
    if (line.type !== 'event') return;
    const { type, identity } = line.event;
    if (type === 'leading' && typeof identity === 'string') {
      this.#candidates.set(from, { identity, leads: true });
    }
    const candidate = this.#candidates.get(from);
    if (candidate && type === 'leadership-lost') candidate.leads = false;
  }

  finish(): Violation[] {
    return this.#evidence.leases.flatMap((lease) => {
      const { name } = lease.metadata;
      const role = roleOf(lease);
      const holder = lease.spec?.holderIdentity ?? '';
      const left = (what: string, lock?: string): Violation[] => [
        { rule: 'leftover', lock, message: `${what}: ${describe(lease)}` },
      ];
      if (role === 'lock') return left(`lock ${name} was left`, name);
      // One that others have revoked is blank: it stands for nothing, and is removed by and by.
      if (role === 'session' && holder !== '' && this.#isOrderly(name)) {
        return left(`session ${name} was left by a process that ended in order`);
      }
      if (role === 'election' && this.#leadsStill(holder)) {
        return left(`election ${name} was left with a leader`, `election:${name}`);
      }
      return [];
    });
  }

  #isOrderly(session: string): boolean {
    return [...this.#closed].some(({ process }) => isSessionOf(process, session));
  }

  /** Whether it led to its orderly end: one that was killed, or lost its term, could not resign. */
  #leadsStill(identity: string): boolean {
    return [...this.#candidates].some(
      ([process, candidate]) =>
        candidate.identity === identity && candidate.leads && this.#closed.has(process),
    );
  }
}
