import { pause } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import { LeaseholdError } from '../core/errors.ts';
import type { Lease } from '../core/lease.ts';
import { guardSaysHeld } from '../core/principal.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { isConflict, isMissing } from '../kube/outcome.ts';
import type { Outcome } from '../kube/outcome.ts';
import { errorOf, isTemporary, waitAsked } from '../kube/status-error.ts';

/** What an action works with. */
export interface Workshop {
  readonly api: LeaseApi;
  readonly clock: Clock;
  /** How long an action goes on trying: milliseconds; 30,000 if undefined. */
  readonly patience?: number;
}

/** What is to be done about a Lease as it was just read; undefined when it does not exist. */
export type Decision<T> =
  /** Nothing more: this is the result. */
  | { readonly result: T }
  /** One write under the condition that the Lease is still the one read. */
  | { readonly write: () => Promise<Outcome<unknown>>; readonly done: (answer: unknown) => T };

const LONGEST_MS = 30_000;
const FIRST_RETRY_MS = 50;
const MOST_RETRY_MS = 2_000;

/**
 * Writes by compare-and-swap until that has succeeded or `decide` finds that there is nothing left
 * to do. After every conflict and every lost answer the Lease is read again and decided about afresh:
 * nothing is written on the strength of an older reading. For a Lease of another to expire it does not
 * wait: who is refused by the guard for that is told so at once.
 *
 * @param first - the Lease as it was read before
 * @param decide - told whether an earlier write of this call may have been done unnoticed
 * @throws LeaseholdError of a refusal; `API_UNREACHABLE` when it cannot be found out what became of
 * the write; `API_ERROR` when others change the Lease faster than it can be written
 */
export async function compareAndSwap<T>(
  { api, clock, patience = LONGEST_MS }: Workshop,
  name: string,
  first: Lease | undefined,
  decide: (lease: Lease | undefined, inDoubt: boolean) => Decision<T>,
): Promise<T> {
  const until = clock.now() + patience;
  let lease = first;
  let inDoubt = false;
  let retry = FIRST_RETRY_MS;
  for (;;) {
    const decision = decide(lease, inDoubt);
    if ('result' in decision) return decision.result;
    let outcome = await decision.write();
    if (outcome.kind === 'done') return decision.done(outcome.body);
    if (outcome.kind === 'unknown' && outcome.sent) inDoubt = true;
    const expected = isConflict(outcome) || isMissing(outcome);
    if (!expected && !isWorthWaiting(outcome)) throw errorOf(outcome, `write Lease ${name}`);
    let wait = 0;
    if (!expected) {
      wait = Math.max(retry, waitAsked(outcome));
      retry = Math.min(MOST_RETRY_MS, retry * 2);
    }
    for (;;) {
      if (clock.now() + wait >= until) throw givenUp(outcome, name, inDoubt);
      await pause(clock, wait);
      const read = await api.get(name);
      if (read.kind === 'done' || isMissing(read)) {
        lease = read.kind === 'done' ? read.body : undefined;
        break;
      }
      if (!isTemporary(read)) throw errorOf(read, `read Lease ${name}`);
      outcome = read;
      wait = Math.max(retry, waitAsked(read));
      retry = Math.min(MOST_RETRY_MS, retry * 2);
    }
  }
}

/** How soon a Lease of another expires, and what to do until then, is for whoever asked to decide. */
function isWorthWaiting(outcome: Exclude<Outcome<unknown>, { kind: 'done' }>): boolean {
  if (outcome.kind === 'refused' && guardSaysHeld(outcome.message)) return false;
  return isTemporary(outcome);
}

function givenUp(
  outcome: Exclude<Outcome<unknown>, { kind: 'done' }>,
  name: string,
  inDoubt: boolean,
): LeaseholdError {
  if (inDoubt) {
    const cause = outcome.kind === 'unknown' ? outcome.error : undefined;
    return new LeaseholdError(
      'API_UNREACHABLE',
      `the write of Lease ${name} was sent and never answered: whether it was done is unknown, so look before you try again`,
      { cause },
    );
  }
  if (outcome.kind === 'refused' && isConflict(outcome)) {
    return new LeaseholdError(
      'API_ERROR',
      `Lease ${name} is changed by others faster than it can be written; nothing was changed by this command, so try again`,
    );
  }
  return errorOf(outcome, `write Lease ${name}`);
}
