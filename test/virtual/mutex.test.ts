import { describe, expect, it } from 'vitest';
import { World } from './world/world.ts';

describe('a free lock', () => {
  it('costs one CREATE and one DELETE, and nothing is left of it', async () => {
    const world = new World();
    const a = world.process('a');
    const held = await world.time.settled(a.acquire('invoices'));
    expect(held.valid).toBe(true);
    expect(held.name).toBe('invoices');
    expect(world.holders('invoices')).toHaveLength(1);
    await world.time.settled(held.release());
    expect(held.valid).toBe(false);
    expect(world.requestsOn('invoices')).toEqual(['a create', 'a remove']);
    expect(world.store.peek('invoices')).toBeUndefined();
    await world.time.settled(a.close());
    expect(world.store.names()).toEqual([]);
    expect(a.host.timers).toBe(0);
  });

  it('has fences that grow across deletion', async () => {
    const world = new World();
    const a = world.process('a');
    const fences: bigint[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      const held = await world.time.settled(a.acquire('x'));
      fences.push(held.fence);
      await world.time.settled(held.release());
    }
    expect(fences).toEqual([...new Set(fences)].sort((x, y) => (x < y ? -1 : 1)));
  });
});

describe('a contended lock', () => {
  it('costs a waiter a refused CREATE, a watch and a join, and a handoff one PUT', async () => {
    const world = new World();
    const a = world.process('a');
    const b = world.process('b');
    const held = await world.time.settled(a.acquire('x'));
    const waiting = b.acquire('x');
    await world.time.runUntil(() => world.queue('x').length === 1, 1_000);
    await world.time.advance(500);
    expect(world.requestsOn('x')).toEqual(['a create', 'b create', 'b watch', 'b patch']);

    await world.time.advance(1_500);
    const before = world.requests.length;
    const releasedAt = world.time.now;
    const releasing = held.release();
    const next = await world.time.settled(waiting);
    expect(world.time.now - releasedAt).toBeLessThanOrEqual(2);
    await world.time.settled(releasing);
    expect(world.requestsOn('x', before)).toEqual(['a replace']);
    expect(next.fence).toBeGreaterThan(held.fence);
    await world.time.settled(next.release());
    expect(world.store.peek('x')).toBeUndefined();
  });

  it('is granted in the order of arrival', async () => {
    const world = new World();
    const processes = Array.from({ length: 10 }, (_, index) => world.process(`p${String(index)}`));
    const order: string[] = [];
    const works = processes.map(async (process, index) => {
      await new Promise<void>((resolve) => world.time.schedule(index * 100, resolve));
      const held = await process.acquire('x');
      order.push(process.name);
      await new Promise<void>((resolve) => world.time.schedule(2_000, resolve));
      await held.release();
    });
    await world.time.settled(Promise.all(works));
    expect(order).toEqual(processes.map(({ name }) => name));
    await world.time.settled(Promise.all(processes.map((process) => process.close())));
    expect(world.store.names()).toEqual([]);
    for (const process of processes) expect(process.host.timers).toBe(0);
  });

  it('is not granted first to who held it a moment ago, by what it saw then', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    const first = await time.settled(a.acquire('x'));
    const second = b.acquire('x');
    await time.advance(100);
    await time.settled(first.release());
    const held = await time.settled(second);
    await time.advance(2_000);
    const third = c.acquire('x');
    await time.advance(100);
    const last = a.acquire('x');
    await time.advance(100);
    expect(world.queue('x')).toHaveLength(2);
    await time.settled(held.release());
    await time.settled((await time.settled(third, 50)).release());
    await time.settled(last, 50);
  });

  it('tells that the API server does not answer, whatever is known from before', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const first = await time.settled(a.acquire('x'));
    const second = b.acquire('x');
    await time.advance(100);
    await time.settled(first.release());
    const held = await time.settled(second);
    const stop = world.inject(({ process, name }) =>
      process === 'a' && name === 'x' ? { kind: 'unsent' } : undefined,
    );
    const last = a.acquire('x');
    await time.advance(3_000);
    expect(a.eventsOf('api-trouble')).not.toEqual([]);
    stop();
    await time.advance(5_000);
    await time.settled(held.release());
    await time.settled(last, 50);
  });

  it('is served when everybody comes at once and holds for no time', async () => {
    const world = new World();
    const processes = Array.from({ length: 8 }, (_, index) => world.process(`p${String(index)}`));
    let turns = 0;
    const works = processes.map(async (process) => {
      for (let turn = 0; turn < 5; turn += 1) {
        const held = await process.acquire('x');
        turns += 1;
        await held.release();
      }
    });
    const startedAt = world.time.now;
    await world.time.settled(Promise.all(works), 30_000);
    expect(turns).toBe(40);
    expect(world.time.now - startedAt).toBeLessThan(2_000);
  });
});
