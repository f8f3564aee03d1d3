import { describe, expect, it } from 'vitest';
import { isLeaseholdError } from '../../src/core/errors.ts';
import { inside } from '../../src/lock/inside.ts';
import { on, rejection, sleep } from './world/helpers.ts';
import { World } from './world/world.ts';

const TTL = 15_000;

function locksIn(world: World): string[] {
  return world.store
    .names()
    .filter((name) => world.store.peek(name)?.metadata.labels?.['leasehold.dev/role'] === 'lock')
    .sort();
}

/** Takes a lock from whoever holds it, as a person may. */
function steal(world: World, lock: string): void {
  world.store.removeByHand(lock);
}

describe('several locks', () => {
  it('are held together, for two writes each, in the order of their Leases', async () => {
    const world = new World();
    const a = world.process('a');
    const held = await world.time.settled(a.locks.lockAll(['z', 'b', 'Y']).acquire());
    expect(held.valid).toBe(true);
    expect(held.validFor).toBeGreaterThan(0);
    expect(Object.keys(held.fences)).toEqual(['b', 'Y', 'z']);
    const isLock = (name: string): boolean => !name.startsWith('a-');
    const writes = (): string[] =>
      world.requests.filter(({ name }) => isLock(name)).map(({ verb, name }) => `${verb} ${name}`);
    const [first, second, third] = writes();
    expect([first, third]).toEqual(['create b', 'create z']);
    expect(second).toMatch(/^create y-/);
    await world.time.settled(held.release());
    expect(held.valid).toBe(false);
    expect(locksIn(world)).toEqual([]);
    expect(writes()).toHaveLength(6);
    expect(writes()[3]).toBe('remove z');
  });

  it('give each the fence that it has by itself', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const before = await time.settled(b.lock('x').acquire());
    await time.settled(before.release());
    const both = await time.settled(a.locks.lockAll(['x', 'y']).acquire());
    expect(both.fences.x).toBeGreaterThan(before.fence);
    expect(both.fences.y).toBeGreaterThan(both.fences.x);
    await time.settled(both.release());
    const after = await time.settled(b.lock('x').acquire());
    expect(after.fence).toBeGreaterThan(both.fences.x);
  });

  it('count a name once that is given twice, and refuse an empty list', async () => {
    const world = new World();
    const a = world.process('a');
    const same = a.locks.lockAll(['x', 'x']);
    expect(same.names).toEqual(['x']);
    const held = await world.time.settled(same.acquire());
    expect(Object.keys(held.fences)).toEqual(['x']);
    await world.time.settled(held.release());
    expect(() => a.locks.lockAll([])).toThrow(/at least one/);
    expect(() => a.locks.lockAll(['x', ''])).toThrow(/a name is/);
  });

  it('take names that an object has already', async () => {
    const world = new World();
    const held = await world.time.settled(
      world.process('a').locks.lockAll(['__proto__', 'constructor']).acquire(),
    );
    expect(Object.keys(held.fences).sort()).toEqual(['__proto__', 'constructor']);
  });

  it('never wait for each other in a circle, whatever the order in which they are named', async () => {
    const world = new World();
    const { time } = world;
    let turns = 0;
    const work = async (name: string, names: readonly string[]): Promise<void> => {
      const { locks } = world.process(name);
      for (let turn = 0; turn < 20; turn += 1) {
        await locks.lockAll(names).run(async (held) => {
          await sleep(world, 30);
          expect(held.valid).toBe(true);
          turns += 1;
        });
      }
    };
    const all = [work('a', ['x', 'y', 'z']), work('b', ['z', 'x']), work('c', ['y', 'z', 'x'])];
    await time.settled(Promise.all(all));
    expect(turns).toBe(60);
    expect(locksIn(world)).toEqual([]);
  });

  it('are all or none within the time-out, which is that of all of them', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const [x, y] = await time.settled(Promise.all([b.lock('x').acquire(), b.lock('y').acquire()]));
    const from = time.now;
    const waiting = a.locks.lockAll(['w', 'x', 'y']).acquire({ timeout: 3_000 });
    waiting.catch(() => undefined);
    await time.advance(2_000);
    await time.settled(x.release());
    const error = await time.settled(rejection(waiting));
    expect(error).toMatchObject({ code: 'TIMEOUT' });
    expect(String(error)).toMatch(/: locks w, x, y were not all granted within 3000 ms: y was not/);
    expect(time.now - from).toBeLessThan(3_050);
    await time.advance(100);
    expect(locksIn(world)).toEqual(['y']);
    expect(y.valid).toBe(true);
    // The last one first.
    const removed = world.requests.filter(
      ({ process, verb }) => process === 'a' && verb === 'remove',
    );
    expect(removed.map(({ name }) => name)).toEqual(['x', 'w']);
  });

  it('are given back when the wait is aborted, with the reason', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    await time.settled(b.lock('y').acquire());
    const stop = new AbortController();
    const waiting = a.locks.lockAll(['x', 'y']).acquire({ signal: stop.signal });
    await time.advance(1_000);
    expect(locksIn(world)).toEqual(['x', 'y']);
    const reason = new Error('enough');
    stop.abort(reason);
    expect(await time.settled(rejection(waiting))).toMatchObject({
      code: 'ABORTED',
      cause: reason,
    });
    await time.advance(100);
    expect(locksIn(world)).toEqual(['y']);
  });

  it('keep the error of the first thing that went wrong, while the API server is away', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    await time.settled(b.lock('y').acquire());
    const waiting = a.locks.lockAll(['x', 'y']).acquire({ timeout: 2_000 });
    const rejected = rejection(waiting);
    await time.advance(1_000);
    const from = time.now;
    const mend = world.inject((sent) =>
      sent.process === 'a' ? { kind: 'lose-request' } : undefined,
    );
    expect(await time.settled(rejected)).toMatchObject({ code: 'TIMEOUT' });
    expect(time.now - from).toBeLessThan(1_100);
    mend();
    await time.advance(TTL * 3);
    expect(locksIn(world)).toEqual(['y']);
  });

  it('are lost while they wait, when one that was granted is', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const y = await time.settled(b.lock('y').acquire());
    const waiting = a.locks.lockAll(['w', 'x', 'y']).acquire();
    const rejected = rejection(waiting);
    await time.advance(2_000);
    steal(world, 'x');
    const error = await time.settled(rejected, 1_000);
    expect(error).toMatchObject({ code: 'LOST' });
    expect(String(error)).toMatch(/: lock x was lost/);
    await time.advance(1_000);
    expect(locksIn(world).filter((name) => name !== 'x')).toEqual(['y']);
    expect(y.valid).toBe(true);
  });

  it('are lost as soon as one of them is', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const held = await time.settled(a.locks.lockAll(['x', 'y']).acquire());
    const { signal } = held;
    await time.advance(2_000);
    steal(world, 'y');
    await time.advance(1_000);
    expect(held.valid).toBe(false);
    expect(held.validFor).toBe(0);
    expect(isLeaseholdError(signal.reason, 'LOST')).toBe(true);
    await time.settled(held.release());
    expect(world.store.peek('x')).toBeUndefined();
  });

  it('say so when the work has ended although one was lost', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const running = a.locks.lockAll(['x', 'y']).run(async () => {
      await sleep(world, 2_000);
      steal(world, 'x');
      await sleep(world, 1_000);
      return 'done';
    });
    expect(await time.settled(rejection(running))).toMatchObject({ code: 'LOST' });
    await time.advance(1_000);
    expect(world.holders('y')).toEqual([]);
  });

  it('are tried together, and given back if one is taken', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const y = await time.settled(b.lock('y').acquire());
    expect(await time.settled(a.locks.lockAll(['x', 'y', 'z']).tryAcquire())).toBeUndefined();
    expect(locksIn(world)).toEqual(['y']);
    expect(world.requests.filter(({ name }) => name === 'z')).toEqual([]);
    await time.settled(y.release());
    const held = await time.settled(a.locks.lockAll(['x', 'y', 'z']).tryAcquire());
    expect(held?.valid).toBe(true);
  });

  it('are known to what runs inside of them', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const all = a.locks.lockAll(['x', 'y']);
    await time.settled(
      all.run(async (held) => {
        expect(await rejection(a.lock('y').acquire())).toMatchObject({ code: 'REENTRANT' });
        expect(await rejection(all.acquire())).toMatchObject({ code: 'REENTRANT' });
        const reading = a.lock('x', { mode: 'shared' }).acquire();
        expect(await rejection(reading)).toMatchObject({ code: 'DEADLOCK' });
        const inner = await a.locks.lockAll(['y', 'z']).acquire({ reentrant: true });
        expect(inner.fences.y).toBe(held.fences.y);
        await inner.release();
        expect(held.valid).toBe(true);
        expect(world.holders('y')).toHaveLength(1);
        expect(inside.getStore()?.size).toBe(2);
      }),
    );
    expect(locksIn(world)).toEqual([]);
  });

  it('give back what was granted when one inside is refused', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    await time.settled(
      a.lock('y').run(async () => {
        const error = await rejection(a.locks.lockAll(['x', 'y', 'z']).acquire());
        expect(error).toMatchObject({ code: 'REENTRANT' });
        await sleep(world, 100);
        expect(locksIn(world)).toEqual(['y']);
      }),
    );
  });

  it('end when the client is closed, after the work, which is told', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const order: string[] = [];
    const running = a.locks.lockAll(['x', 'y']).run(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await sleep(world, 500);
      expect(world.holders('x')).toHaveLength(1);
      order.push('work');
    });
    running.catch(() => undefined);
    await time.advance(1_000);
    await time.settled(a.close());
    order.push('closed');
    expect(order).toEqual(['work', 'closed']);
    expect(locksIn(world)).toEqual([]);
  });

  it('leave nothing behind when the answer to a grant was lost', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const y = await time.settled(b.lock('y').acquire());
    world.injectOnce(on('a', 'create', 'x'), { kind: 'late', after: 20, lands: 4_000 });
    const rejected = rejection(a.locks.lockAll(['x', 'y']).acquire({ timeout: 2_000 }));
    expect(await time.settled(rejected)).toMatchObject({ code: 'TIMEOUT' });
    await time.settled(y.release());
    const held = await time.settled(b.locks.lockAll(['y', 'x']).acquire(), 4 * TTL);
    expect(held.valid).toBe(true);
    await time.advance(10_000);
    expect(held.valid).toBe(true);
  });
});
