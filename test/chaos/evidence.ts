import type { Lease } from '../../src/core/lease.ts';
import type { Fault, WorkerProcess } from './history.ts';
import type { Storm } from './faults.ts';
import type { Stored } from './store.ts';

/** All that was recorded of a run, but for its histories. */
export interface Evidence {
  readonly processes: readonly WorkerProcess[];
  /** In the order of their beginning. */
  readonly faults: readonly Fault[];
  readonly storms: readonly Storm[];
  /** Every Lease that was left when all workers had ended. */
  readonly leases: readonly Lease[];
  /** What the protected resource says of itself in the end. */
  readonly stored: readonly Stored[];
  /** The longest ttl of a worker, in milliseconds. */
  readonly ttl: number;
}

export interface Violation {
  readonly rule:
    'exclusion' | 'permits' | 'fence' | 'turn' | 'recovery' | 'store' | 'leftover' | 'error';
  readonly message: string;
  /** What it concerns, to find the lines around it. */
  readonly lock?: string | undefined;
  readonly at?: number | undefined;
}

/** How long a caller may be late with its own timeout on this machine of two cores. */
export const TARDY_MS = 2_500;

/** When the last fault was over. */
export function healedAt({ storms }: Pick<Evidence, 'storms'>): number {
  return storms.at(-1)?.until ?? 0;
}

/** What every lock and every waiter may take after the last fault. */
export function recoveryLimit(ttl: number): number {
  return 2 * ttl + 3_000;
}
