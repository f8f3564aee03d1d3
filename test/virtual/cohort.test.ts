import { describe, expect, it } from 'vitest';
import { rejection, sleep } from './world/helpers.ts';
import { World } from './world/world.ts';

describe('waiters of one process', () => {
  it('take turns without a request', async () => {
    const world = new World();
    const a = world.process('a');
    let running = 0;
    const works = Array.from({ length: 100 }, () =>
      a.lock('x').run(async () => {
        running += 1;
        expect(running).toBe(1);
        await sleep(world, 1);
        running -= 1;
      }),
    );
    await world.time.settled(Promise.all(works));
    // It watches whether others wait, as so many turns in a row call for it.
    const writes = world.requestsOn('x').filter((request) => request !== 'a watch');
    expect(writes).toEqual(['a create', 'a remove']);
    await world.time.settled(a.close());
    expect(world.store.names()).toEqual([]);
    expect(a.host.timers).toBe(0);
  });

  it('have fences of their own', async () => {
    const world = new World();
    const a = world.process('a');
    const works = Array.from({ length: 10 }, async () => {
      const held = await a.acquire('x');
      await sleep(world, 1);
      await held.release();
    });
    await world.time.settled(Promise.all(works));
    expect(world.invariants.grants).toBe(10);
  });

  it('give way to others after 16 turns in a row', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const order: string[] = [];
    const first = await world.time.settled(a.acquire('x'));
    const works = Array.from({ length: 60 }, async () => {
      const held = await a.acquire('x');
      order.push('a');
      await sleep(world, 50);
      await held.release();
    });
    const other = (async () => {
      const held = await b.acquire('x');
      order.push('b');
      await held.release();
    })();
    await world.time.runUntil(() => world.queue('x').length === 1, 1_000);
    await world.time.advance(1_500);
    await first.release();
    await world.time.settled(Promise.all([...works, other]));
    expect(order.indexOf('b')).toBeGreaterThan(0);
    expect(order.indexOf('b')).toBeLessThanOrEqual(17);
    await world.time.settled(Promise.all([a.close(), b.close()]));
    expect(world.store.names()).toEqual([]);
  });

  it('give way also when no more watches may be opened', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const others = Array.from({ length: 100 }, (_, index) => a.acquire(`other-${String(index)}`));
    await world.time.settled(Promise.all(others));
    await world.time.advance(2_000);
    let stopped = false;
    const work = async (): Promise<void> => {
      while (!stopped) {
        const held = await a.acquire('x');
        await sleep(world, 10);
        await held.release();
      }
    };
    const works = [work(), work()];
    const held = await world.time.settled(b.acquire('x'), 5_000);
    stopped = true;
    await world.time.settled(held.release());
    await world.time.settled(Promise.all(works));
  });

  it('may be released in the very moment of the grant, again and again', async () => {
    const world = new World();
    const a = world.process('a');
    const churn = async (): Promise<void> => {
      for (let turn = 0; turn < 30; turn += 1) {
        const held = await a.acquire('x');
        const releasing = held.release();
        const other = await a.tryAcquire('x');
        await other?.release();
        await releasing;
      }
    };
    await world.time.settled(Promise.all([churn(), churn(), churn()]));
    await world.time.settled(a.close());
    expect(world.store.names()).toEqual([]);
  });
});

describe('inside of run', () => {
  it('the same lock is refused, or shared when asked for', async () => {
    const world = new World();
    const a = world.process('a');
    const work = a.lock('x').run(async (outer) => {
      const error = await rejection(a.lock('x').acquire());
      expect(error).toMatchObject({ code: 'REENTRANT' });
      expect(await rejection(a.lock('x').tryAcquire())).toMatchObject({ code: 'REENTRANT' });
      const inner = await a.lock('x').acquire({ reentrant: true });
      expect(inner.fence).toBe(outer.fence);
      await inner.release();
      expect(outer.valid).toBe(true);
      return 'result';
    });
    expect(await world.time.settled(work)).toBe('result');
    expect(world.requestsOn('x')).toEqual(['a create', 'a remove']);
  });

  it('an error of the work is passed on, and the lock released', async () => {
    const world = new World();
    const a = world.process('a');
    const work = rejection(a.lock('x').run(() => Promise.reject(new Error('of the work'))));
    expect(await world.time.settled(work)).toMatchObject({ message: 'of the work' });
    expect(world.store.peek('x')).toBeUndefined();
  });
});

describe('closing', () => {
  it('refuses waiters, releases holds, and leaves no Lease and no timer', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    await world.time.settled(a.acquire('x'));
    await world.time.settled(b.acquire('y'));
    const waiting = rejection(a.acquire('y', { timeout: '1h' }));
    await world.time.advance(2_000);
    await world.time.settled(a.close());
    expect(await world.time.settled(waiting)).toMatchObject({ code: 'CLOSED' });
    expect(world.store.peek('x')).toBeUndefined();
    expect(world.queue('y')).toEqual([]);
    expect(a.host.timers).toBe(0);
    const late = rejection(a.acquire('z', { timeout: '1h' }));
    expect(await world.time.settled(late)).toMatchObject({ code: 'CLOSED' });
    expect(a.host.timers).toBe(0);
    await world.time.settled(b.close());
    expect(world.store.names()).toEqual([]);
  });

  it('does not wait for a try that may take a ttl', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    await world.time.settled(a.acquire('x'));
    a.crash();
    world.store.removeByHand(world.store.names().find((name) => name.startsWith('a-')) ?? '');
    const trying = rejection(b.tryAcquire('x'));
    await world.time.advance(100);
    await world.time.settled(b.close(), 1_000);
    expect(await world.time.settled(trying)).toMatchObject({ code: 'CLOSED' });
    expect(b.host.timers).toBe(0);
  });
});
