import { pause } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import type { LeaseOutcome } from '../kube/outcome.ts';
import { isTemporary } from '../kube/status-error.ts';

const FIRST_RETRY_MS = 20;
const MOST_RETRY_MS = 500;
/** What a dead process had sent in its last moment is stored, or refused, by then. */
export const LATE_LOOK_MS = 100;

/** Again and again while the server is away or busy, until `signal` aborts. */
export async function untilAnswered(
  clock: Clock,
  signal: AbortSignal,
  send: () => Promise<LeaseOutcome>,
): Promise<LeaseOutcome> {
  let retry = FIRST_RETRY_MS;
  for (;;) {
    const outcome = await send();
    if (outcome.kind === 'done' || !isTemporary(outcome) || signal.aborted) return outcome;
    await pause(clock, Math.max(retry, outcome.retryAfter ?? 0), signal);
    retry = Math.min(MOST_RETRY_MS, retry * 2);
  }
}
