import { randomBytes } from 'node:crypto';
import { seeded } from '../sim/world/random.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Leasehold } from '../../src/client/leasehold.ts';
import { pause } from '../../src/core/clock.ts';
import { isLeaseholdError } from '../../src/core/errors.ts';
import type { LeaseholdErrorCode } from '../../src/core/errors.ts';
import { ApiHandler } from '../../src/testing/api-server/handler.ts';
import { DirectRequests } from '../../src/testing/virtual/direct-requests.ts';
import { Host } from '../../src/testing/virtual/host.ts';
import { VirtualTime } from '../../src/testing/virtual/time.ts';
import { FUZZ_TIMEOUT, cases, expectNoCrash } from './budget.ts';
import { GarbledRequests } from './garbled-requests.ts';
import type { Choice } from './garbled-requests.ts';
import { mangling } from './mangling.ts';

const PHASE_MS = 12_000;
const TTL_SECONDS = 4;
const TIMES = { leaseDuration: '4s', renewDeadline: '3s', retryPeriod: '500ms' } as const;
/** On average, by a process that does two things at a time; an endless loop sends thousands. */
const MOST_REQUESTS_A_SECOND = 120;

/** What becomes of one answer after another, again and again. */
const fates = fc.array(
  fc.option(
    fc.record({ mangling, status: fc.constantFrom(0, 0, 0, 200, 201, 204, 301, 304, 500, 502) }),
    { nil: undefined, freq: 2 },
  ),
  { minLength: 1, maxLength: 40 },
);

/** One process in virtual time. */
class Fuzzed {
  readonly host: Host;
  readonly requests: GarbledRequests;
  readonly leasehold: Leasehold;
  readonly codes = new Set<LeaseholdErrorCode>();
  /** How often it held, and led. */
  held = 0;
  led = 0;
  isValid: () => boolean = () => false;
  leads: () => boolean = () => false;

  constructor(world: { time: VirtualTime; handler: ApiHandler }, name: string, choose: Choice) {
    this.host = new Host(world.time);
    const direct = new DirectRequests(world.handler, this.host, world.handler.tokens.ofUser(name));
    this.requests = new GarbledRequests(direct, choose);
    this.leasehold = new Leasehold(
      this.requests,
      { clock: this.host, random: seeded(1), observe: () => undefined },
      { namespace: 'default', identity: { name, owner: undefined }, ttl: TTL_SECONDS },
      () => undefined,
    );
  }

  async useLocks(isOver: () => boolean): Promise<void> {
    const lock = this.leasehold.lock('lock');
    for (let turn = 0; !isOver(); turn += 1) {
      await this.#expected(async () => {
        const held =
          turn % 3 === 2 ? await lock.tryAcquire() : await lock.acquire({ timeout: 7_000 });
        if (!held) return;
        this.held += 1;
        this.isValid = () => held.valid;
        await pause(this.host, (turn % 4) * 400);
        this.isValid = () => false;
        await held.release();
      });
      await pause(this.host, 50);
    }
  }

  async useElection(isOver: () => boolean): Promise<void> {
    const election = this.leasehold.election('election', TIMES);
    for (let turn = 0; !isOver(); turn += 1) {
      await this.#expected(async () => {
        const patience = new AbortController();
        const cancel = this.host.schedule(7_000, () => patience.abort());
        const term = await election.acquire({ signal: patience.signal }).finally(cancel);
        this.led += 1;
        this.leads = () => term.valid;
        await pause(this.host, (turn % 4) * 600);
        this.leads = () => false;
        await term.resign();
      });
      await pause(this.host, 50);
    }
  }

  async observe(signal: AbortSignal): Promise<void> {
    for await (const leader of this.leasehold.election('election', TIMES).observe({ signal })) {
      expect(typeof (leader?.identity ?? '')).toBe('string');
    }
  }

  async #expected(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isLeaseholdError(error)) throw error;
      this.codes.add(error.code);
    }
  }
}

describe('answers that are garbled on the way', () => {
  expectNoCrash();

  it(
    'cost no exclusion, no loop and no crash, and nothing once they are over',
    { timeout: FUZZ_TIMEOUT },
    async () => {
      await fc.assert(
        fc.asyncProperty(fates, async (choices) => {
          const time = new VirtualTime();
          const clock = new Host(time);
          const tokenKey = randomBytes(16).toString('hex');
          const handler = new ApiHandler({ clock, random: seeded(1), tokenKey });
          let next = 0;
          let isGarbling = true;
          const choose: Choice = () => (isGarbling ? choices[next++ % choices.length] : undefined);
          const sound = new Fuzzed({ time, handler }, 'sound', () => undefined);
          const fuzzed = new Fuzzed({ time, handler }, 'fuzzed', choose);
          let overlaps = 0;
          time.afterStep(() => {
            if (sound.isValid() && fuzzed.isValid()) overlaps += 1;
            if (sound.leads() && fuzzed.leads()) overlaps += 1;
          });

          const end = time.now + PHASE_MS;
          const isOver = (): boolean => time.now >= end;
          const watching = new AbortController();
          const observing = fuzzed.observe(watching.signal);
          const working = Promise.all(
            [sound, fuzzed].flatMap((one) => [one.useLocks(isOver), one.useElection(isOver)]),
          );
          await time.advance(PHASE_MS);
          isGarbling = false;
          expect(overlaps).toBe(0);
          const perSecond = fuzzed.requests.sent / (PHASE_MS / 1_000);
          expect(perSecond).toBeLessThan(MOST_REQUESTS_A_SECOND);

          await time.settled(working, 120_000);
          const held = await time.settled(fuzzed.leasehold.lock('lock').acquire(), 60_000);
          const term = await time.settled(
            fuzzed.leasehold.election('election', TIMES).acquire(),
            60_000,
          );
          expect([held.valid, term.valid]).toEqual([true, true]);
          watching.abort();
          await time.settled(
            Promise.all([fuzzed.leasehold.close(), sound.leasehold.close(), observing]),
          );
          expect(fuzzed.host.timers + sound.host.timers).toBe(0);
          expect(overlaps).toBe(0);
        }),
        cases(25),
      );
    },
  );
});
