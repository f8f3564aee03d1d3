import { describe, expect, it } from 'vitest';
import { guardSays, on } from './world/helpers.ts';
import { World } from './world/world.ts';

describe('where the guard of a namespace refuses', () => {
  it('to take others out, a holder gives up its own entry alone, and whoever waits goes on', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await time.settled(a.lock('x').acquire());
    const waiting = b.lock('x').acquire();
    await time.advance(1_000);
    let refused = 0;
    world.inject((request) => {
      if (!on('a', 'replace', 'x')(request)) return undefined;
      refused += 1;
      return guardSays('settle');
    });
    await time.settled(held.release(), 10_000);
    // Five, with the conflict of the first deletion.
    expect(refused).toBe(4);
    const next = await time.settled(waiting, 5_000);
    expect(next.valid).toBe(true);
  });

  it('to pass the entries of others, a reader waits behind one that it cannot read', async () => {
    const world = new World();
    const { time, store } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const read = { mode: 'shared' } as const;
    await time.settled(a.locks.lock('x', read).acquire());
    store.editByHand('x', { annotations: { 'queue.leasehold.dev/unread-1': 'v=1' } });
    let joined = 0;
    world.inject((request) => {
      if (!on('b', 'patch', 'x')(request)) return undefined;
      joined += 1;
      return joined === 1 ? { kind: 'refuse', status: 429, reason: 'TooManyRequests' } : undefined;
    });
    await time.settled(b.locks.lock('x', read).acquire(), 5_000);
    expect(joined).toBe(2);
    expect(world.holders('x')).toHaveLength(2);
  });
});
