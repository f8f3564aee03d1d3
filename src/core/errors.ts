/**
 * The stable codes of every error that leasehold throws; `docs/errors.md` lists cause and remedy
 * of each.
 */
export type LeaseholdErrorCode =
  | 'INVALID_ARGUMENT'
  | 'UNSAFE_CONFIGURATION'
  | 'CONFIGURATION'
  | 'API_UNREACHABLE'
  | 'API_ERROR'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NAMESPACE_NOT_FOUND'
  | 'NAMESPACE_TERMINATING'
  | 'TIMEOUT'
  | 'ABORTED'
  | 'REENTRANT'
  | 'DEADLOCK'
  | 'PERMITS_DISAGREE'
  | 'STATE_DISAGREES'
  | 'BROKEN'
  | 'UNKNOWN_OUTCOME'
  | 'LOST'
  | 'CLOSED'
  | 'FOREIGN_LEASE'
  | 'UNREADABLE_RECORD';

/** The one error class of leasehold. Tell errors apart by `code`, which never changes. */
export class LeaseholdError extends Error {
  override readonly name = 'LeaseholdError';
  /** Stable, machine-readable; see `docs/errors.md`. */
  readonly code: LeaseholdErrorCode;

  constructor(code: LeaseholdErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Whether `error` is a {@link LeaseholdError}, of this `code` if one is given.
 *
 * Looks at name and code rather than at the class, so that two copies of the package in one
 * application understand each other's errors.
 */
export function isLeaseholdError(
  error: unknown,
  code?: LeaseholdErrorCode,
): error is LeaseholdError {
  if (!(error instanceof Error) || error.name !== 'LeaseholdError') return false;
  return code === undefined || ('code' in error && error.code === code);
}
