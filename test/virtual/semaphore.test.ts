import { describe, expect, it } from 'vitest';
import type { Semaphore } from '../../src/lock/semaphore.ts';
import type { VirtualProcess } from '../sim/world/process.ts';
import { on, rejection } from './world/helpers.ts';
import { World } from './world/world.ts';

const TTL = 15_000;
const gpu = (process: VirtualProcess, permits = 3): Semaphore =>
  process.locks.semaphore('gpu', permits);

describe('a semaphore', () => {
  it('is held by so many, each for two writes', async () => {
    const world = new World();
    const { time } = world;
    const processes = ['a', 'b', 'c'].map((name) => world.process(name));
    const held = [];
    for (const process of processes) held.push(await time.settled(gpu(process).acquire()));
    const d = world.process('d');
    expect(await time.settled(gpu(d).tryAcquire())).toBeUndefined();
    expect(held.map(({ valid }) => valid)).toEqual([true, true, true]);
    const waiting = gpu(d).acquire();
    await time.advance(1_000);
    await time.settled(held[1]?.release() ?? Promise.resolve());
    const next = await time.settled(waiting, 50);
    for (const one of [next, ...held]) await time.settled(one.release());
    expect(world.store.peek('gpu')).toBeUndefined();
  });

  it('does not let those who want few pass whoever wants many', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    const first = await time.settled(gpu(a).acquire({ permits: 2 }));
    const many = gpu(b).acquire({ permits: 3 });
    await time.advance(100);
    let isFew = false;
    const few = gpu(c).acquire();
    void few.then(() => (isFew = true));
    await time.advance(5_000);
    expect(isFew).toBe(false);
    await time.settled(first.release());
    const all = await time.settled(many, 50);
    await time.advance(1_000);
    expect(isFew).toBe(false);
    await time.settled(all.release());
    await time.settled(few, 50);
  });

  it('does not let who has held it for a while pass those who came since', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    const two = await time.settled(gpu(a).acquire({ permits: 2 }));
    const one = await time.settled(gpu(b).acquire());
    const many = gpu(c).acquire({ permits: 3 });
    await time.advance(100);
    // Its last look at the record was before the one that waits.
    const few = gpu(a).acquire();
    await time.advance(100);
    expect(world.queue('gpu')).toHaveLength(2);
    await time.settled(two.release());
    await time.advance(100);
    expect(world.holders('gpu')).toHaveLength(1);
    await time.settled(one.release());
    await time.settled((await time.settled(many, 50)).release());
    await time.settled(few, 50);
  });

  it('is taken several times by one process, and given back by all of it', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const held = await time.settled(Promise.all([1, 2, 3].map(() => gpu(a).acquire())));
    expect(world.holders('gpu')).toHaveLength(3);
    const more = [1, 2, 3].map(() => gpu(a).acquire());
    await time.advance(1_000);
    expect(world.queue('gpu')).toHaveLength(1);
    for (const one of held) await time.settled(one.release());
    for (const one of await time.settled(Promise.all(more))) await time.settled(one.release());
    await time.settled(a.close());
    expect(world.store.names()).toEqual([]);
  });

  it('recovers the permits of the dead', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    await time.settled(gpu(a).acquire({ permits: 2 }));
    const living = await time.settled(gpu(b).acquire());
    a.crash();
    const waiting = gpu(c).acquire({ permits: 2 });
    await time.settled(waiting, 2 * TTL);
    expect(living.valid).toBe(true);
  });

  it('recovers the permits of the dead while others come and go', async () => {
    const world = new World();
    const { time } = world;
    const [dead, b, c] = [world.process('dead'), world.process('b'), world.process('c')];
    await time.settled(gpu(dead).acquire({ permits: 2 }));
    dead.crash();
    const until = time.now + 3 * TTL;
    const busy = [b, c].map(async (process) => {
      while (time.now < until) {
        const held = await gpu(process).acquire();
        await new Promise<void>((resolve) => time.schedule(200, resolve));
        await held.release();
      }
    });
    await time.settled(Promise.all(busy), 4 * TTL);
    expect(world.holders('gpu')).toEqual([]);
  });

  it('is closed inside of its own run, and with a try on its way, and leaves nothing behind', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    await time.settled(
      gpu(a).run(() => a.close()),
      TTL,
    );
    const held = await time.settled(gpu(b).acquire());
    world.injectOnce(on('b', 'replace', 'gpu'), { kind: 'slow', there: 100, back: 500 });
    const trying = gpu(b).tryAcquire();
    await time.advance(400);
    await time.settled(b.close(), TTL);
    expect(held.valid).toBe(false);
    expect((await time.settled(trying.catch(() => undefined)))?.valid ?? false).toBe(false);
    expect(world.store.names()).toEqual([]);
  });

  it('is not watched any more when nobody has used it for a while', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const held = await time.settled(gpu(a).acquire());
    await time.advance(2_000);
    await time.settled(held.release());
    await time.advance(6_000);
    const before = world.requests.length;
    await time.settled((await time.settled(gpu(a).acquire())).release());
    // Nothing was known of it: its CREATE came first.
    expect(world.requestsOn('gpu', before)).toEqual(['a create', 'a remove']);
    await time.settled(a.close());
    expect(a.host.timers).toBe(0);
  });

  it('tells two programs that they do not agree, and waits for one that is gone', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    await time.settled(gpu(a).acquire());
    const refused = { code: 'PERMITS_DISAGREE' };
    expect(await rejection(time.settled(gpu(b, 5).acquire()))).toMatchObject(refused);
    expect(await rejection(time.settled(gpu(b, 5).tryAcquire()))).toMatchObject(refused);
    expect(await rejection(time.settled(b.lock('gpu').acquire()))).toMatchObject(refused);
    expect(world.queue('gpu')).toEqual([]);
    a.crash();
    await time.advance(TTL + 1_000);
    const held = await time.settled(gpu(b, 5).acquire({ permits: 5 }), 2 * TTL);
    expect(held.valid).toBe(true);
  });

  it('has as many permits as the record says where that was changed', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    const first = await time.settled(gpu(a).acquire({ permits: 3 }));
    const second = gpu(b).acquire({ permits: 2 });
    await time.advance(1_000);
    const permits = (text: string | null): void => {
      world.store.editByHand('gpu', { annotations: { 'leasehold.dev/permits': text } });
    };
    permits('limit=5 stated=3');
    const held = await time.settled(second, 1_000);
    permits('limit=1 stated=3');
    await time.settled(first.release());
    expect(await time.settled(gpu(c).tryAcquire())).toBeUndefined();
    expect(held.valid).toBe(true);
    await time.settled(held.release());
    // What was said of it stays, with nobody in it.
    expect(world.holders('gpu')).toEqual([]);
    expect(world.store.peek('gpu')).toBeDefined();
    const third = await time.settled(gpu(c).acquire(), 1_000);
    await time.settled(third.release());
    permits('limit=0 stated=3');
    expect(await time.settled(gpu(c).tryAcquire())).toBeUndefined();
  });

  it('refuses what it cannot have', async () => {
    const world = new World();
    const a = world.process('a');
    for (const permits of [0, -1, 1.5, 4, Number.NaN]) {
      await expect(gpu(a).acquire({ permits })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    expect(world.requests).toEqual([]);
  });
});
