import type { Lease } from '../core/lease.ts';

/**
 * What became of a request. A write whose answer did not arrive is `unknown`, never failed: it may
 * take effect at any later time.
 */
export type Outcome<T> = Done<T> | Refused | Unknown;

/** The server did it. */
export interface Done<T> {
  readonly kind: 'done';
  readonly body: T;
  /** Of HTTP; absent when it is made of several answers, or of none. */
  readonly status?: number;
  /** The server's clock, from the answer's `Date` header: milliseconds since the epoch. */
  readonly serverTime: number | undefined;
}

/** The server said no (4xx), so that nothing was done. */
export interface Refused {
  readonly kind: 'refused';
  readonly status: number;
  /** Kubernetes' reason, such as `Conflict` or `AlreadyExists`; empty when it gave none. */
  readonly reason: string;
  readonly message: string;
  readonly causes: readonly { readonly reason?: string; readonly field?: string }[];
  /** How long the server asked to be left alone: milliseconds. */
  readonly retryAfter: number | undefined;
}

/** No answer, or one (5xx) that does not tell whether it was done. */
export interface Unknown {
  readonly kind: 'unknown';
  /** Whether the request may have reached the server; if not, it was surely not done. */
  readonly sent: boolean;
  /** Of HTTP; absent when no answer came. */
  readonly status?: number;
  readonly error: unknown;
  readonly retryAfter: number | undefined;
}

/** Whether the outcome is that no object of that name exists. */
export function isMissing(outcome: Outcome<unknown>): boolean {
  return outcome.kind === 'refused' && outcome.status === 404;
}

/** Whether a condition of the write (uid, resourceVersion, absence) did not hold. */
export function isConflict(outcome: Outcome<unknown>): boolean {
  if (outcome.kind !== 'refused') return false;
  if (outcome.status === 409) return true;
  // A merge patch that names another uid than the object's is refused as an invalid edit of it.
  return outcome.status === 422 && outcome.causes.some((cause) => cause.field === 'metadata.uid');
}

export type LeaseOutcome = Outcome<Lease>;
