import { describe, expect, it } from 'vitest';
import type { Fault } from '../sim/world/network.ts';
import { on, rejection, sessionOf, sessionsIn } from './world/helpers.ts';
import { SupervisedWorld } from './world/supervised.ts';

describe('what a process announces', () => {
  it('is its session and each attempt until that has left its lock, and in the end nothing', async () => {
    const { a, notebook, time } = new SupervisedWorld();
    const held = await time.settled(a.acquire('x'));
    expect(notebook.read()).toMatchObject([{ ttl: 15, attempts: [{ lock: 'x' }] }]);
    await time.settled(held.release());
    expect(notebook.read()).toMatchObject([{ attempts: [] }]);
    await time.settled(a.acquire('y'));
    await time.settled(a.close());
    expect(notebook.read()).toEqual([]);
  });
});

describe('a process that dies under a supervisor', () => {
  it('passes its locks on without any ttl, and leaves nothing behind', async () => {
    const world = new SupervisedWorld();
    const { a, time } = world;
    const b = world.process('b');
    const first = await time.settled(a.acquire('x'));
    await time.settled(a.acquire('y'));
    const waiting = b.acquire('x');
    await time.advance(50);
    expect(await time.settled(world.die())).toEqual([{ locks: 2, passedOn: 1 }]);
    const next = await time.settled(waiting, 5);
    expect(next.fence).toBeGreaterThan(first.fence);
    expect(world.store.peek('y')).toBeUndefined();
    expect(sessionsIn(world)).toEqual([sessionOf(world, 'b').metadata.name]);
  });

  it('passes a lock on by one request, as it has last seen who waits', async () => {
    const world = new SupervisedWorld();
    const { a, time } = world;
    await time.settled(a.acquire('x'));
    await time.advance(1_500);
    const waiting = world.process('b').acquire('x');
    await time.advance(200);
    expect(await time.settled(world.die())).toEqual([{ locks: 1, passedOn: 1 }]);
    await time.settled(waiting, 5);
    const sent = world.requests.filter(({ process }) => process === 'supervisor');
    expect(sent.map(({ verb, name }) => `${verb} ${name === 'x' ? 'lock' : 'session'}`)).toEqual([
      'replace lock',
      'patch session',
      'remove session',
    ]);
  });

  it('passes it on to whoever came in the last moment, too', async () => {
    const world = new SupervisedWorld();
    const { a, time } = world;
    await time.settled(a.acquire('x'));
    await time.advance(2_000);
    const waiting = world.process('b').acquire('x');
    await time.advance(50);
    expect(await time.settled(world.die())).toEqual([{ locks: 1, passedOn: 1 }]);
    await time.settled(waiting, 5);
  });

  it('leaves a lock alone that was taken from it, and is another one now', async () => {
    const world = new SupervisedWorld();
    const { a, time } = world;
    await time.settled(a.acquire('x'));
    await time.advance(1_500);
    a.crash();
    world.store.removeByHand('x');
    const next = await time.settled(world.process('b').acquire('x'));
    await time.settled(world.die());
    await time.advance(1_000);
    expect(next.valid).toBe(true);
    expect(world.holders('x')).toHaveLength(1);
  });

  it.each([1, 2, 3])('is reclaimed where the cache is %i changes behind', async (lag) => {
    const world = new SupervisedWorld();
    const { time } = world;
    const b = world.process('b');
    await time.settled(world.a.acquire('x'));
    const waiting = b.acquire('x');
    await time.advance(50);
    world.cacheLag = lag;
    expect(await time.settled(world.die())).toEqual([{ locks: 1, passedOn: 1 }]);
    await time.settled(waiting, 5);
    expect(sessionsIn(world)).toEqual([sessionOf(world, 'b').metadata.name]);
  });

  it('keeps its hands off what it no longer holds, where the cache is behind', async () => {
    const world = new SupervisedWorld();
    const { a, time } = world;
    const held = await time.settled(a.acquire('x'));
    const b = world.process('b');
    const waiting = b.acquire('x');
    await time.advance(50);
    world.cacheLag = 1;
    void held.release();
    await time.advance(3);
    await time.settled(world.die());
    const next = await time.settled(waiting, 5);
    await time.advance(1_000);
    expect(next.valid).toBe(true);
    expect(world.holders('x')).toHaveLength(1);
  });

  it('is out of the queue, and the holder is left alone', async () => {
    const world = new SupervisedWorld();
    const b = world.process('b');
    const held = await world.time.settled(b.acquire('x'));
    void world.a.acquire('x');
    await world.time.advance(50);
    expect(world.queue('x')).toHaveLength(1);
    await world.time.settled(world.die());
    expect(world.queue('x')).toEqual([]);
    expect(held.valid).toBe(true);
    expect(world.holders('x')).toHaveLength(1);
  });

  it.each<Fault>([
    { kind: 'lose-answer', after: 30 },
    { kind: 'lose-request', after: 30 },
    { kind: 'late', after: 30, lands: 60 },
    { kind: 'unsent' },
    { kind: 'refuse', status: 429, retryAfter: 1_000 },
  ])('is revoked whatever becomes of a request: %o', async (fault) => {
    for (const verb of ['patch', 'get', 'replace'] as const) {
      const world = new SupervisedWorld();
      const b = world.process('b');
      await world.time.settled(world.a.acquire('x'));
      const waiting = b.acquire('x');
      await world.time.advance(50);
      world.injectOnce(on('supervisor', verb), fault);
      await world.time.settled(world.die());
      await world.time.settled(waiting, 100);
      // Deleted; or blank, where the waiter was faster, so that the attempt was not found.
      const left = sessionsIn(world).filter((name) => name.startsWith('a-'));
      for (const name of left) expect(world.store.peek(name)?.spec?.holderIdentity).toBe('');
    }
  });

  it('cannot renew any more by a request that was on its way', async () => {
    const world = new SupervisedWorld();
    await world.time.settled(world.a.acquire('x'));
    world.injectOnce(on('a', 'replace'), { kind: 'slow', there: 2_000, back: 1 });
    await world.time.runUntil(
      () => world.requests.some(on('a', 'replace')),
      10_000,
      'a renewal is on its way',
    );
    await world.time.settled(world.die());
    await world.time.advance(5_000);
    expect(world.requests.find(on('a', 'replace'))?.result?.kind).toBe('refused');
    expect(world.store.names()).toEqual([]);
  });

  it('has a CREATE on its way that lands at once: it is looked for again', async () => {
    const world = new SupervisedWorld();
    const { a, time } = world;
    await time.settled(a.acquire('y'));
    world.injectOnce(on('a', 'create', 'x'), { kind: 'slow', there: 30, back: 1 });
    void a.acquire('x');
    await time.advance(1);
    expect(await time.settled(world.die())).toEqual([{ locks: 2, passedOn: 0 }]);
    expect(world.store.names()).toEqual([]);
  });

  it.each(['create', 'patch'] as const)(
    'has a %s on its way that lands late: it names a blank session, and costs no ttl',
    async (verb) => {
      const world = new SupervisedWorld();
      const { a, time } = world;
      const [b, c] = [world.process('b'), world.process('c')];
      await time.settled(a.acquire('y'));
      const held = verb === 'patch' ? await time.settled(b.acquire('x')) : undefined;
      world.injectOnce(on('a', verb, 'x'), { kind: 'slow', there: 5_000, back: 1 });
      void a.acquire('x');
      await time.runUntil(() => world.requests.some(on('a', verb, 'x')), 1_000, 'on its way');
      await time.settled(world.die());
      await time.advance(5_000);
      // Nobody waits for it, so it stays until somebody does.
      expect([...world.holders('x'), ...world.queue('x')].some((id) => id.endsWith('-2'))).toBe(
        true,
      );
      expect(sessionOf(world, 'a').spec?.holderIdentity).toBe('');
      await time.settled(held?.release() ?? Promise.resolve());
      await time.settled(c.acquire('x'), 3_000);
    },
  );

  it.each([true, false])('whose session is gone already, made anew: %s', async (anew) => {
    const world = new SupervisedWorld();
    await world.time.settled(world.a.acquire('x'));
    const session = sessionOf(world, 'a');
    world.store.removeByHand(session.metadata.name);
    const { uid: _, resourceVersion: __, ...metadata } = session.metadata;
    if (anew) world.store.create({ ...session, metadata });
    expect(await world.time.settled(world.die())).toEqual([{ locks: 1, passedOn: 0 }]);
    expect(world.store.peek('x')).toBeUndefined();
    expect(world.store.peek(session.metadata.name)?.spec?.holderIdentity).toBe(
      anew ? 'a' : undefined,
    );
  });

  it('is left to its ttl when the API server stays away', async () => {
    const world = new SupervisedWorld();
    const b = world.process('b');
    await world.time.settled(world.a.acquire('x'));
    const waiting = b.acquire('x');
    await world.time.advance(50);
    const stop = world.inject((request) =>
      request.process === 'supervisor' ? { kind: 'unsent' } : undefined,
    );
    const dying = rejection(world.die());
    await world.time.advance(5_000);
    world.giveUp.abort();
    expect(await world.time.settled(dying, 100)).toMatchObject({ code: 'API_UNREACHABLE' });
    stop();
    await world.time.settled(waiting, 20_000);
  });
});
