import type { AnnouncedTerm } from '../core/announcer.ts';
import type { Clock } from '../core/clock.ts';
import { formatEntry } from '../core/entry.ts';
import { ROLE_LABEL, microTime } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { HOLDER_PREFIX, QUEUE_PREFIX } from '../core/record.ts';
import { lockSpec } from '../core/settle.ts';
import { readAnswer } from '../kube/answer.ts';
import { sealed, unsealed } from '../client/sealed-lease.ts';
import { leaseApi } from '../kube/lease-api.ts';
import type { Outcome } from '../kube/outcome.ts';
import type { KubeRequest, Requests } from '../kube/transport.ts';
import type { Workshop } from '../repair/compare-and-swap.ts';
import { giveUpTerm } from './give-up-term.ts';
import { reclaim } from './reclaim.ts';
import type { DeadSession } from './reclaim.ts';

const LOCK = 'lock';
const SESSION: DeadSession = {
  name: 'dead',
  uid: 'uid-of-dead',
  ttl: 15,
  attempts: [],
};

/**
 * Settles a lock and gives up a term that exist in memory only, so that the engine has compiled all of
 * it: what runs for the first time takes ten times as long, and the death of a process is the first
 * time. Sends nothing.
 *
 * @returns whether it came to the end of both: else it would be of little use
 */
export async function rehearse(clock: Clock): Promise<boolean> {
  const now = microTime(clock.wall());
  const term: AnnouncedTerm = { election: 'election', identity: SESSION.name, acquireTime: now };
  const leases = [lockOf(now), leaderOf(term), sessionOf(now)];
  const workshop: Workshop = { api: leaseApi(new Memory(leases), 'rehearsal', 1_000), clock };
  const { signal } = new AbortController();
  const attempt = { id: '0-1', lock: LOCK };
  let passedOn = 0;
  for (const seen of [undefined, unsealed(sealed(lockOf(now)))]) {
    const session = { ...SESSION, attempts: [{ ...attempt, seen }] };
    passedOn += (await reclaim(workshop, session, signal)).passedOn;
  }
  return (await giveUpTerm(workshop, term, signal)) && passedOn === 2;
}

/** Answers with what it was made with, whatever is written. */
class Memory implements Requests {
  readonly #leases: readonly Lease[];

  constructor(leases: readonly Lease[]) {
    this.#leases = leases;
  }

  request<T>({ path, body }: KubeRequest): Promise<Outcome<T>> {
    const lease = this.#leases.find(({ metadata }) => path.endsWith(`/${metadata.name}`));
    JSON.stringify(body);
    const headers = { 'content-type': 'application/json', date: new Date().toUTCString() };
    return Promise.resolve(readAnswer<T>(200, headers, Buffer.from(JSON.stringify(lease))));
  }

  openWatch(): never {
    throw new TypeError('a rehearsal watches nothing');
  }

  close(): void {
    // There is nothing to be closed.
  }
}

function lockOf(now: string): Lease {
  const entryOf = (session: string): Parameters<typeof formatEntry>[0] => ({
    ...{ session, sessionUid: `uid-of-${session}`, ttl: SESSION.ttl, mode: 'exclusive' },
    since: now,
  });
  return {
    metadata: {
      ...{ name: LOCK, uid: 'uid-of-lock', resourceVersion: '1' },
      labels: { [ROLE_LABEL]: 'lock' },
      annotations: {
        [`${HOLDER_PREFIX}0-1`]: formatEntry(entryOf(SESSION.name)),
        [`${QUEUE_PREFIX}1-1`]: formatEntry({ ...entryOf('next'), seen: 1n }),
        [`${QUEUE_PREFIX}2-1`]: formatEntry({ ...entryOf('last'), seen: 1n }),
      },
    },
    spec: lockSpec(SESSION.name, now),
  };
}

function leaderOf({ election, identity, acquireTime }: AnnouncedTerm): Lease {
  return {
    metadata: { name: election, uid: 'uid-of-election', resourceVersion: '1' },
    spec: { holderIdentity: identity, acquireTime, renewTime: acquireTime, leaseTransitions: 1 },
  };
}

function sessionOf(now: string): Lease {
  return {
    metadata: { name: SESSION.name, uid: SESSION.uid, resourceVersion: '1' },
    spec: { holderIdentity: '', renewTime: now },
  };
}
