import fc from 'fast-check';
import { seeded } from '../sim/world/random.ts';
import { describe, expect, it } from 'vitest';
import { isLeaseholdError } from '../../src/core/errors.ts';
import { parseRecord } from '../../src/core/record.ts';
import { leaseApi } from '../../src/kube/lease-api.ts';
import { Operator } from '../../src/operator/operator.ts';
import { giveUpTerm } from '../../src/supervisor/give-up-term.ts';
import { reclaim } from '../../src/supervisor/reclaim.ts';
import { DirectRequests } from '../../src/testing/virtual/direct-requests.ts';
import { Host } from '../../src/testing/virtual/host.ts';
import { OperatorWorld } from '../unit/operator-world.ts';
import { FUZZ_TIMEOUT, cases, expectNoCrash } from './budget.ts';
import { GarbledRequests } from './garbled-requests.ts';
import { mangling } from './mangling.ts';

const PHASE_MS = 30_000;
/** A watch that was told a version of the future is silent, and found out after this. */
const SILENCE_MS = 100_000;
const MOST_REQUESTS_A_SECOND = 60;

const fates = fc.array(
  fc.option(fc.record({ mangling, status: fc.constantFrom(0, 0, 0, 0, 200, 204, 301, 500, 502) }), {
    nil: undefined,
    freq: 2,
  }),
  { minLength: 1, maxLength: 30 },
);

describe('who acts for others, and reads what is garbled,', () => {
  expectNoCrash();

  it(
    'as the operator: goes on, and does its work once that is over',
    { timeout: FUZZ_TIMEOUT },
    async () => {
      await fc.assert(
        fc.asyncProperty(fates, async (choices) => {
          const world = new OperatorWorld();
          const { time, handler } = world;
          const host = new Host(time);
          const token = handler.tokens.ofUser('operator', ['system:masters']);
          let next = 0;
          let isGarbling = true;
          const requests = new GarbledRequests(new DirectRequests(handler, host, token), () =>
            isGarbling ? choices[next++ % choices.length] : undefined,
          );
          const operator = new Operator({
            requests,
            clock: host,
            random: seeded(1),
            report: () => undefined,
            namespaces: undefined,
            stuckAfter: 20,
            leaderLabel: true,
          });
          const stopping = new AbortController();
          const watching = operator.watch(stopping.signal);
          const leading = operator.lead(stopping.signal);

          const [first, second, third] = await Promise.all(
            ['a', 'b', 'c'].map((name) => world.pod(name)),
          );
          if (!first || !second || !third) throw new Error('no Pods');
          await first.leasehold.lock('lock').acquire();
          const waiting = second.leasehold.lock('lock').acquire();
          await time.advance(3_000);
          world.crash(first);
          await world.reportEnd(first);
          await time.advance(PHASE_MS);
          expect(requests.sent / (PHASE_MS / 1_000)).toBeLessThan(MOST_REQUESTS_A_SECOND);
          await time.settled(waiting);
          isGarbling = false;
          await time.advance(SILENCE_MS);

          const next3 = third.leasehold.lock('lock').acquire();
          await time.advance(1_000);
          world.crash(second);
          await world.reportEnd(second);
          const crashedAt = time.now;
          await time.settled(next3);
          // The ttl is 15 s.
          expect(time.now - crashedAt).toBeLessThan(5_000);
          stopping.abort();
          requests.close();
          await time.settled(Promise.all([watching, leading]));
        }),
        cases(15),
      );
    },
  );

  it(
    'as the supervisor: says what it could not do, in time',
    { timeout: FUZZ_TIMEOUT },
    async () => {
      await fc.assert(
        fc.asyncProperty(fates, async (choices) => {
          const world = new OperatorWorld();
          const { time, handler } = world;
          const host = new Host(time);
          const token = handler.tokens.ofUser('supervisor', ['system:masters']);
          let next = 0;
          const requests = new GarbledRequests(
            new DirectRequests(handler, host, token),
            () => choices[next++ % choices.length],
          );
          const [dead, other] = [world.process('dead', ''), world.process('other', '')];
          await dead.leasehold.lock('lock').acquire();
          const waiting = other.leasehold.lock('lock').acquire();
          const term = await dead.leasehold.election('election').acquire();
          await time.advance(2_000);
          world.crash(dead);

          const lease = world.lease('lock');
          const [holder] = lease ? parseRecord(lease).holders : [];
          if (!holder) throw new Error('nobody holds');
          const session = { name: holder.session, uid: holder.sessionUid, ttl: 15 };
          const acquireTime = world.lease('election')?.spec?.acquireTime ?? '';
          const late = new AbortController();
          host.schedule(5_000, () => late.abort());
          const workshop = { api: leaseApi(requests, 'default', 2_000), clock: host };
          const results = await time.settled(
            Promise.allSettled([
              reclaim(
                workshop,
                { ...session, attempts: [{ id: holder.id, lock: 'lock' }] },
                late.signal,
              ),
              giveUpTerm(
                workshop,
                { election: 'election', identity: term.identity, acquireTime },
                late.signal,
              ),
            ]),
          );
          for (const one of results) {
            if (one.status === 'rejected' && !isLeaseholdError(one.reason)) throw one.reason;
          }
          await time.settled(waiting);
        }),
        cases(40),
      );
    },
  );
});
