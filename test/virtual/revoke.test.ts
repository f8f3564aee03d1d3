import { describe, expect, it } from 'vitest';
import { bury, locksOf, revoke, settleLocks } from '../../src/repair/revoke.ts';
import { observeSession, readSession } from '../../src/repair/session-state.ts';
import { guardSays, on, rejection } from './world/helpers.ts';
import { peek, present, tools } from './world/tools.ts';
import { World } from './world/world.ts';

const TTL = 15_000;

describe('revoke', () => {
  it('frees everything of a dead process at once', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    for (const lock of ['x', 'y', 'z']) await world.time.settled(a.lock(lock).acquire());
    const other = await world.time.settled(b.lock('w').acquire());
    void rejection(a.lock('w').acquire());
    const waiting = [b.lock('x').acquire(), b.lock('y').acquire()];
    await world.time.advance(3_000);
    a.crash();
    const { workshop, list } = tools(world);
    const session = await present(world, workshop, 'a');
    const { name, uid = '' } = session.lease.metadata;
    const involved = await locksOf(list, { name, uid });
    expect(involved.map(({ holds, waits }) => [holds.length, waits.length])).toEqual(
      expect.arrayContaining([
        [1, 0],
        [0, 1],
      ]),
    );
    expect(involved).toHaveLength(4);
    const observed = await world.time.settled(observeSession(workshop, session));
    expect(observed).toMatchObject({ renewed: false, session: { state: 'present' } });
    const revoked = await world.time.settled(revoke(workshop, session, false));
    expect(revoked).toMatchObject({ kind: 'revoked', lease: { spec: { holderIdentity: '' } } });
    const settled = await world.time.settled(settleLocks(workshop, list, { name, uid }));
    expect(settled.map(({ lease }) => lease.metadata.name).sort()).toEqual(['w', 'x', 'y', 'z']);
    await world.time.settled(Promise.all(waiting), 100);
    expect(world.store.peek('z')).toBeUndefined();
    expect(world.queue('w')).toEqual([]);
    expect(other.valid).toBe(true);
    expect(await world.time.settled(revoke(workshop, session, false))).toMatchObject({
      kind: 'already',
    });
    if (revoked.kind !== 'revoked') throw new Error(revoked.kind);
    expect(await world.time.settled(bury(workshop, revoked.lease))).toBe(true);
  });

  it('takes the dead out of a lock first where the guard wants to see that', async () => {
    const world = new World();
    const a = world.process('a');
    for (const lock of ['x', 'y']) await world.time.settled(a.lock(lock).acquire());
    a.crash();
    const { workshop, list } = tools(world);
    const session = await present(world, workshop, 'a');
    await world.time.settled(revoke(workshop, session, true));
    world.inject(({ verb, name }) =>
      verb === 'remove' && world.holders(name).length > 0 ? guardSays('delete') : undefined,
    );
    const { name, uid = '' } = session.lease.metadata;
    const settled = await world.time.settled(settleLocks(workshop, list, { name, uid }));
    expect(settled).toMatchObject([
      { held: true, deleted: true, error: undefined },
      { held: true, deleted: true, error: undefined },
    ]);
    expect(world.store.names()).toEqual([name]);
  });

  it('waits for what the guard sees a moment later, a second and more', async () => {
    const world = new World();
    const a = world.process('a');
    await world.time.settled(a.lock('x').acquire());
    a.crash();
    const { workshop, list } = tools(world);
    const session = await present(world, workshop, 'a');
    await world.time.settled(revoke(workshop, session, true));
    const until = world.time.now + 5_000;
    world.inject(({ verb }) =>
      verb === 'remove' && world.time.now < until ? guardSays('settle') : undefined,
    );
    const { name, uid = '' } = session.lease.metadata;
    const before = world.requests.length;
    const settled = await world.time.settled(settleLocks(workshop, list, { name, uid }), 10_000);
    expect(settled).toMatchObject([{ deleted: true, error: undefined }]);
    const writes = world.requestsOn('x', before).filter((sent) => sent === 'op remove');
    expect(writes.length).toBeLessThanOrEqual(6);
  });

  it('is told at once to wait for what has not expired, or to have the verb for it', async () => {
    const world = new World();
    const a = world.process('a');
    await world.time.settled(a.lock('x').acquire());
    const { workshop } = tools(world);
    const session = await present(world, workshop, 'a');
    const before = world.time.now;
    world.inject(({ process }) => (process === 'op' ? guardSays('held') : undefined));
    const error = await world.time.settled(rejection(revoke(workshop, session, true)), 100);
    expect(error).toMatchObject({ code: 'FORBIDDEN' });
    expect((error as Error).message).toMatch(/held.*the verb steal/);
    expect(world.time.now - before).toBeLessThan(100);
  });

  it('is noticed by a living process at its next renewal', async () => {
    const world = new World();
    const a = world.process('a');
    const held = await world.time.settled(a.lock('x').acquire());
    const { workshop } = tools(world);
    const session = await present(world, workshop, 'a');
    const observed = await world.time.settled(observeSession(workshop, session));
    expect(observed.renewed).toBe(true);
    await world.time.settled(revoke(workshop, session, true));
    await world.time.runUntil(() => !held.valid, TTL / 3 + 100);
    expect(a.eventsOf('session-lost')[0]?.reason).toBe('taken');
  });

  it('stops when a session that was shown as dead renews', async () => {
    const world = new World();
    const a = world.process('a');
    const held = await world.time.settled(a.lock('x').acquire());
    const { workshop } = tools(world);
    const session = await present(world, workshop, 'a');
    await world.time.advance(6_000);
    expect(await world.time.settled(revoke(workshop, session, false))).toEqual({
      kind: 'revived',
    });
    await world.time.advance(6_000);
    expect(held.valid).toBe(true);
  });

  it('does nothing to a session that was made again, or is none', async () => {
    const world = new World();
    const a = world.process('a');
    await world.time.settled(a.lock('x').acquire());
    const { workshop } = tools(world);
    const session = await present(world, workshop, 'a');
    const { name } = session.lease.metadata;
    world.store.removeByHand(name);
    expect(await world.time.settled(revoke(workshop, session, true))).toEqual({ kind: 'gone' });
    world.store.create({ metadata: { name }, spec: { holderIdentity: 'somebody' } });
    expect(await world.time.settled(revoke(workshop, session, true))).toEqual({ kind: 'gone' });
    expect(peek(world, name).spec?.holderIdentity).toBe('somebody');
    expect((await world.time.settled(readSession(workshop, name))).state).toBe('foreign');
  });

  it('counts a lost answer as done when the session is blank', async () => {
    const world = new World();
    const a = world.process('a');
    await world.time.settled(a.lock('x').acquire());
    const { workshop } = tools(world);
    const session = await present(world, workshop, 'a');
    world.injectOnce(on('op', 'replace'), { kind: 'lose-answer', after: 50 });
    expect(await world.time.settled(revoke(workshop, session, true))).toMatchObject({
      kind: 'revoked',
    });
  });
});
