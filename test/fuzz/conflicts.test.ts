import { randomBytes } from 'node:crypto';
import { seeded } from '../sim/world/random.ts';
import { describe, expect, it } from 'vitest';
import { Leasehold } from '../../src/client/leasehold.ts';
import { pause } from '../../src/core/clock.ts';
import type { Outcome } from '../../src/kube/outcome.ts';
import type { KubeRequest, Requests } from '../../src/kube/transport.ts';
import { ApiHandler } from '../../src/testing/api-server/handler.ts';
import { DirectRequests } from '../../src/testing/virtual/direct-requests.ts';
import { Host } from '../../src/testing/virtual/host.ts';
import { VirtualTime } from '../../src/testing/virtual/time.ts';

const TIMES = { leaseDuration: '15s', renewDeadline: '10s', retryPeriod: '2s' } as const;
const ROUND_TRIP_MS = 1;
const PHASE_MS = 3_000;
/** At 50 a second; without a pause it is 500. */
const MOST_REQUESTS = 150;

/** While it is troubled, each write meets a conflict, and nobody can find out with whom. */
class Troubled implements Requests {
  readonly #requests: Requests;
  readonly #host: Host;
  isTroubled = false;
  sent = 0;

  constructor(requests: Requests, host: Host) {
    this.#requests = requests;
    this.#host = host;
  }

  async request<T>(request: KubeRequest): Promise<Outcome<T>> {
    this.sent += 1;
    await pause(this.#host, ROUND_TRIP_MS);
    if (!this.isTroubled || request.path.includes('-')) return this.#requests.request<T>(request);
    if (request.method === 'GET') {
      return { kind: 'unknown', sent: true, error: new Error('503'), retryAfter: undefined };
    }
    return {
      kind: 'refused',
      status: 409,
      reason: 'Conflict',
      message: 'the object has been modified',
      causes: [],
      retryAfter: undefined,
    };
  }

  openWatch: Requests['openWatch'] = (...given) => this.#requests.openWatch(...given);

  close(): void {
    this.#requests.close();
  }
}

function world() {
  const time = new VirtualTime();
  const tokenKey = randomBytes(16).toString('hex');
  const handler = new ApiHandler({ clock: new Host(time), random: seeded(1), tokenKey });
  const client = (name: string) => {
    const host = new Host(time);
    const direct = new DirectRequests(handler, host, handler.tokens.ofUser(name));
    const requests = new Troubled(direct, host);
    const leasehold = new Leasehold(
      requests,
      { clock: host, random: seeded(1), observe: () => undefined },
      { namespace: 'default', identity: { name, owner: undefined }, ttl: 15 },
      () => undefined,
    );
    return { leasehold, requests };
  };
  return { time, client };
}

type Client = ReturnType<ReturnType<typeof world>['client']>;

const wants: [string, (client: Client, other: Client) => Promise<() => Promise<unknown>>][] = [
  [
    'resigns',
    async ({ leasehold }) => {
      const term = await leasehold.election('election', TIMES).acquire();
      return () => term.resign();
    },
  ],
  [
    'stands',
    ({ leasehold }) =>
      Promise.resolve(() => leasehold.election('election', TIMES).run(() => undefined)),
  ],
  [
    'releases',
    async ({ leasehold }) => {
      const held = await leasehold.lock('lock').acquire();
      return () => held.release();
    },
  ],
  [
    'joins',
    async ({ leasehold }, other) => {
      await other.leasehold.lock('lock').acquire();
      // It has a session.
      await leasehold.lock('early').run(() => undefined);
      return async () => {
        const held = await leasehold.lock('lock').acquire();
        await held.release();
      };
    },
  ],
];

describe('a conflict that cannot be looked into', () => {
  it.each(wants)('is not met again without a pause by who %s', async (_, prepare) => {
    const { time, client } = world();
    const one = client('one');
    const other = client('other');
    const go = await time.settled(prepare(one, other));
    one.requests.isTroubled = true;
    one.requests.sent = 0;
    const over = go();
    await time.advance(PHASE_MS);
    expect(one.requests.sent).toBeGreaterThan(1);
    expect(one.requests.sent).toBeLessThan(MOST_REQUESTS);
    one.requests.isTroubled = false;
    void other.leasehold.close();
    await time.settled(over);
    await time.settled(one.leasehold.close());
  });
});
