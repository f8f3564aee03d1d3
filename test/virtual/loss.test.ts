import { describe, expect, it } from 'vitest';
import { on, rejection, sessionOf, sleep } from './world/helpers.ts';
import { World } from './world/world.ts';

const TTL = 15_000;

describe('an outage of the API server for one process', () => {
  it('ends its holds by their signal before anybody else is granted', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.acquire('x'));
    const waiting = b.acquire('x');
    await world.time.advance(30_000);
    a.host.cut = true;
    const cutAt = world.time.now;
    const lost = new Promise<number>((resolve) => {
      held.signal.addEventListener('abort', () => resolve(world.time.now), { once: true });
    });
    const lostAt = await world.time.settled(lost);
    expect(lostAt - cutAt).toBeGreaterThan(TTL * 0.8 - TTL / 3 - 100);
    expect(lostAt - cutAt).toBeLessThanOrEqual(TTL * 0.8);
    expect(held.signal.reason).toMatchObject({ code: 'LOST' });
    expect(held.valid).toBe(false);
    expect(held.validFor).toBe(0);
    expect(a.eventsOf('session-warning').length).toBeGreaterThan(0);
    await world.time.settled(waiting);
    // A fifth of the ttl is left for the work to stop.
    expect(world.time.now - lostAt).toBeGreaterThanOrEqual(TTL / 5);
    await world.time.settled(held.release());
  });

  it('that is shorter than its validity is survived', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.acquire('x'));
    const waiting = b.acquire('x');
    for (let outage = 0; outage < 5; outage += 1) {
      await world.time.advance(20_000);
      a.host.cut = true;
      await world.time.advance(6_500);
      a.host.cut = false;
    }
    expect(held.valid).toBe(true);
    expect(a.eventsOf('session-lost')).toEqual([]);
    await world.time.settled(held.release());
    await world.time.settled(waiting);
  });

  it('gives the work its margin even when the outage ends right after the loss', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.acquire('x'));
    const waiting = b.acquire('x');
    await world.time.advance(30_000);
    a.host.cut = true;
    await world.time.runUntil(() => a.eventsOf('session-lost').length > 0, TTL);
    const lostAt = world.time.now;
    a.host.cut = false;
    // The process goes on with a new session at once; its lost one must not be blanked too soon.
    const other = await world.time.settled(a.acquire('other'));
    expect(other.valid).toBe(true);
    await world.time.settled(waiting);
    expect(world.time.now - lostAt).toBeGreaterThanOrEqual(TTL / 5);
    expect(held.valid).toBe(false);
  });

  it('survives a server that asks for more patience than is left', async () => {
    const world = new World();
    const a = world.process('a');
    const held = await world.time.settled(a.acquire('x'));
    world.injectOnce(on('a', 'replace'), { kind: 'refuse', status: 429, retryAfter: 32_000 });
    await world.time.advance(60_000);
    expect(held.valid).toBe(true);
    expect(a.eventsOf('session-lost')).toEqual([]);
  });

  it('makes run throw LOST', async () => {
    const world = new World();
    const a = world.process('a');
    const work = rejection(
      a.lock('x').run(async () => {
        a.host.cut = true;
        await sleep(world, 20_000);
      }),
    );
    expect(await world.time.settled(work)).toMatchObject({ code: 'LOST' });
  });
});

describe('a process that stands still', () => {
  it('sees that its hold is over before it has run any timer', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.acquire('x'));
    await world.time.advance(1_000);
    a.host.pause();
    await world.time.advance(60_000);
    expect(held.valid).toBe(false);
    expect(held.validFor).toBe(0);
    const next = await world.time.settled(b.acquire('x'));
    a.host.resume();
    await world.time.advance(1_000);
    expect(held.signal.aborted).toBe(true);
    expect(next.valid).toBe(true);
    const waiting = a.acquire('x');
    await world.time.advance(5_000);
    await world.time.settled(next.release());
    expect((await world.time.settled(waiting)).valid).toBe(true);
  });

  it('does not hold what it was granted when that answer comes too late', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    await world.time.settled((await world.time.settled(a.acquire('warm-up'))).release());
    const late = a.acquire('x');
    await world.time.runUntil(() => world.requests.some(on('a', 'create', 'x')), 100);
    a.host.pause();
    await world.time.advance(2 * TTL);
    expect(world.holders('x')).toHaveLength(1);
    const held = await world.time.settled(b.acquire('x'));
    a.host.resume();
    await world.time.advance(1_000);
    expect(a.eventsOf('acquired').map(({ lock }) => lock)).toEqual(['warm-up']);
    await world.time.settled(held.release());
    expect((await world.time.settled(late, 5_000)).fence).toBeGreaterThan(held.fence);
  });

  it('as a waiter is passed over, and waits again', async () => {
    const world = new World();
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    const held = await world.time.settled(a.acquire('x'));
    const second = b.acquire('x');
    await world.time.runUntil(() => world.queue('x').length === 1, 1_000);
    const third = c.acquire('x');
    await world.time.runUntil(() => world.queue('x').length === 2, 1_000);
    b.host.pause();
    await world.time.advance(2_000);
    await world.time.settled(held.release());
    const next = await world.time.settled(third, TTL + 5_000);
    b.host.resume();
    await world.time.advance(5_000);
    expect(next.valid).toBe(true);
    await world.time.settled(next.release());
    expect((await world.time.settled(second, 5_000)).valid).toBe(true);
  });
});

describe('a session that was lost', () => {
  it('is removed in the end, however often somebody changes it meanwhile', async () => {
    const world = new World();
    const a = world.process('a');
    const held = await world.time.settled(a.acquire('x'));
    const { name } = sessionOf(world, 'a').metadata;
    const heal = world.inject((request) =>
      request.process === 'a' && request.name === name ? { kind: 'unsent' } : undefined,
    );
    await world.time.runUntil(() => !held.valid, TTL);
    heal();
    let conflicts = 0;
    world.inject((request) => {
      const writes = request.verb === 'replace' || request.verb === 'remove';
      if (request.process !== 'a' || request.name !== name || !writes) return undefined;
      conflicts += 1;
      return conflicts <= 12 ? { kind: 'refuse', status: 409, reason: 'Conflict' } : undefined;
    });
    await world.time.settled(a.acquire('y'));
    await world.time.advance(6 * TTL);
    expect(conflicts).toBeGreaterThan(12);
    expect(world.store.peek(name)).toBeUndefined();
  });
});
