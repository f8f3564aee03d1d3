import { describe, expect, it } from 'vitest';
import { candidate, led } from './world/candidates.ts';
import { must, rejection, sleep } from './world/helpers.ts';
import type { VirtualProcess } from '../sim/world/process.ts';
import { World } from './world/world.ts';

const LEASE_DURATION = 15_000;

function spec(world: World) {
  return must(world.store.peek('controller')).spec;
}

describe('run', () => {
  it('stands again after a loss, and resigns when the signal aborts', async () => {
    const world = new World();
    const a = candidate(world, 'a');
    const stop = new AbortController();
    const terms: bigint[] = [];
    const running = a.election.run(
      async ({ fence, signal }) => {
        terms.push(fence);
        await new Promise((resolve) => {
          signal.addEventListener('abort', resolve, { once: true });
        });
      },
      { signal: stop.signal },
    );
    await world.time.advance(5_000);
    a.process.host.cut = true;
    await world.time.advance(20_000);
    a.process.host.cut = false;
    await world.time.advance(40_000);
    expect(terms).toHaveLength(2);
    stop.abort();
    await world.time.settled(running, 5_000);
    expect(spec(world)?.holderIdentity).toBe('');
  });

  it('passes on what the work throws, after the Lease was given up', async () => {
    const world = new World();
    const a = candidate(world, 'a');
    const running = rejection(
      a.election.run(async () => {
        await sleep(world, 100);
        throw new Error('of the work');
      }),
    );
    expect(await world.time.settled(running)).toMatchObject({ message: 'of the work' });
    expect(spec(world)?.holderIdentity).toBe('');
  });
});

describe('observe', () => {
  it('yields each leader, and undefined when nobody leads', async () => {
    const world = new World();
    const { a, b, term } = await led(world);
    const seen = observed(world.process('o'));
    await world.time.advance(100);
    expect(seen).toEqual(['a_1']);
    await world.time.settled(term.resign());
    await world.time.advance(100);
    expect(seen).toEqual(['a_1', undefined]);
    await world.time.settled(b.lead());
    await world.time.advance(40_000);
    expect(seen).toEqual(['a_1', undefined, 'b_1']);
    b.process.crash();
    await world.time.advance(LEASE_DURATION + 100);
    expect(seen).toEqual(['a_1', undefined, 'b_1', undefined]);
    void a.lead();
    await world.time.advance(LEASE_DURATION + 5_000);
    expect(seen).toEqual(['a_1', undefined, 'b_1', undefined, 'a_1']);
  });

  it('does not take a watch that went silent for a leader that died', async () => {
    const world = new World();
    const { term } = await led(world);
    const observer = world.process('o');
    const seen = observed(observer);
    await world.time.advance(5_000);
    for (const watch of observer.requests.watches) watch.silence();
    await world.time.advance(60_000);
    expect(term.valid).toBe(true);
    expect(seen).toEqual(['a_1']);
  });
});

function observed(process: VirtualProcess): (string | undefined)[] {
  const seen: (string | undefined)[] = [];
  void (async () => {
    for await (const leader of process.election('controller').observe()) {
      seen.push(leader?.identity);
    }
  })();
  return seen;
}
