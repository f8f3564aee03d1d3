import { describe, expect, it } from 'vitest';
import { sleep } from './world/helpers.ts';
import { World } from './world/world.ts';

/** Work that takes `winding` milliseconds to stop once it is told. */
function stubborn(world: World, winding: number) {
  return async ({ signal }: { signal: AbortSignal }): Promise<number> => {
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await sleep(world, winding);
    return world.time.now;
  };
}

describe('closing a client', () => {
  it('tells the work of run(), and releases its lock only when that has ended', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const working = a.lock('x').run(stubborn(world, 3_000));
    await world.time.advance(100);
    const waiting = b.acquire('x');
    await world.time.advance(100);
    const closing = a.close();
    const held = await world.time.settled(waiting);
    const grantedAt = world.time.now;
    expect(grantedAt).toBeGreaterThanOrEqual(await world.time.settled(working));
    await world.time.settled(closing);
    await world.time.settled(held.release());
  });

  it('does not wait for the work that it is called by', async () => {
    const world = new World();
    const a = world.process('a');
    const election = a.election('e');
    const working = a.lock('x').run(async ({ signal }) => {
      await a.close();
      return signal.reason as unknown;
    });
    expect(await world.time.settled(working)).toMatchObject({ code: 'CLOSED' });
    await expect(election.acquire()).rejects.toMatchObject({ code: 'CLOSED' });
    expect(world.store.names()).toEqual([]);
  });
});

describe('ending a campaign that leads', () => {
  it.each(['by its signal', 'by closing the client'])('%s lets the work end first', async (how) => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const stop = new AbortController();
    let endedAt = Number.POSITIVE_INFINITY;
    const work = stubborn(world, 3_000);
    const running = a.election('e').run(
      async (term) => {
        endedAt = await work(term);
      },
      { signal: stop.signal },
    );
    await world.time.advance(100);
    const next = b.lead(b.election('e'));
    await world.time.advance(100);
    let closing: Promise<void> | undefined;
    if (how === 'by its signal') stop.abort();
    else closing = a.close();
    await world.time.settled(next);
    expect(world.time.now).toBeGreaterThanOrEqual(endedAt);
    await world.time.settled(running);
    await closing;
  });
});
