import type { TimedEvent } from './events.ts';

/** All that the live view shows, at one moment. Times are milliseconds. */
export interface Board {
  readonly elapsed: number;
  readonly total: number;
  readonly ttlSeconds: number;
  readonly kubeconfig: string;
  readonly workers: readonly WorkerRow[];
  readonly lock: LockRow;
  readonly leader: LeaderRow | undefined;
  readonly account: {
    readonly deposits: number;
    readonly medianHandoverMs: number | undefined;
    readonly staleRefused: number;
    readonly overlaps: number;
  };
  /** Oldest first. */
  readonly events: readonly TimedEvent[];
}

type HolderState = 'running' | 'frozen' | 'dead';

export interface WorkerRow {
  readonly name: string;
  readonly pid: number;
  readonly state: 'starting' | HolderState;
  readonly turns: number;
}

export interface LockRow {
  readonly holder: string | undefined;
  readonly state: HolderState;
  /** Both undefined until the account has heard of the holder. */
  readonly heldMs: number | undefined;
  readonly fence: bigint | undefined;
  readonly queue: readonly string[];
}

export interface LeaderRow {
  readonly leader: string;
  readonly state: HolderState;
  readonly ledMs: number;
  /** Counted from 1. */
  readonly term: number;
}
