import { linked } from '../core/abort.ts';
import { pause } from '../core/clock.ts';
import { isFree, publishedIn, statedDuration } from '../core/election.ts';
import type { Lease } from '../core/lease.ts';
import type { Parts } from '../core/parts.ts';
import { Wakeup } from '../core/wakeup.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { LeaseView } from '../kube/lease-view.ts';
import { LeaderSighting } from './leader-sighting.ts';

/** Who leads, as the Lease tells it. */
export interface Leader {
  readonly identity: string;
  /** When the term began, by the leader's clock. */
  readonly since: Date | undefined;
  /** How many times the Lease has changed hands. */
  readonly transitions: number;
  /** What the leader has published in this term, see {@link Leadership.publish}; undefined if nothing. */
  readonly value: string | undefined;
  /** Undefined of one that states none: a candidate without the option, or of another library. */
  readonly priority: number | undefined;
}

/** The safety net under the watch. */
const POLL_MS = 60_000;
const RETRY_MS = 1_000;

/**
 * Yields the leader now, and whenever it or its value changes; undefined when nobody leads: no Lease,
 * a free one, or a leader that has not been seen renewing for the Lease's duration.
 */
export async function* observeLeader(
  api: LeaseApi,
  parts: Parts,
  lease: { name: string; election: string; fallbackSeconds: number },
  ends: readonly AbortSignal[],
): AsyncGenerator<Leader | undefined, void, undefined> {
  const { clock } = parts;
  const { signal, unlink } = linked(ends);
  const view = new LeaseView(api, lease.name, parts);
  const wakeup = new Wakeup();
  const sighting = new LeaderSighting();
  const unsubscribe = view.subscribe(wakeup.wake);
  signal.addEventListener('abort', wakeup.wake);
  view.startWatch();
  let told: { readonly term: string; readonly value: string | undefined } | undefined;
  let pollAt = clock.now() + POLL_MS;
  let confirmed = false;
  try {
    while (!signal.aborted) {
      let next = pollAt;
      const state = view.state();
      if (state) {
        const current = state.lease;
        let leader = leaderOf(current);
        if (current && leader) {
          const expires =
            sighting.see(current, clock.now()) + statedDuration(current, lease.fallbackSeconds);
          if (clock.now() < expires) {
            next = Math.min(next, expires);
            confirmed = false;
          } else if (!confirmed) {
            // A silent watch looks like a dead leader: look once more with a read.
            confirmed = (await view.read()).kind === 'done';
            if (!confirmed) await pause(clock, RETRY_MS, signal);
            continue;
          } else {
            leader = undefined;
          }
        }
        const term = leader ? `${leader.identity} ${String(leader.since?.getTime())}` : '';
        const isAnother = term !== told?.term;
        if (isAnother || leader?.value !== told?.value) {
          told = { term, value: leader?.value };
          const identity = leader?.identity;
          if (isAnother) {
            parts.observe({ type: 'leader-changed', election: lease.election, leader: identity });
          }
          yield leader;
          continue;
        }
      }
      const cancel = clock.schedule(Math.max(0, next - clock.now()), wakeup.wake);
      await wakeup.wait();
      cancel();
      if (clock.now() < pollAt) continue;
      await view.read();
      pollAt = clock.now() + POLL_MS;
    }
  } finally {
    unlink();
    unsubscribe();
    signal.removeEventListener('abort', wakeup.wake);
    view.stopWatch();
  }
}

function leaderOf(lease: Lease | undefined): Leader | undefined {
  const spec = lease?.spec;
  if (!lease || isFree(lease) || !spec?.holderIdentity) return undefined;
  const since = spec.acquireTime ? new Date(spec.acquireTime) : undefined;
  const { value, priority } = publishedIn(lease);
  const transitions = spec.leaseTransitions ?? 0;
  return { identity: spec.holderIdentity, since, transitions, value, priority };
}
