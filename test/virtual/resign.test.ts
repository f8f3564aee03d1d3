import { describe, expect, it } from 'vitest';
import { resignRequest, withResignRequest } from '../../src/core/election.ts';
import { candidate, led } from './world/candidates.ts';
import { must, sleep } from './world/helpers.ts';
import { World } from './world/world.ts';

const RETRY_PERIOD = 2_000;

function lease(world: World) {
  return must(world.store.peek('controller'));
}

/** As `leasehold resign` writes it. */
function ask(world: World, to?: string): void {
  expect(world.store.replace(withResignRequest(lease(world), to), 'kubectl').kind).toBe('done');
}

describe('a leader that is asked to resign', () => {
  it('stops its work, keeps the Lease until that has ended, and then gives it up', async () => {
    const world = new World();
    const [a, b] = [candidate(world, 'a'), candidate(world, 'b')];
    let stoppedAt = 0;
    void a.election.run(async ({ signal }) => {
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve, { once: true });
      });
      expect(signal.reason).toMatchObject({ code: 'ABORTED' });
      await sleep(world, 7_000);
      stoppedAt = world.time.now;
    });
    await world.time.advance(5_000);
    const waiting = b.lead();
    await world.time.advance(1_000);
    const askedAt = world.time.now;
    ask(world);
    await world.time.advance(RETRY_PERIOD + 100);
    expect(a.process.eventsOf('resign-requested')).toHaveLength(1);
    expect(a.election.leadership?.signal.aborted).toBe(true);
    await world.time.advance(3_000);
    // Its work is still ending: it renews, and nobody else may lead.
    expect(a.election.leadership?.valid).toBe(true);
    expect(lease(world).spec?.holderIdentity).toBe('a_1');
    const next = await world.time.settled(waiting);
    expect(stoppedAt).toBeGreaterThan(askedAt);
    expect(world.time.now - stoppedAt).toBeLessThan(10);
    expect(next.identity).toBe('b_1');
    expect(lease(world).metadata.annotations ?? {}).toEqual({});
    // The old leader stands again, behind the new one.
    await world.time.advance(60_000);
    expect(next.valid).toBe(true);
    expect(a.process.eventsOf('leading')).toHaveLength(1);
  });

  it('stands back for a retry period after its work has ended', async () => {
    const world = new World();
    const a = candidate(world, 'a');
    let resignedAt: number | undefined;
    const again = new Promise<number>((resolve) => {
      void a.election.run(async ({ signal }) => {
        if (resignedAt !== undefined) resolve(world.time.now);
        await new Promise((stop) => {
          signal.addEventListener('abort', stop, { once: true });
        });
        await sleep(world, 3 * RETRY_PERIOD);
        resignedAt = world.time.now;
      });
    });
    await world.time.advance(5_000);
    ask(world);
    const backAt = await world.time.settled(again);
    expect(backAt - (resignedAt ?? 0)).toBeGreaterThanOrEqual(RETRY_PERIOD);
  });

  it('hands over to the candidate that the request names', async () => {
    const world = new World();
    const { a, b, term } = await led(world);
    const c = candidate(world, 'c');
    void b.lead();
    const wanted = c.lead();
    await world.time.advance(1_000);
    ask(world, 'c');
    await world.time.runUntil(() => term.signal.aborted, RETRY_PERIOD + 100);
    expect(term.valid).toBe(true);
    await world.time.settled(term.resign());
    expect((await world.time.settled(wanted, 1_000)).identity).toBe('c_1');
    expect(a.process.eventsOf('leadership-released')[0]?.transferTo).toBe('c');
    expect(b.election.leadership).toBeUndefined();
  });

  it('that is paused honours the request when it goes on within its term, and no other', async () => {
    const world = new World();
    const { a, b, term } = await led(world);
    void b.lead();
    await world.time.advance(1_000);
    a.process.host.pause();
    ask(world);
    await world.time.advance(5_000);
    a.process.host.resume();
    await world.time.advance(RETRY_PERIOD);
    expect(term.signal.reason).toMatchObject({ code: 'ABORTED' });
    await world.time.settled(term.resign());
    await world.time.advance(100);
    expect(b.election.leadership?.valid).toBe(true);
  });

  it('ignores a request for another term, which goes with the next change of hands', async () => {
    const world = new World();
    const { a, term } = await led(world);
    const annotations = { 'leasehold.dev/resign': 'a_1/7', 'leasehold.dev/resign-to': 'b' };
    world.store.editByHand('controller', { annotations });
    await world.time.advance(30_000);
    expect(term.valid).toBe(true);
    expect(term.signal.aborted).toBe(false);
    expect(lease(world).metadata.annotations).toEqual(annotations);
    await world.time.settled(term.resign());
    expect(lease(world).metadata.annotations ?? {}).toEqual({});
    expect(a.process.eventsOf('resign-requested')).toEqual([]);
  });

  it('leaves nothing of the request when it dies instead', async () => {
    const world = new World();
    const { a, b } = await led(world);
    a.process.crash();
    ask(world, 'a');
    const next = await world.time.settled(b.lead());
    expect(lease(world).metadata.annotations ?? {}).toEqual({});
    await world.time.advance(30_000);
    expect(next.signal.aborted).toBe(false);
  });
});

describe('a request', () => {
  it('is for one term, and may be written by hand', async () => {
    const world = new World();
    const { term } = await led(world);
    const annotations = { 'leasehold.dev/resign': 'a_1/0', 'leasehold.dev/resign-to': '' };
    world.store.editByHand('controller', { annotations });
    expect(resignRequest(lease(world))).toEqual({ transferTo: undefined });
    await world.time.runUntil(() => term.signal.aborted, RETRY_PERIOD + 100);
    await world.time.settled(term.resign());
    world.store.editByHand('controller', { annotations: { 'leasehold.dev/resign': '/0' } });
    expect(resignRequest(lease(world))).toBeUndefined();
  });
});
