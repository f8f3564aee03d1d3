import { describe, expect, it } from 'vitest';
import { HOLDER_PREFIX } from '../../src/core/record.ts';
import type { Workshop } from '../../src/repair/compare-and-swap.ts';
import { findHolder, releaseHolder, tellHolder } from '../../src/repair/release.ts';
import type { Holder, Released } from '../../src/repair/release.ts';
import { revoke } from '../../src/repair/revoke.ts';
import { guardSays, on, rejection, sessionOf } from './world/helpers.ts';
import { peek, present, tools } from './world/tools.ts';
import { World } from './world/world.ts';

const TTL = 15_000;

async function shown(world: World, workshop: Workshop, attempt?: string): Promise<Holder> {
  const found = await world.time.settled(findHolder(workshop, 'x', attempt));
  if (found.kind !== 'found') throw new Error(found.kind);
  return found.holder;
}

describe('release by force', () => {
  it('grants to the next in one write, and a holder that watches learns at once', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.lock('x').acquire());
    const waiting = b.lock('x').acquire();
    await world.time.advance(5_000);
    const { workshop } = tools(world);
    const holder = await shown(world, workshop);
    expect(holder.session).toMatchObject({ state: 'present', identity: 'a' });
    const before = world.requests.length;
    const released = await world.time.settled(releaseHolder(workshop, holder));
    expect(released).toMatchObject({ kind: 'released', deleted: false, confirmed: true });
    expect(world.requestsOn('x', before).filter((sent) => sent.startsWith('op'))).toEqual([
      'op replace',
    ]);
    const next = await world.time.settled(waiting, 50);
    expect(next.fence).toBeGreaterThan(held.fence);
    await world.time.advance(10);
    expect(held.valid).toBe(false);
    expect(held.signal.reason).toMatchObject({ code: 'LOST' });
    // Its other locks are untouched, and its session goes on.
    expect(a.eventsOf('session-lost')).toEqual([]);
    await world.time.settled(held.release());
    expect(next.valid).toBe(true);
  });

  it('deletes the Lease when nobody waits', async () => {
    const world = new World();
    const a = world.process('a');
    await world.time.settled(a.lock('x').acquire());
    const { workshop } = tools(world);
    const released = releaseHolder(workshop, await shown(world, workshop));
    expect(await world.time.settled(released)).toMatchObject({ deleted: true, granted: [] });
    expect(world.store.peek('x')).toBeUndefined();
  });

  it('is refused at once where the guard wants a verb for it', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    await world.time.settled(a.lock('x').acquire());
    const { workshop } = tools(world);
    for (const verb of ['remove', 'replace'] as const) {
      if (verb === 'replace') void rejection(b.lock('x').acquire());
      await world.time.advance(1_000);
      const holder = await shown(world, workshop);
      const stop = world.inject((request) =>
        on('op', verb, 'x')(request) ? guardSays('settle') : undefined,
      );
      const releasing = rejection(releaseHolder(workshop, holder));
      expect(await world.time.settled(releasing, 100)).toMatchObject({ code: 'FORBIDDEN' });
      stop();
    }
  });

  it('says what it did where the guard lets it empty the record, and somebody comes before the end', async () => {
    const world = new World();
    await world.time.settled(world.process('a').lock('x').acquire());
    const { workshop } = tools(world);
    const holder = await shown(world, workshop);
    let removals = 0;
    world.inject((request) => {
      if (!on('op', 'remove', 'x')(request)) return undefined;
      removals += 1;
      return removals === 1
        ? guardSays('delete')
        : { kind: 'refuse', status: 409, reason: 'Conflict' };
    });
    const released = await world.time.settled(releaseHolder(workshop, holder), 100);
    expect(released).toMatchObject({ kind: 'released', deleted: false, confirmed: false });
  });

  it('is learnt at the next renewal by a holder that does not watch its lock', async () => {
    const world = new World();
    const a = world.process('a');
    // Such a process has a hundred others that it watches.
    for (let lock = 0; lock < 100; lock += 1) {
      await world.time.settled(a.lock(`other-${String(lock)}`).acquire());
    }
    await world.time.advance(2_000);
    const held = await world.time.settled(a.lock('x').acquire());
    await world.time.advance(2_000);
    const { workshop } = tools(world);
    const holder = await shown(world, workshop);
    await world.time.settled(releaseHolder(workshop, holder));
    await world.time.advance(20);
    // This is what a steal is: only the fence protects.
    expect(held.valid).toBe(true);
    expect(await world.time.settled(tellHolder(workshop, holder))).toBe(true);
    await world.time.runUntil(() => !held.valid, TTL / 3 + 100);
    expect(held.signal.reason).toMatchObject({ code: 'LOST' });
    expect(a.lock('other-7')).toBeDefined();
    expect(a.eventsOf('lost')).toHaveLength(1);
    expect(sessionOf(world, 'a').metadata.annotations ?? {}).toEqual({});
  });

  it('is learnt by a paused holder when it goes on', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.lock('x').acquire());
    const waiting = b.lock('x').acquire();
    await world.time.advance(3_000);
    a.host.pause();
    const { workshop } = tools(world);
    const holder = await shown(world, workshop);
    await world.time.settled(releaseHolder(workshop, holder));
    await world.time.settled(tellHolder(workshop, holder));
    const next = await world.time.settled(waiting, 50);
    await world.time.advance(4_000);
    a.host.resume();
    await world.time.advance(20);
    expect(held.valid).toBe(false);
    expect(next.valid).toBe(true);
  });

  it('leaves whoever was granted meanwhile alone, however long the answer takes', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.lock('x').acquire());
    const waiting = b.lock('x').acquire();
    await world.time.advance(3_000);
    const { workshop } = tools(world);
    const holder = await shown(world, workshop);
    await world.time.settled(held.release());
    const next = await world.time.settled(waiting);
    const released = await world.time.settled(releaseHolder(workshop, holder));
    expect(released).toMatchObject({
      kind: 'gone',
      holders: [{ session: expect.any(String) as string }],
    });
    expect(next.valid).toBe(true);
    await world.time.settled(next.release());
    // Made again under the same name by another.
    const other = await world.time.settled(b.lock('x').acquire());
    expect(await world.time.settled(releaseHolder(workshop, holder))).toMatchObject({
      kind: 'gone',
    });
    expect(other.valid).toBe(true);
  });

  it('goes on when others join or edit, and never twice', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    await world.time.settled(a.lock('x').acquire());
    const { workshop } = tools(world);
    const holder = await shown(world, workshop);
    const waiting = b.lock('x').acquire();
    await world.time.advance(3_000);
    world.store.editByHand('x', { labels: { team: 'billing' } });
    const released = await world.time.settled(releaseHolder(workshop, holder));
    expect(released).toMatchObject({
      kind: 'released',
      granted: [{ id: expect.any(String) as string }],
    });
    const next = await world.time.settled(waiting, 50);
    expect(peek(world, 'x').metadata.labels).toMatchObject({ team: 'billing' });
    expect(await world.time.settled(releaseHolder(workshop, holder))).toMatchObject({
      kind: 'gone',
    });
    expect(next.valid).toBe(true);
  });

  for (const verb of ['replace', 'remove'] as const) {
    it(`knows its own ${verb} again whose answer was lost`, async () => {
      const world = new World();
      const [a, b] = [world.process('a'), world.process('b')];
      await world.time.settled(a.lock('x').acquire());
      const waiting = verb === 'replace' ? b.lock('x').acquire() : undefined;
      await world.time.advance(3_000);
      const { workshop } = tools(world);
      const holder = await shown(world, workshop);
      world.injectOnce(on('op', verb, 'x'), { kind: 'lose-answer', after: 50 });
      const released = await world.time.settled(releaseHolder(workshop, holder));
      expect(released).toMatchObject({
        kind: 'released',
        deleted: verb === 'remove',
        confirmed: false,
        granted: waiting ? [{ id: expect.any(String) as string }] : [],
      } satisfies Partial<Record<keyof Extract<Released, { kind: 'released' }>, unknown>>);
      if (waiting) expect((await world.time.settled(waiting, 100)).valid).toBe(true);
    });
  }

  it('says so when it is unknown whether it was done', async () => {
    const world = new World();
    const a = world.process('a');
    const held = await world.time.settled(a.lock('x').acquire());
    const { workshop, host } = tools(world);
    const holder = await shown(world, workshop);
    world.inject((request) => {
      if (!on('op', 'remove', 'x')(request)) return undefined;
      host.cut = true;
      return { kind: 'lose-request', after: 50 };
    });
    const error = await world.time.settled(rejection(releaseHolder(workshop, holder)), 60_000);
    expect(error).toMatchObject({ code: 'API_UNREACHABLE' });
    expect((error as Error).message).toContain('unknown');
    expect(held.valid).toBe(true);
  });

  it('stops when a session that was shown as silent renews again', async () => {
    const world = new World();
    const a = world.process('a');
    const held = await world.time.settled(a.lock('x').acquire());
    await world.time.advance(5_100);
    a.host.cut = true;
    await world.time.advance(9_000);
    const { workshop } = tools(world);
    const holder = await shown(world, workshop);
    a.host.cut = false;
    await world.time.advance(4_000);
    expect(held.valid).toBe(true);
    expect(await world.time.settled(releaseHolder(workshop, holder))).toEqual({ kind: 'revived' });
    expect(held.valid).toBe(true);
  });

  it('passes over waiters whose session was revoked', async () => {
    const world = new World();
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    await world.time.settled(a.lock('x').acquire());
    void rejection(b.lock('x').acquire());
    await world.time.advance(100);
    const waiting = c.lock('x').acquire();
    await world.time.advance(100);
    b.crash();
    const { workshop } = tools(world);
    await world.time.settled(revoke(workshop, await present(world, workshop, 'b'), true));
    await world.time.settled(releaseHolder(workshop, await shown(world, workshop)));
    expect((await world.time.settled(waiting, 50)).valid).toBe(true);
  });

  it('removes a holder that cannot be read, when it is named', async () => {
    const world = new World();
    const a = world.process('a');
    const annotations = { [`${HOLDER_PREFIX}0a-1`]: 'garbage' };
    world.store.create({ metadata: { name: 'x', annotations } }, { manager: 'kubectl' });
    const { workshop } = tools(world);
    const holder = await shown(world, workshop, '0a-1');
    expect(holder).toMatchObject({ entry: undefined, session: undefined });
    await world.time.settled(releaseHolder(workshop, holder));
    expect(world.store.peek('x')).toBeUndefined();
    await world.time.settled(a.lock('x').acquire());
    const garbage = { [`${HOLDER_PREFIX}0b-1`]: 'garbage' };
    world.store.editByHand('x', { annotations: garbage });
    expect((await world.time.settled(findHolder(workshop, 'x'))).kind).toBe('several');
    await world.time.settled(releaseHolder(workshop, await shown(world, workshop, '0b-1')));
    expect(world.holders('x')).toHaveLength(1);
  });

  it('finds what there is', async () => {
    const world = new World();
    const { workshop } = tools(world);
    const find = (attempt?: string) => world.time.settled(findHolder(workshop, 'x', attempt));
    expect(await find()).toEqual({ kind: 'free' });
    await world.time.settled(world.process('a').lock('x').acquire());
    expect((await find('ffffffff-1')).kind).toBe('no-holder');
    world.store.removeByHand('x');
    world.store.create({ metadata: { name: 'x' }, spec: { holderIdentity: 'me' } });
    expect(await world.time.settled(rejection(findHolder(workshop, 'x')))).toMatchObject({
      code: 'FOREIGN_LEASE',
    });
  });
});
