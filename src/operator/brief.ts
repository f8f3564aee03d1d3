import type { Clock } from '../core/clock.ts';
import { guardSaysWait } from '../core/principal.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import type { Outcome } from '../kube/outcome.ts';
import { errorOf } from '../kube/status-error.ts';
import type { Workshop } from '../repair/compare-and-swap.ts';

/** What fails for longer is come back to, so that nothing else has to wait for it. */
const PATIENCE_MS = 1_500;

/** For writes that give up soon: at once when the guard says that it may be later. */
export function briefly(api: LeaseApi, clock: Clock): Workshop {
  const told = async <T>(writing: Promise<Outcome<T>>, name: string): Promise<Outcome<T>> => {
    const outcome = await writing;
    const isLater = outcome.kind === 'refused' && guardSaysWait(outcome.message);
    if (isLater) throw errorOf(outcome, `write Lease ${name}`);
    return outcome;
  };
  const brief: LeaseApi = {
    ...api,
    replace: (lease, limits) => told(api.replace(lease, limits), lease.metadata.name),
    remove: (lease, limits) => told(api.remove(lease, limits), lease.metadata.name),
  };
  return { api: brief, clock, patience: PATIENCE_MS };
}
