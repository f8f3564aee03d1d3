import { describe, expect, it } from 'vitest';
import type { Latch } from '../../src/latch/latch.ts';
import type { VirtualProcess } from '../sim/world/process.ts';
import { on, rejection } from './world/helpers.ts';
import { World } from './world/world.ts';

const NAME = 'imported';
const imported = (process: VirtualProcess, count = 3): Latch =>
  process.shared.latch(NAME, { count });

/** Whether the promise is settled by now. */
function followed(promise: Promise<unknown>): () => boolean {
  let isOver = false;
  const finish = (): void => void (isOver = true);
  promise.then(finish, finish);
  return () => isOver;
}

describe('a latch', () => {
  it('opens when it was counted down to zero, for all who wait, and stays open', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    const waiting = Promise.all([imported(a).wait(), imported(b).wait()]);
    const isOpen = followed(waiting);
    await time.advance(1_000);
    expect(await time.settled(imported(c).countDown())).toBe(2);
    expect(await time.settled(imported(a).countDown())).toBe(1);
    await time.advance(120_000);
    expect(isOpen()).toBe(false);
    expect(await time.settled(imported(b).count())).toBe(1);
    expect(await time.settled(imported(b).countDown())).toBe(0);
    await time.settled(waiting, 50);
    await time.settled(imported(c).wait(), 50);
    expect(await time.settled(imported(c).countDown())).toBe(0);
    await time.settled(Promise.all([a, b, c].map((process) => process.close())));
    await time.settled(imported(world.process('d')).wait(), 50);
    expect(world.store.names()).toEqual([NAME]);
  });

  it('costs a GET and a watch to wait, which those of a process share, and a GET when it is open', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const waiting = Promise.all([imported(a).wait(), imported(a).wait()]);
    await time.advance(1_000);
    expect(world.requestsOn(NAME)).toEqual(['a get', 'a get', 'a watch']);
    const from = world.requests.length;
    expect(await time.settled(imported(b).countDown(3))).toBe(0);
    await time.settled(waiting);
    // There was none when they began to wait.
    expect(world.requestsOn(NAME, from)).toEqual([
      'b get',
      'b create',
      'b replace',
      'a get',
      'a get',
    ]);
    const then = world.requests.length;
    await time.settled(imported(b).wait());
    await time.settled(imported(b).countDown());
    expect(world.requestsOn(NAME, then)).toEqual(['b get', 'b get']);
    expect(a.requests.watches.size).toBe(0);
    expect(a.host.timers).toBe(0);
  });

  it('counts all that is counted down in one breath with one write', async () => {
    const world = new World();
    const a = world.process('a');
    const left = Promise.all([1, 2, 3, 4].map(() => imported(a).countDown()));
    expect(await world.time.settled(left)).toEqual([2, 1, 0, 0]);
    expect(world.requestsOn(NAME)).toEqual(['a get', 'a create', 'a replace']);
  });

  it('is counted down once although the answer was lost', async () => {
    for (const lands of [20, 100, 2_000]) {
      const world = new World();
      const { time } = world;
      const [a, b] = [world.process('a'), world.process('b')];
      await time.settled(imported(a).countDown());
      world.injectOnce(on('a', 'replace', NAME), { kind: 'late', after: 50, lands });
      const counting = imported(a).countDown();
      const waiting = followed(imported(b).wait());
      await time.settled(counting);
      await time.advance(5_000);
      expect(waiting()).toBe(false);
      expect(await time.settled(imported(b).count())).toBe(1);
    }
  });

  it('is reset, and opens again', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    await time.settled(imported(a).countDown(3));
    await time.settled(imported(b).reset());
    expect(await time.settled(imported(a).count())).toBe(3);
    const waiting = imported(a).wait();
    const isOpen = followed(waiting);
    await time.settled(imported(b).countDown(2));
    // Not open yet: who waits goes on, and waits for the new count.
    await time.settled(imported(b).reset());
    await time.settled(imported(b).countDown(2));
    await time.advance(1_000);
    expect(isOpen()).toBe(false);
    await time.settled(imported(b).countDown());
    await time.settled(waiting, 50);
    const from = world.requests.length;
    await time.settled(imported(world.process('c'), 3).reset());
    await time.settled(imported(world.process('d'), 3).reset());
    // There is nothing to reset for the second one.
    expect(world.requestsOn(NAME, from)).toEqual(['c get', 'c replace', 'd get']);
  });

  it('lets go whoever waited when it was open, however soon it was reset', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    for (const isThere of [false, true]) {
      if (isThere) await time.settled(imported(b).countDown());
      const waiting = imported(a).wait();
      await time.advance(100);
      // Sees nothing of what follows but its end.
      a.host.pause();
      await time.settled(imported(b).countDown(3));
      await time.settled(imported(b).reset());
      await time.settled(imported(b).countDown());
      a.host.resume();
      await time.settled(waiting, 50);
      await time.settled(imported(b).reset());
    }
  });

  it('that is deleted while somebody waits begins anew', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    await time.settled(imported(b).countDown(3));
    await time.settled(imported(b).reset());
    await time.settled(imported(b).countDown(1));
    const waiting = imported(a).wait();
    const isOpen = followed(waiting);
    await time.advance(100);
    world.store.removeByHand(NAME);
    expect(await time.settled(imported(b).countDown(2))).toBe(1);
    await time.advance(1_000);
    expect(isOpen()).toBe(false);
    await time.settled(imported(b).countDown());
    await time.settled(waiting, 50);
  });

  it('that was deleted is not taken for the one after it, by a server whose cache is behind', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    await time.settled(imported(b).countDown(3));
    world.store.removeByHand(NAME);
    expect(await time.settled(imported(b).countDown(1))).toBe(2);
    for (const server of world.controlPlane.servers) server.lag = 1;
    world.cacheLag = 3;
    const waiting = imported(a).wait();
    const isOpen = followed(waiting);
    await time.advance(1_000);
    expect(isOpen()).toBe(false);
    await time.settled(imported(b).countDown(2));
    await time.settled(waiting, 1_000);
  });

  it('is of one count for all, which a reset changes', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    await time.settled(imported(a).countDown());
    const disagrees = { code: 'STATE_DISAGREES' };
    for (const call of [
      () => imported(b, 4).countDown(),
      () => imported(b, 4).wait(),
      () => imported(b, 4).count(),
    ]) {
      expect(await time.settled(rejection(call()))).toMatchObject(disagrees);
    }
    const waiting = rejection(imported(a).wait());
    await time.advance(100);
    await time.settled(imported(b, 4).reset());
    expect(await time.settled(waiting)).toMatchObject(disagrees);
    expect(await time.settled(imported(b, 4).countDown())).toBe(3);
    expect(await time.settled(rejection(imported(a).countDown()))).toMatchObject(disagrees);
  });

  it('is waited for until a time-out, an abort or the end of the client, and leaves nothing behind', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const aborting = new AbortController();
    const timedOut = rejection(imported(a).wait({ timeout: '2s' }));
    const aborted = rejection(imported(a).wait({ signal: aborting.signal }));
    const closed = rejection(imported(a).wait({ timeout: '1h' }));
    await time.advance(1_000);
    aborting.abort();
    expect(await time.settled(aborted)).toMatchObject({ code: 'ABORTED' });
    expect(await time.settled(timedOut)).toMatchObject({ code: 'TIMEOUT' });
    await time.settled(a.close());
    expect(await closed).toMatchObject({ code: 'CLOSED' });
    expect(await rejection(imported(a).wait())).toMatchObject({ code: 'CLOSED' });
    expect(a.host.timers).toBe(0);
    expect(a.requests.watches.size).toBe(0);
    expect(world.store.names()).toEqual([]);
  });

  it('is waited for while the API server is away', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    a.host.cut = true;
    const waiting = imported(a).wait();
    await time.advance(20_000);
    a.host.cut = false;
    await time.settled(imported(b).countDown(3));
    await time.settled(waiting, 30_000);
  });

  it('is not waited for where that is forbidden', async () => {
    const world = new World();
    const a = world.process('a');
    world.inject(({ verb }) =>
      verb === 'watch' ? { kind: 'refuse', status: 403, reason: 'Forbidden' } : undefined,
    );
    expect(await world.time.settled(rejection(imported(a).wait()))).toMatchObject({
      code: 'FORBIDDEN',
    });
  });

  it('refuses what is no count before it sends anything', async () => {
    const world = new World();
    const a = world.process('a');
    for (const count of [0, -1, 0.5, 2e9, Number.NaN]) {
      expect(() => imported(a, count)).toThrow(/counted down from 1/);
      expect(await rejection(imported(a).countDown(count))).toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
    expect(world.requests).toEqual([]);
  });
});
