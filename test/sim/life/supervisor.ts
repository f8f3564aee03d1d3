import type { AnnouncedSession, AnnouncedTerm, Announcer } from '../../../src/core/announcer.ts';
import type { Lease } from '../../../src/core/lease.ts';
import { isLeaseholdError } from '../../../src/core/errors.ts';
import { leaseApi } from '../../../src/kube/lease-api.ts';
import type { LastTerm } from '../../../src/supervisor/announcements.ts';
import { giveUpTerm } from '../../../src/supervisor/give-up-term.ts';
import { reclaim } from '../../../src/supervisor/reclaim.ts';
import type { DeadSession } from '../../../src/supervisor/reclaim.ts';
import { Host } from '../../../src/testing/virtual/host.ts';
import { SimulatedRequests } from '../world/requests.ts';
import type { World } from '../world/world.ts';

/** As long as `leasehold run` takes at most. */
const LONGEST_RECLAIM_MS = 5_000;
const REQUEST_DEADLINE_MS = 2_000;

/** Remembers what was announced, as the file of a supervised process does. */
export class Notebook implements Announcer {
  readonly #sessions = new Map<string, AnnouncedSession>();
  readonly #attempts = new Map<string, { session: string; lock: string }>();
  readonly terms = new Map<string, AnnouncedTerm>();
  readonly #seen = new Map<string, Lease>();
  /** Whether there is room for the Leases, too. */
  hasRoom = true;

  sessionBegan(session: AnnouncedSession): void {
    this.#sessions.set(session.name, session);
  }

  sessionEnded(session: string): void {
    this.#sessions.delete(session);
  }

  attemptBegan(session: string, attempt: string, lock: string): void {
    this.#attempts.set(attempt, { session, lock });
  }

  attemptSettled(attempt: string): void {
    this.#attempts.delete(attempt);
    this.#seen.delete(attempt);
  }

  seen(key: string, lease: Lease | undefined): void {
    if (lease && this.hasRoom) this.#seen.set(key, structuredClone(lease));
    else this.#seen.delete(key);
  }

  termBegan(term: AnnouncedTerm): void {
    this.terms.set(term.election, term);
  }

  termEnded(election: string, acquireTime: string): void {
    if (this.terms.get(election)?.acquireTime === acquireTime) this.terms.delete(election);
  }

  /** The terms, each with its Lease as it was last seen. */
  lastTerms(): LastTerm[] {
    return [...this.terms].map(([election, term]) => ({ ...term, seen: this.#seen.get(election) }));
  }

  read(): DeadSession[] {
    return [...this.#sessions.values()].map(({ name, uid, ttl }) => ({
      name,
      uid,
      ttl,
      attempts: [...this.#attempts]
        .filter(([, { session }]) => session === name)
        .map(([id, { lock }]) => ({ id, lock, seen: this.#seen.get(id) })),
    }));
  }
}

/** What the parent of a process does when that has died. */
export async function superviseEnd(world: World, name: string, notebook: Notebook): Promise<void> {
  const host = new Host(world.time);
  const requests = new SimulatedRequests(world, host, `supervisor of ${name}`);
  const workshop = { api: leaseApi(requests, 'default', REQUEST_DEADLINE_MS), clock: host };
  const giveUp = new AbortController();
  const cancel = host.schedule(LONGEST_RECLAIM_MS, () => giveUp.abort());
  const { signal } = giveUp;
  const results = await Promise.allSettled([
    ...notebook.read().map((session) => reclaim(workshop, session, signal)),
    ...notebook.lastTerms().map((term) => giveUpTerm(workshop, term, signal)),
  ]);
  cancel();
  for (const result of results) {
    if (result.status === 'rejected' && !isLeaseholdError(result.reason)) throw result.reason;
    world.count(result.status === 'rejected' ? 'supervision given up' : 'supervised');
  }
}
