import { describe, expect, it } from 'vitest';
import type { Held } from '../../src/lock/held.ts';
import type { Lock } from '../../src/lock/lock.ts';
import { ReadWriteLock } from '../../src/lock/read-write-lock.ts';
import type { VirtualProcess } from '../sim/world/process.ts';
import { on, rejection } from './world/helpers.ts';
import { World } from './world/world.ts';

const TTL = 15_000;
const reader = (process: VirtualProcess, name = 'x'): Lock =>
  process.locks.lock(name, { mode: 'shared' });

function writes(world: World, from = 0): string[] {
  const isWrite = (sent: string): boolean => !/ (get|watch|list)$/.test(sent);
  return world.requestsOn('x', from).filter(isWrite);
}

describe('a read-write lock', () => {
  it('is read by several at the same time, each for two writes', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const first = await time.settled(reader(a).acquire());
    const second = await time.settled(reader(b).acquire());
    expect([first.valid, second.valid]).toEqual([true, true]);
    expect(second.fence).toBeGreaterThan(first.fence);
    await time.settled(first.release());
    expect(second.valid).toBe(true);
    await time.settled(second.release());
    expect(world.store.peek('x')).toBeUndefined();
    expect(writes(world).filter((sent) => sent.startsWith('b'))).toEqual([
      'b create',
      'b replace',
      'b remove',
    ]);
  });

  it('is written by one alone, and those who come later wait in their order', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => world.process(name));
    if (!a || !b || !c || !d) throw new Error('four');
    const order: string[] = [];
    const noted = async (name: string, acquiring: Promise<Held>): Promise<Held> => {
      const held = await acquiring;
      order.push(name);
      return held;
    };
    const first = await time.settled(noted('a', reader(a).acquire()));
    const writing = noted('b', b.lock('x').acquire());
    await time.advance(50);
    const reading = [noted('c', reader(c).acquire()), noted('d', reader(d).acquire())];
    await time.advance(1_000);
    expect(order).toEqual(['a']);
    await time.settled(first.release());
    const writer = await time.settled(writing, 50);
    await time.advance(1_000);
    expect(order).toEqual(['a', 'b']);
    await time.settled(writer.release());
    const readers = await time.settled(Promise.all(reading), 50);
    expect(readers.every(({ valid, fence }) => valid && fence > writer.fence)).toBe(true);
  });

  it('grants fifty readers behind a writer by one write', async () => {
    const world = new World();
    const { time } = world;
    const writer = await time.settled(world.process('w').lock('x').acquire());
    const reading = Array.from({ length: 50 }, (_, index) =>
      reader(world.process(`r${String(index)}`)).acquire(),
    );
    await time.advance(2_000);
    const before = world.requests.length;
    await time.settled(writer.release());
    await time.settled(Promise.all(reading), 500);
    expect(writes(world, before)).toEqual(['w replace']);
  });

  it('lets the readers of one process share one entry', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const first = await time.settled(reader(a).acquire());
    const before = world.requests.length;
    const others = await time.settled(Promise.all([1, 2, 3].map(() => reader(a).acquire())));
    const tried = await time.settled(reader(a).tryAcquire());
    expect(world.requests.length).toBe(before);
    await time.settled(first.release());
    for (const held of others) await time.settled(held.release());
    expect(tried?.valid).toBe(true);
    expect(world.holders('x')).toHaveLength(1);
    await time.settled(tried?.release() ?? Promise.resolve());
    expect(world.store.peek('x')).toBeUndefined();
  });

  it('does not let the readers of one process keep a writer waiting', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const first = await time.settled(reader(a).acquire());
    // Long enough for it to be watched.
    await time.advance(2_000);
    const writing = b.lock('x').acquire();
    await time.advance(100);
    const behind = reader(a).acquire();
    await time.advance(100);
    await time.settled(first.release());
    const writer = await time.settled(writing, 50);
    await time.advance(1_000);
    expect(writer.valid).toBe(true);
    await time.settled(writer.release());
    const last = await time.settled(behind, 50);
    expect(last.fence).toBeGreaterThan(writer.fence);
  });

  it('disowns an entry that comes when its wait is over', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    const held = await time.settled(reader(a).acquire());
    world.injectOnce(on('b', 'replace', 'x'), { kind: 'late', after: 20, lands: 5_000 });
    const stop = world.inject((sent) =>
      sent.process === 'b' && sent.name === 'x' && sent.verb !== 'watch'
        ? { kind: 'unsent' }
        : undefined,
    );
    expect(
      await rejection(time.settled(reader(b).acquire({ timeout: '1s' }), 20_000)),
    ).toMatchObject({ code: 'TIMEOUT' });
    await time.advance(6_000);
    stop();
    expect(world.holders('x')).toHaveLength(2);
    expect(b.eventsOf('void')).toHaveLength(1);
    await time.settled(held.release());
    await time.settled(c.lock('x').acquire(), 5_000);
  });

  it('lets readers in at once when the writer before them gives up', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    await time.settled(reader(a).acquire());
    const stop = new AbortController();
    const writing = rejection(b.lock('x').acquire({ signal: stop.signal }));
    await time.advance(100);
    const behind = reader(c).acquire();
    await time.advance(1_000);
    stop.abort();
    expect(await time.settled(writing)).toMatchObject({ code: 'ABORTED' });
    await time.settled(behind, 50);
  });

  it('is downgraded without a gap: readers who are next come in, and whoever wants to write does not', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => world.process(name));
    if (!a || !b || !c || !d) throw new Error('four');
    const both = new ReadWriteLock('x', reader(a), a.lock('x'));
    const writing = await time.settled(both.write.acquire());
    const second = reader(b).acquire();
    await time.advance(50);
    const writer = c.lock('x').acquire();
    await time.advance(50);
    const third = reader(d).acquire();
    await time.advance(1_000);
    const before = world.requests.length;
    const downgrading = both.downgrade(writing);
    expect(writing.valid).toBe(false);
    const reading = await time.settled(downgrading, 50);
    const joined = await time.settled(second, 50);
    expect(writes(world, before)).toEqual(['a replace']);
    expect([reading.valid, joined.valid]).toEqual([true, true]);
    expect(reading.fence).toBeGreaterThan(writing.fence);
    // The same entry, all the time.
    expect(world.holders('x')).toHaveLength(2);
    await time.settled(writing.release());
    await time.advance(5_000);
    expect(reading.valid).toBe(true);
    await time.settled(reading.release());
    await time.settled(joined.release());
    const last = await time.settled(writer, 50);
    await time.settled(last.release());
    await time.settled((await time.settled(third, 50)).release());
    expect(world.store.peek('x')).toBeUndefined();
  });

  it('is downgraded by one write, whatever became of its answer', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const both = new ReadWriteLock('x', reader(a), a.lock('x'));
    const writing = await time.settled(both.write.acquire());
    const isWrite = on('a', 'replace', 'x');
    world.inject((sent) => (isWrite(sent) ? { kind: 'lose-answer' } : undefined));
    const downgrading = both.downgrade(writing).catch(() => undefined);
    expect((await time.settled(downgrading, TTL))?.valid).toBe(true);
    expect(world.requests.filter(isWrite)).toHaveLength(1);
  });

  it('does not outlive its entry while it is downgraded', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const both = new ReadWriteLock('x', reader(a), a.lock('x'));
    const writing = await time.settled(both.write.acquire());
    world.store.removeByHand('x');
    expect(await rejection(time.settled(both.downgrade(writing), TTL))).toMatchObject({
      code: 'LOST',
    });
    // And the next one is free to come.
    await time.settled(both.write.acquire(), 1_000);
  });

  it('is lost, not downgraded, where its process stood still while it was', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const both = new ReadWriteLock('x', reader(a), a.lock('x'));
    const writing = await time.settled(both.write.acquire());
    const downgrading = rejection(both.downgrade(writing));
    a.host.pause();
    const next = await time.settled(b.acquire('x'), 3 * TTL);
    a.host.resume();
    expect(await time.settled(downgrading, TTL)).toMatchObject({ code: 'LOST' });
    expect(a.eventsOf('acquired')).toHaveLength(1);
    await time.settled(next.release());
  });

  it('leaves nothing behind where its wait ends while it enters', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    const held = await time.settled(reader(a).acquire());
    const stop = new AbortController();
    world.injectOnce(on('b', 'replace', 'x'), { kind: 'slow', there: 100, back: 500 });
    const reading = rejection(reader(b).acquire({ signal: stop.signal }));
    await time.advance(400);
    expect(world.holders('x')).toHaveLength(2);
    stop.abort();
    expect(await time.settled(reading)).toMatchObject({ code: 'ABORTED' });
    await time.advance(1_000);
    expect(world.holders('x')).toHaveLength(1);
    await time.settled(held.release());
    await time.settled(c.lock('x').acquire(), 50);
  });

  it('is released when a downgrade is refused, and kept when it is of a read', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const both = new ReadWriteLock('x', reader(a), a.lock('x'));
    const writing = await time.settled(both.write.acquire());
    world.injectOnce(on('a', 'replace', 'x'), { kind: 'refuse', status: 422, reason: 'Invalid' });
    const refused = rejection(time.settled(both.downgrade(writing), TTL));
    expect(await refused).toMatchObject({ code: 'API_ERROR' });
    const reading = await time.settled(both.read.acquire(), 1_000);
    expect(await rejection(both.downgrade(reading))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(reading.valid).toBe(true);
    await time.settled(reading.release());
    expect(world.store.peek('x')).toBeUndefined();
  });

  it('is not downgraded twice, nor by a hold of something else', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const both = new ReadWriteLock('x', reader(a), a.lock('x'));
    const writing = await time.settled(both.write.acquire());
    const other = await time.settled(a.lock('y').acquire());
    expect(await rejection(both.downgrade(other))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    const reading = await time.settled(both.downgrade(writing));
    expect(await rejection(both.downgrade(writing))).toMatchObject({ code: 'LOST' });
    expect(await rejection(both.downgrade(reading))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(reading.valid).toBe(true);
    await time.settled(a.close());
    expect(world.store.names()).toEqual([]);
  });

  it('refuses to write inside of a read, and to read inside of a write, which would wait for ever', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const [read, write] = [reader(a), a.lock('x')];
    const codes = await time.settled(
      read.run(async () => [
        (await rejection(write.acquire())) as { code: string },
        (await rejection(write.tryAcquire())) as { code: string },
      ]),
    );
    expect(codes.map(({ code }) => code)).toEqual(['DEADLOCK', 'DEADLOCK']);
    expect(await time.settled(write.run(() => rejection(read.acquire())))).toMatchObject({
      code: 'DEADLOCK',
    });
    expect(world.store.peek('x')).toBeUndefined();
  });

  it('recovers from a reader that died, for a writer', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    await time.settled(reader(a).acquire());
    const living = await time.settled(reader(b).acquire());
    const writing = c.lock('x').acquire();
    await time.advance(20_000);
    a.crash();
    await time.advance(2 * TTL);
    expect(world.holders('x')).toHaveLength(1);
    expect(living.valid).toBe(true);
    await time.settled(living.release());
    await time.settled(writing, 50);
  });
});
