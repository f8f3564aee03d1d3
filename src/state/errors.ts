import { LeaseholdError } from '../core/errors.ts';

/** What was sent may have been done, and nobody can tell or has waited to know. */
export function unknownOutcome(name: string, why: string, cause?: unknown): LeaseholdError {
  return new LeaseholdError(
    'UNKNOWN_OUTCOME',
    `whether Lease ${name} was changed by this call is not known (${why}): look before you call again`,
    { cause },
  );
}

export function closed(): LeaseholdError {
  return new LeaseholdError('CLOSED', 'this client was closed: make a new one with connect()');
}
