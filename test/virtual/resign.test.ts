import { describe, expect, it } from 'vitest';
import { resignRequest, withResignRequest } from '../../src/core/election.ts';
import type { Workshop } from '../../src/repair/compare-and-swap.ts';
import { askToResign, awaitResignation, findLeader, forceResign } from '../../src/repair/resign.ts';
import type { ShownTerm } from '../../src/repair/resign.ts';
import { candidate, led } from './world/candidates.ts';
import { must, on, rejection, sleep } from './world/helpers.ts';
import { World } from './world/world.ts';

const RETRY_PERIOD = 2_000;

function lease(world: World) {
  return must(world.store.peek('controller'));
}

/** As `leasehold resign` writes it. */
function ask(world: World, to?: string): void {
  expect(
    world.store.replace(withResignRequest(lease(world), to), { manager: 'kubectl' }).kind,
  ).toBe('done');
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

describe('whoever asks', () => {
  const TIMES = { timeout: 15_000, settle: 2_000 };

  function onCall(world: World): Workshop {
    const { api, host } = world.process('op');
    return { api, clock: host };
  }

  async function shown(world: World, workshop: Workshop): Promise<ShownTerm> {
    const found = await world.time.settled(findLeader(workshop, 'controller'));
    if (found.kind !== 'found') throw new Error(found.kind);
    return found.term;
  }

  it('is told who leads next', async () => {
    const world = new World();
    const { a, b } = await led(world);
    const resigned = a.election.leadership;
    resigned?.signal.addEventListener('abort', () => void resigned.resign(), { once: true });
    void b.lead();
    await world.time.advance(1_000);
    const workshop = onCall(world);
    const term = await shown(world, workshop);
    // Somebody edits between the look and the write.
    world.store.editByHand('controller', { labels: { team: 'billing' } });
    const asked = await world.time.settled(askToResign(workshop, term, undefined));
    if (asked.kind !== 'written') throw new Error(asked.kind);
    const awaited = await world.time.settled(awaitResignation(workshop, term, asked.lease, TIMES));
    expect(awaited).toMatchObject({ kind: 'resigned', lease: { spec: { holderIdentity: 'b_1' } } });
  });

  it('asks no leader but the one that was shown', async () => {
    const world = new World();
    const { b, term: first } = await led(world);
    const workshop = onCall(world);
    const term = await shown(world, workshop);
    await world.time.settled(first.resign());
    const next = await world.time.settled(b.lead());
    for (const act of [askToResign, forceResign]) {
      const asked = await world.time.settled(act(workshop, term, undefined));
      const lease = { spec: { holderIdentity: 'b_1' } };
      expect(asked).toMatchObject({ kind: 'over', inDoubt: false, lease });
    }
    await world.time.advance(30_000);
    expect(next.valid).toBe(true);
    expect(next.signal.aborted).toBe(false);
  });

  it('is told when the leader renews and does not resign, or is away', async () => {
    for (const away of [false, true]) {
      const world = new World();
      const { a, term: leading } = await led(world);
      const workshop = onCall(world);
      const term = await shown(world, workshop);
      if (away) a.process.host.pause();
      const asked = await world.time.settled(askToResign(workshop, term, 'b'));
      if (asked.kind !== 'written') throw new Error(asked.kind);
      const times = { ...TIMES, timeout: 5_000 };
      const awaited = await world.time.settled(
        awaitResignation(workshop, term, asked.lease, times),
      );
      expect(awaited).toEqual({ kind: 'still-leads', renewed: !away });
      expect(leading.signal.aborted).toBe(!away);
    }
  });

  it('asks once, whatever becomes of the answer', async () => {
    const world = new World();
    await led(world);
    const workshop = onCall(world);
    const term = await shown(world, workshop);
    world.injectOnce(on('op', 'replace'), { kind: 'lose-answer', after: 50 });
    const asked = await world.time.settled(askToResign(workshop, term, undefined));
    expect(asked.kind).toBe('written');
    expect(world.requests.filter(on('op', 'replace'))).toHaveLength(1);
  });

  it('may force a leader, which learns at its next renewal that it has lost its term', async () => {
    const world = new World();
    const [a, b] = [candidate(world, 'a'), candidate(world, 'b')];
    // Not watched by the invariants: until then two believe to lead.
    const leading = await world.time.settled(a.election.acquire());
    const waiting = b.election.acquire();
    await world.time.advance(1_000);
    const workshop = onCall(world);
    const term = await shown(world, workshop);
    world.injectOnce(on('op', 'replace'), { kind: 'lose-answer', after: 50 });
    const forced = await world.time.settled(forceResign(workshop, term, undefined));
    expect(forced).toMatchObject({ kind: 'over', inDoubt: true });
    await world.time.settled(waiting, 100);
    await world.time.advance(RETRY_PERIOD + 100);
    expect(leading.valid).toBe(false);
    expect(a.process.eventsOf('leadership-lost')[0]?.reason).toBe('taken');
  });

  it('touches no lock, no session, and nothing of the coordinated election', async () => {
    const world = new World();
    const workshop = onCall(world);
    const find = () => findLeader(workshop, 'controller');
    expect(await world.time.settled(find())).toEqual({ kind: 'missing' });
    await world.time.settled(world.process('a').lock('controller').acquire());
    expect(await world.time.settled(rejection(find()))).toMatchObject({ code: 'FOREIGN_LEASE' });
    world.store.removeByHand('controller');
    const coordinated = { leaseTransitions: 1, strategy: 'OldestEmulationVersion' };
    // The heartbeat of a node.
    for (const spec of [coordinated, { leaseDurationSeconds: 40 }]) {
      world.store.create({
        metadata: { name: 'controller' },
        spec: { holderIdentity: 'x', ...spec },
      });
      expect(await world.time.settled(rejection(find()))).toMatchObject({ code: 'FOREIGN_LEASE' });
      world.store.removeByHand('controller');
    }
  });
});
