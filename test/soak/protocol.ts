import type { Sample } from './sample.ts';

/** How the client is told what to do: by its environment variable SOAK_CLIENT. */
export interface ClientSettings {
  readonly kubeconfig: string;
  readonly milliseconds: number;
}

/** What the client tells the run. */
export type FromClient =
  | { readonly type: 'sample'; readonly sample: Sample }
  | { readonly type: 'bury'; readonly lock: string }
  | {
      readonly type: 'end';
      readonly counts: Readonly<Record<string, number>>;
      readonly events: Readonly<Record<string, number>>;
      readonly warnings: readonly string[];
      /** What is there after all clients have been closed, and was not before the first. */
      readonly left: readonly string[];
      /** Sessions of clients that were closed while the API server was away, and said so. */
      readonly unwritten: readonly string[];
    };

/** What the run tells the client: a dead process holds that lock. */
export interface Buried {
  readonly buried: string;
}

/** Held by the rival as long as the run lasts. */
export const BLOCKED = 'blocked';
/** Held by the rival, too: so many. */
export const BLOCKED_ROW = 40;
export const SHARED = 'shared';
export const ELECTION = 'leader';
export const TTL_MS = 4_000;
export const ELECTION_TIMES = {
  leaseDuration: 3_000,
  renewDeadline: 2_000,
  retryPeriod: 400,
} as const;
