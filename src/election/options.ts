import { milliseconds, ttlSeconds } from '../core/duration.ts';
import type { Duration } from '../core/duration.ts';
import { LeaseholdError } from '../core/errors.ts';

/** The times of an election; the defaults are those of client-go and controller-runtime. */
export interface ElectionOptions {
  /** How long candidates wait for a leader that they do not see renewing; 15 s. Whole seconds. */
  readonly leaseDuration?: Duration;
  /** How long a leader goes on without a successful renewal; 10 s. */
  readonly renewDeadline?: Duration;
  /** How often a leader renews; 2 s. */
  readonly retryPeriod?: Duration;
  /** What stands in the Lease; the client's identity and a random suffix by default. */
  readonly identity?: string;
  /**
   * Whether the operator (with `--leader-label`) is to label the leader's Pod, so that a Service can
   * select it; false. The Lease then has the label `leasehold.dev/leader-label=enabled`.
   */
  readonly leaderLabel?: boolean;
  /**
   * Whether this candidate is better than others: a whole number from -1,000,000 to 1,000,000, the
   * higher the better. It asks a leader of lower priority for its place, see
   * {@link ElectionOptions.preemptAfter}, and is in the list of {@link Election.candidates}. By default
   * it has none: it asks nobody, nobody asks it, and it is not in the list.
   *
   * While it stands or leads, the process has a session (a write every third of the client's `ttl`), and an
   * entry in the Lease of the list with a watch on that. It sends a CREATE and, if that is refused, a PUT to
   * enter; a refused CREATE, a GET, and a GET for each of the others to see whether they live; and one
   * write to leave.
   */
  readonly priority?: number;
  /**
   * For how long a candidate has seen the term of a leader of lower priority, and has stood itself,
   * before it asks for its place, so that an election changes hands for that no more often; the
   * `leaseDuration` by default.
   */
  readonly preemptAfter?: Duration;
  /**
   * How long a candidate that has begun to stand waits before it takes the Lease, and again when it has
   * become healthy: for one that is to show first that it stays up. 0 by default.
   */
  readonly standFor?: Duration;
  /**
   * Whether this process may lead. Asked every `retryPeriod` while it stands and while it leads. As long
   * as the answer is not `true`, or when it throws, rejects or takes longer than `healthTimeout`, it
   * does not campaign, and if it leads it resigns: its `signal` aborts, and the Lease is given up when
   * the work has ended. Work that has not after another `renewDeadline` has lost the term: it is not
   * renewed any more. Sends nothing.
   */
  readonly health?: () => boolean | Promise<boolean>;
  /** How long an answer of `health` may take; 1 s. */
  readonly healthTimeout?: Duration;
}

export interface CampaignOptions {
  /** Stops the campaign; in {@link Election.run} also the term. */
  readonly signal?: AbortSignal;
}

export interface StandOptions extends CampaignOptions {
  /**
   * What to publish from the beginning of each term on, as {@link Leadership.publish} does; it is in the
   * write that wins, and costs none of its own.
   */
  readonly value?: string;
}

export interface ElectionTimes {
  readonly leaseSeconds: number;
  readonly leaseDuration: number;
  readonly renewDeadline: number;
  readonly retryPeriod: number;
}

/** As in client-go: a renewal is tried at least once more before the deadline, jitter included. */
const JITTER_FACTOR = 1.2;

/**
 * @throws LeaseholdError `INVALID_ARGUMENT`, or `UNSAFE_CONFIGURATION` with the inequality that does
 * not hold
 */
export function electionTimes(options: ElectionOptions): ElectionTimes {
  const leaseSeconds = ttlSeconds(options.leaseDuration ?? '15s', 'leaseDuration');
  const leaseDuration = leaseSeconds * 1_000;
  const renewDeadline = milliseconds(options.renewDeadline ?? '10s', 'renewDeadline');
  const retryPeriod = milliseconds(options.retryPeriod ?? '2s', 'retryPeriod');
  const unsafe = (inequality: string, why: string): LeaseholdError =>
    new LeaseholdError('UNSAFE_CONFIGURATION', `${inequality} does not hold: ${why}`);
  if (leaseDuration <= renewDeadline) {
    throw unsafe(
      `leaseDuration (${String(leaseDuration)} ms) > renewDeadline (${String(renewDeadline)} ms)`,
      'a leader would go on after another may have taken over',
    );
  }
  if (renewDeadline <= retryPeriod * JITTER_FACTOR) {
    throw unsafe(
      `renewDeadline (${String(renewDeadline)} ms) > ${String(JITTER_FACTOR)} x retryPeriod (${String(retryPeriod)} ms)`,
      'a single lost renewal would end the term',
    );
  }
  if (retryPeriod < 1) throw unsafe('retryPeriod >= 1 ms', 'it would renew without pause');
  return { leaseSeconds, leaseDuration, renewDeadline, retryPeriod };
}
