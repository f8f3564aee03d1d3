import type { AnnouncedTerm } from '../core/announcer.ts';
import { pause } from '../core/clock.ts';
import { released } from '../core/election.ts';
import { microTime } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { isMissing } from '../kube/outcome.ts';
import type { LeaseOutcome } from '../kube/outcome.ts';
import { errorOf } from '../kube/status-error.ts';
import { compareAndSwap } from '../repair/compare-and-swap.ts';
import type { Workshop } from '../repair/compare-and-swap.ts';
import type { LastTerm } from './announcements.ts';
import { LATE_LOOK_MS, untilAnswered } from './requests.ts';

/**
 * Gives up a term for its process, which has ended, as that itself would have done. Sends a GET, unless
 * the process has left the Lease as it last saw it, and, if the Lease is still in that term, a PUT. If it
 * is not, the request that begins the term may be on its
 * way: one more GET a little later.
 *
 * @param signal - sends nothing again once it has aborted
 * @returns whether it was given up by this
 * @throws LeaseholdError when it could not be done
 */
export async function giveUpTerm(
  workshop: Workshop,
  term: LastTerm,
  signal: AbortSignal,
): Promise<boolean> {
  const { api, clock } = workshop;
  const { election } = term;
  const look = async (read: () => Promise<LeaseOutcome>): Promise<Lease | undefined> => {
    const outcome = await untilAnswered(clock, signal, read);
    if (outcome.kind === 'done') return isIn(term, outcome.body) ? outcome.body : undefined;
    if (isMissing(outcome)) return undefined;
    throw errorOf(outcome, `read election ${election}`);
  };
  const { seen } = term;
  let found = seen && isIn(term, seen) ? seen : await look(() => api.getCached(election));
  if (!found) {
    await pause(clock, LATE_LOOK_MS, signal);
    found = await look(() => api.get(election));
  }
  if (!found) return false;
  return compareAndSwap<boolean>(workshop, election, found, (lease, inDoubt) => {
    if (!lease || !isIn(term, lease)) return { result: inDoubt };
    return {
      write: () => api.replace(released(lease, microTime(clock.wall()))),
      done: () => true,
    };
  });
}

/** Only the process that has ended wrote both of these. */
function isIn({ identity, acquireTime }: AnnouncedTerm, { spec }: Lease): boolean {
  return spec?.holderIdentity === identity && spec.acquireTime === acquireTime && !spec.strategy;
}
