import { describe, expect, it } from 'vitest';
import type { VirtualProcess } from './world/process.ts';
import { World } from './world/world.ts';

const TTL_MS = 15_000;
const RENEWALS_PER_TTL = 3;

/** What was sent since `from`, counted by verb. */
function sent(world: World, from: number, process?: VirtualProcess): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const request of world.requests.slice(from)) {
    if (process && request.process !== process.name) continue;
    counts[request.verb] = (counts[request.verb] ?? 0) + 1;
  }
  return counts;
}

describe('without faults', () => {
  it('a free lock costs a CREATE and a DELETE, however often', async () => {
    const world = new World();
    const a = world.process('a');
    await world.time.settled(a.acquire('y'));
    const from = world.requests.length;
    for (let turn = 0; turn < 100; turn += 1) {
      const held = await world.time.settled(a.acquire('x'));
      await world.time.settled(held.release());
    }
    expect(sent(world, from)).toEqual({ create: 100, remove: 100 });
  });

  it('a handoff costs a refused CREATE, a PATCH, a watch and the PUT of the release', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    await world.time.settled(b.acquire('y'));
    const first = await world.time.settled(a.acquire('x'));
    await world.time.advance(1_100);
    const from = world.requests.length;
    const waiting = b.acquire('x');
    await world.time.advance(100);
    await world.time.settled(first.release());
    await world.time.settled(waiting);
    expect(sent(world, from, b)).toEqual({ create: 1, patch: 1, watch: 1 });
    expect(sent(world, from, a)).toEqual({ replace: 1 });
  });

  it('who holds and who waits send renewals, and a look now and then', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    await world.time.settled(a.acquire('x'));
    void b.acquire('x');
    // The challenge of a holder that has held for two ttl is over as well.
    await world.time.advance(5 * TTL_MS);
    const from = world.requests.length;
    await world.time.advance(20 * TTL_MS);
    const renewals = 20 * RENEWALS_PER_TTL;
    const { replace = 0, ...others } = sent(world, from, a);
    expect(replace).toBeGreaterThanOrEqual(renewals - 2);
    // A renewal that meets a challenge is repeated.
    expect(replace).toBeLessThanOrEqual(renewals + 10);
    expect(Object.values(others).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(20);
    const waiter = sent(world, from, b);
    expect(waiter.replace).toBeLessThanOrEqual(renewals + 2);
    // Once in 12 s, as the next in the queue.
    expect(waiter.get).toBeLessThanOrEqual((20 * TTL_MS) / 12_000 + 2);
    expect(waiter.create ?? 0).toBe(0);
  });

  it('who has stopped sends nothing', async () => {
    const world = new World();
    const a = world.process('a');
    const held = await world.time.settled(a.acquire('x'));
    await world.time.settled(held.release());
    await world.time.settled(a.close());
    const from = world.requests.length;
    await world.time.advance(10 * TTL_MS);
    expect(world.requests.length).toBe(from);
    expect(a.host.timers).toBe(0);
    expect(world.store.names()).toEqual([]);
  });
});
