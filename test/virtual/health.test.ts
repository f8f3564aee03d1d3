import { describe, expect, it } from 'vitest';
import type { Leadership } from '../../src/election/term.ts';
import { candidate } from './world/candidates.ts';
import { must, sleep } from './world/helpers.ts';
import { World } from './world/world.ts';

const RETRY_PERIOD = 2_000;
const RENEW_DEADLINE = 10_000;
const LEASE_DURATION = 15_000;

function leaderOf(world: World): string | null | undefined {
  return must(world.store.peek('controller')).spec?.holderIdentity;
}

function untilAborted({ signal }: Leadership): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

describe('a candidate that is not healthy', () => {
  it('does not campaign, and does when it is', async () => {
    const world = new World();
    let healthy = false;
    const { process, election, lead } = candidate(world, 'a', { health: () => healthy });
    const waiting = lead();
    await world.time.advance(60_000);
    expect(world.store.names()).toEqual([]);
    expect(process.eventsOf('unhealthy')).toHaveLength(1);
    healthy = true;
    await world.time.settled(waiting, RETRY_PERIOD + 100);
    expect(process.eventsOf('healthy')).toHaveLength(1);
    expect(election.leadership).toBeDefined();
  });

  it.each([
    ['throws', () => Promise.reject(new Error('the database is away')), 'the database is away'],
    ['never answers', () => new Promise<boolean>(() => undefined), 'longer than 500 ms'],
    ['answers with what is no yes', () => 'yes' as unknown as boolean, 'says so'],
  ])('as its check %s', async (_, health, detail) => {
    const world = new World();
    const { process, lead } = candidate(world, 'a', { health, healthTimeout: 500 });
    void lead();
    await world.time.advance(60_000);
    expect(world.store.names()).toEqual([]);
    const [told, ...more] = process.eventsOf('unhealthy');
    expect(told?.detail).toContain(detail);
    expect(more).toEqual([]);
  });

  it('resigns when its work has ended, and leads again when it is healthy and nobody leads', async () => {
    const world = new World();
    let healthy = true;
    const a = candidate(world, 'a', { health: () => Promise.resolve(healthy) });
    const b = candidate(world, 'b');
    const terms: string[] = [];
    void a.election.run(async (term) => {
      terms.push(term.identity);
      await untilAborted(term);
      expect(term.signal.reason).toMatchObject({ code: 'ABORTED' });
      expect(term.valid).toBe(true);
      await sleep(world, 3_000);
    });
    await world.time.advance(5_000);
    const waiting = b.lead();
    await world.time.advance(1_000);
    healthy = false;
    const sickAt = world.time.now;
    const next = await world.time.settled(waiting, 30_000);
    const took = world.time.now - sickAt;
    expect(took).toBeGreaterThanOrEqual(3_000);
    expect(took).toBeLessThan(3_000 + RETRY_PERIOD + 100);
    await world.time.settled(next.resign());
    await world.time.advance(60_000);
    expect(leaderOf(world)).toBe('');
    healthy = true;
    await world.time.advance(RETRY_PERIOD + 100);
    expect(leaderOf(world)).toBe('a_1');
    expect(terms).toEqual(['a_1', 'a_1']);
  });

  it('has lost its term if its work does not end, and is followed after the lease duration', async () => {
    const world = new World();
    let healthy = true;
    const a = candidate(world, 'a', { health: () => healthy });
    const b = candidate(world, 'b');
    let term: Leadership | undefined;
    void a.election.run((led) => {
      term = led;
      return new Promise(() => undefined);
    });
    await world.time.advance(5_000);
    const waiting = b.lead();
    healthy = false;
    await world.time.advance(RETRY_PERIOD + RENEW_DEADLINE + 100);
    expect(term?.valid).toBe(false);
    expect(a.process.eventsOf('leadership-lost')).toMatchObject([{ reason: 'unhealthy' }]);
    await world.time.settled(waiting, LEASE_DURATION + 1_000);
    expect(leaderOf(world)).toBe('b_1');
  });

  it('whose check hangs is not asked again before it has answered', async () => {
    const world = new World();
    let asked = 0;
    let answer: (healthy: boolean) => void = () => undefined;
    const health = (): Promise<boolean> => {
      asked += 1;
      return asked === 1 ? new Promise((resolve) => (answer = resolve)) : Promise.resolve(true);
    };
    const { lead } = candidate(world, 'a', { health });
    const waiting = lead();
    await world.time.advance(60_000);
    expect(asked).toBe(1);
    expect(world.store.names()).toEqual([]);
    answer(true);
    await world.time.settled(waiting, RETRY_PERIOD + 100);
  });

  it('asks nothing any more when it is closed', async () => {
    const world = new World();
    let asked = 0;
    const health = (): boolean => {
      asked += 1;
      return true;
    };
    const a = candidate(world, 'a', { health });
    await world.time.settled(a.lead());
    await world.time.settled(a.process.close());
    const before = asked;
    await world.time.advance(60_000);
    expect(asked).toBe(before);
    expect(a.process.host.timers).toBe(0);
  });
});

describe('a candidate that is to stand for some time first', () => {
  it('leaves a free Lease alone until then, also after it was sick', async () => {
    const world = new World();
    let healthy = true;
    const { election, lead } = candidate(world, 'a', { standFor: '5s', health: () => healthy });
    const waiting = lead();
    await world.time.advance(3_500);
    expect(world.store.names()).toEqual([]);
    healthy = false;
    await world.time.advance(30_000);
    expect(world.store.names()).toEqual([]);
    healthy = true;
    await world.time.advance(5_000);
    expect(election.leadership).toBeUndefined();
    await world.time.settled(waiting, RETRY_PERIOD + 100);
  });

  it('does not wait again after a term', async () => {
    const world = new World();
    const { election, lead } = candidate(world, 'a', { standFor: '60s' });
    const term = await world.time.settled(lead(), 61_000);
    await world.time.settled(term.resign());
    await world.time.settled(lead(), RETRY_PERIOD + 100);
    expect(election.leadership).toBeDefined();
  });

  it('learns of a leader that dies meanwhile as others do', async () => {
    const world = new World();
    const first = candidate(world, 'first');
    await world.time.settled(first.lead());
    first.process.crash();
    const { lead } = candidate(world, 'a', { standFor: '10s' });
    await world.time.settled(lead(), LEASE_DURATION + 1_000);
  });
});
