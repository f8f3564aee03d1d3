import { describe, expect, it } from 'vitest';
import { on, rejection, sessionsIn, sleep } from './world/helpers.ts';
import { World } from './world/world.ts';

async function heldAndAwaited(world: World) {
  const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
  const held = await world.time.settled(a.acquire('x'));
  const stop = new AbortController();
  const waiting = rejection(b.acquire('x', { signal: stop.signal }));
  waiting.catch(() => undefined);
  await world.time.runUntil(() => world.queue('x').length === 1, 1_000);
  return { a, b, c, held, stop, waiting };
}

describe('a wait that is given up', () => {
  it('costs one PATCH more, and leaves the queue', async () => {
    const world = new World();
    const { a, b, held, stop, waiting } = await heldAndAwaited(world);
    await world.time.advance(3_000);
    const before = world.requests.length;
    stop.abort();
    expect(await world.time.settled(waiting)).toMatchObject({ code: 'ABORTED' });
    await world.time.advance(100);
    expect(world.requestsOn('x', before)).toEqual(['b patch']);
    expect(world.queue('x')).toEqual([]);
    expect(held.valid).toBe(true);
    await world.time.settled(held.release());
    await world.time.settled(Promise.all([a.close(), b.close()]));
    expect(world.store.names()).toEqual([]);
  });

  it('gives back what was granted while the cancel was in flight', async () => {
    const world = new World();
    const { a, b, c, held, stop, waiting } = await heldAndAwaited(world);
    const third = c.acquire('x');
    await world.time.runUntil(() => world.queue('x').length === 2, 1_000);
    await world.time.advance(2_000);
    // The release is on its way when the waiter gives up.
    const releasing = held.release();
    await world.time.advance(0.5);
    stop.abort();
    await world.time.settled(waiting);
    await world.time.settled(releasing);
    const next = await world.time.settled(third, 1_000);
    expect(next.valid).toBe(true);
    await world.time.settled(next.release());
    await world.time.settled(Promise.all([a.close(), b.close(), c.close()]));
    expect(world.store.names()).toEqual([]);
  });

  it('in every moment of a handoff leaves the lock to others', async () => {
    for (let delay = 0; delay < 8; delay += 0.5) {
      const world = new World();
      const { a, b, c, held, stop, waiting } = await heldAndAwaited(world);
      await world.time.advance(2_000);
      const releasing = held.release();
      await world.time.advance(delay);
      stop.abort();
      const outcome = Promise.race([waiting.catch(() => 'granted'), sleep(world, 500)]);
      await world.time.settled(Promise.all([outcome, releasing]));
      await world.time.settled(b.locks.close());
      const next = await world.time.settled(c.acquire('x'), 1_000);
      await world.time.settled(next.release());
      await world.time.settled(Promise.all([a.close(), b.close(), c.close()]));
      expect(world.store.names()).toEqual([]);
    }
  });

  it('is void while the outcome of its join is unknown', async () => {
    const world = new World();
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    const held = await world.time.settled(a.acquire('x'));
    world.injectOnce(on('b', 'patch', 'x'), { kind: 'late', after: 20, lands: 3_000 });
    const stop = new AbortController();
    const waiting = rejection(b.acquire('x', { signal: stop.signal }));
    await world.time.advance(30);
    stop.abort();
    expect(await world.time.settled(waiting)).toMatchObject({ code: 'ABORTED' });
    await world.time.advance(5_000);
    // The late join has landed, in the name of an attempt that is no more.
    expect(world.queue('x')).toHaveLength(1);
    await world.time.settled(held.release());
    const next = await world.time.settled(c.acquire('x'), 5_000);
    expect(next.valid).toBe(true);
    await world.time.settled(next.release());
    await world.time.settled(Promise.all([a.close(), b.close(), c.close()]));
    expect(world.store.peek('x')).toBeUndefined();
  });
});

describe('a time limit', () => {
  it('rejects with TIMEOUT in time, and leaves nothing in the queue', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.acquire('x'));
    const startedAt = world.time.now;
    const waiting = rejection(b.acquire('x', { timeout: '5s' }));
    expect(await world.time.settled(waiting)).toMatchObject({ code: 'TIMEOUT' });
    expect(world.time.now - startedAt).toBe(5_000);
    await world.time.advance(100);
    expect(world.queue('x')).toEqual([]);
    await world.time.settled(held.release());
    await world.time.settled(Promise.all([a.close(), b.close()]));
    expect(world.store.names()).toEqual([]);
  });

  it('counts also while the API server is away', async () => {
    const world = new World();
    const a = world.process('a');
    a.host.cut = true;
    const waiting = rejection(a.acquire('x', { timeout: '3s' }));
    expect(await world.time.settled(waiting, 3_100)).toMatchObject({ code: 'TIMEOUT' });
    const closing = world.time.settled(a.close(), 60_000);
    await closing;
    expect(a.host.timers).toBe(0);
    expect(sessionsIn(world)).toEqual([]);
  });

  it('refuses a signal that is aborted already, without a request', async () => {
    const world = new World();
    const a = world.process('a');
    const error = await rejection(a.acquire('x', { signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ code: 'ABORTED' });
    expect(world.requests).toEqual([]);
  });
});
