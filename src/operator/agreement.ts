import type { Termination } from './observed-pod.ts';

/**
 * Where a node's clock and the server's do not agree, so that an end proves nothing: when what is judged
 * was begun, when it was last renewed, or at the end.
 */
export type Doubt = 'beginning' | 'renewal' | 'end';

/** What follows from the end of containers for something that a process of them renews. */
export type Judgement =
  /** The process has ended. */
  | {
      readonly kind: 'dead';
      /** Because the end was heard when it was reported; if not, nothing may have been renewed since. */
      readonly isHeard: boolean;
    }
  /** It has not been silent for long enough: look again in so many milliseconds. */
  | { readonly kind: 'early'; readonly wait: number }
  | { readonly kind: 'doubtful'; readonly why: Doubt };

/** Servers and kubelets cut times to the second. */
const RESOLUTION_MS = 1_000;
/** How far a node's clock may be ahead of the server's. */
const MOST_AHEAD_MS = 2_000;

/**
 * Whether the time that a process wrote agrees with the one at which the server has stored it.
 *
 * @param latency - how much earlier it may be, for a request that took long: milliseconds
 */
export function agree(written: number, stored: number, latency: number): boolean {
  return written <= stored + MOST_AHEAD_MS && written >= stored - latency;
}

/**
 * Whether the process that renews something has ended with these runs of containers, by times that two
 * clocks have noted. The node's alone may have been set back since, and then a process that began after
 * the end looks as if it had begun before.
 */
export function judge(given: {
  /** The runs in one of which the process was: all have ended. */
  readonly ends: readonly Termination[];
  /** By the server, to the second: when the process was surely there. */
  readonly seen: number;
  /** Whether `seen` may be in the second of an end. */
  readonly mayBeSameSecond: boolean;
  /** Of the last renewal, by the node. */
  readonly renewTime: number;
  /** Of the same, by the server. */
  readonly renewedAt: number;
  /** See {@link agree}. */
  readonly latency: number;
  /** By the server, of the answer that showed all this; undefined for one that did not tell it. */
  readonly serverTime: number | undefined;
  /** How long it must have been silent if the end was not heard when it was reported. */
  readonly silence: number;
}): Judgement | undefined {
  const { ends, seen, renewTime, renewedAt, serverTime } = given;
  if (!agree(renewTime, renewedAt, given.latency)) return { kind: 'doubtful', why: 'renewal' };
  const last = Math.max(...ends.map(({ finishedAt }) => finishedAt));
  // Cut to the second, an end is up to that much later than it says.
  if (renewTime >= last + RESOLUTION_MS) return { kind: 'doubtful', why: 'end' };
  const latest = given.mayBeSameSecond ? seen : seen + RESOLUTION_MS;
  // The second in which both were is unclear, and no sign of a wrong clock.
  if (ends.some(({ finishedAt }) => finishedAt < latest)) return undefined;
  const isHeard = ends.every(
    ({ finishedAt, reportedAt }) =>
      reportedAt !== undefined && latest <= reportedAt && finishedAt <= reportedAt + RESOLUTION_MS,
  );
  if (isHeard) return { kind: 'dead', isHeard };
  if (serverTime === undefined) return undefined;
  if (last > serverTime + RESOLUTION_MS) return { kind: 'doubtful', why: 'end' };
  const left = given.silence + RESOLUTION_MS - (serverTime - renewedAt);
  if (left < 0) return { kind: 'dead', isHeard };
  return Number.isFinite(left) ? { kind: 'early', wait: left + RESOLUTION_MS } : undefined;
}
