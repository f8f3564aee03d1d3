import { describe, expect, it } from 'vitest';
import type { Fault } from '../sim/world/network.ts';
import { candidate, candidateOf } from './world/candidates.ts';
import { must } from './world/helpers.ts';
import { SupervisedWorld } from './world/supervised.ts';

describe('a leader that dies under a supervisor', () => {
  it('announces its term until that has ended', async () => {
    const { a, notebook, time } = new SupervisedWorld();
    const term = await time.settled(candidateOf(a).lead());
    expect([...notebook.terms.values()]).toMatchObject([
      { election: 'controller', identity: 'a_1' },
    ]);
    await time.settled(term.resign());
    expect(notebook.terms.size).toBe(0);
  });

  it('announces no term that it did not win', async () => {
    const world = new SupervisedWorld();
    const { time } = world;
    const b = candidate(world, 'b');
    const [first, second] = [candidateOf(world.a).lead(), b.lead()];
    const winner = await time.settled(Promise.race([first, second]));
    expect(world.notebook.terms.size).toBe(winner.identity === 'a_1' ? 1 : 0);
    await time.settled(winner.resign());
    await time.settled(winner.identity === 'a_1' ? second : first);
    expect(world.notebook.terms.size).toBe(winner.identity === 'a_1' ? 0 : 1);
  });

  it.each([0, 1])('is followed at once, %i changes behind', async (lag) => {
    const world = new SupervisedWorld();
    const { time } = world;
    const first = await time.settled(candidateOf(world.a).lead());
    const waiting = candidate(world, 'b').lead();
    await time.advance(1_000);
    world.cacheLag = lag;
    expect(await time.settled(world.dieLeading())).toEqual([true]);
    const next = await time.settled(waiting, 10);
    expect(next.fence).toBeGreaterThan(first.fence);
  });

  it('is followed at once though its first request was still on its way', async () => {
    const world = new SupervisedWorld();
    const { time } = world;
    world.inject(({ process, verb }) =>
      process === 'a' && verb === 'create' ? { kind: 'late', after: 1_000, lands: 60 } : undefined,
    );
    void candidateOf(world.a).lead();
    await time.advance(20);
    expect(world.store.peek('controller')).toBeUndefined();
    expect(await time.settled(world.dieLeading(), 500)).toEqual([true]);
    expect(must(world.store.peek('controller')).spec?.holderIdentity).toBe('');
  });

  it('is followed at once though a later request of it was announced, which lost', async () => {
    const world = new SupervisedWorld();
    const { time } = world;
    let creates = 0;
    world.inject(({ process, verb }) => {
      if (process !== 'a' || verb !== 'create') return;
      creates += 1;
      // The first lands while the second is on its way.
      if (creates === 1) return { kind: 'late', after: 1_000, lands: 1_200 };
      return { kind: 'slow', there: 500, back: 500 };
    });
    const first = await time.settled(candidateOf(world.a).lead(), 10_000);
    expect(creates).toBe(2);
    const waiting = candidate(world, 'b').lead();
    await time.advance(1_000);
    expect(await time.settled(world.dieLeading())).toEqual([true]);
    const next = await time.settled(waiting, 10);
    expect(next.fence).toBeGreaterThan(first.fence);
  });

  it('leaves the Lease to whoever has it, under the same name too', async () => {
    const world = new SupervisedWorld();
    const { time } = world;
    await time.settled(candidateOf(world.a).lead());
    const lease = must(world.store.peek('controller'));
    const acquireTime = '2026-11-21T10:00:00.000000Z';
    world.store.replace({ ...lease, spec: { ...lease.spec, acquireTime } });
    expect(await time.settled(world.dieLeading(), 500)).toEqual([false]);
    expect(must(world.store.peek('controller')).spec).toMatchObject({
      holderIdentity: 'a_1',
      acquireTime,
    });
  });

  it.each<Fault>([
    { kind: 'lose-answer', after: 30 },
    { kind: 'lose-request', after: 30 },
    { kind: 'unsent' },
    { kind: 'refuse', status: 429, retryAfter: 1_000 },
  ])('is followed whatever becomes of a request: %o', async (fault) => {
    for (const verb of ['get', 'replace'] as const) {
      const world = new SupervisedWorld();
      const { time } = world;
      world.notebook.hasRoom = verb !== 'get';
      await time.settled(candidateOf(world.a).lead());
      const waiting = candidate(world, 'b').lead();
      await time.advance(1_000);
      let faults = 0;
      world.inject((request) => {
        if (request.process !== 'supervisor' || request.verb !== verb || faults > 0) return;
        faults += 1;
        return fault;
      });
      await time.settled(world.dieLeading(), 5_000);
      await time.settled(waiting, 10);
      expect(faults).toBe(1);
    }
  });
});
