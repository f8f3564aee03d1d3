import { describe, expect, it } from 'vitest';
import type { GroupState } from '../../src/group/group.ts';
import type { Membership } from '../../src/group/membership.ts';
import type { VirtualProcess } from '../sim/world/process.ts';
import { on, rejection, sessionOf } from './world/helpers.ts';
import { SupervisedWorld } from './world/supervised.ts';
import { World } from './world/world.ts';

const TTL = 15_000;

function join(process: VirtualProcess, metadata = {}): Promise<Membership> {
  return process.groups.group('workers').join({ metadata });
}

/** The processes of the members, as this one sees them by one read. */
async function seenBy(world: World, process: VirtualProcess): Promise<string[]> {
  const members = await world.time.settled(process.groups.group('workers').members());
  return members.map(({ session }) => session.split('-')[0] ?? '').sort();
}

/** All that an observer is told, as it comes. */
function told(process: VirtualProcess): GroupState[] {
  const states: GroupState[] = [];
  void (async () => {
    for await (const state of process.groups.group('workers').observe()) states.push(state);
  })();
  return states;
}

describe('a group', () => {
  it('has the members that have joined and not left, with what they say of themselves', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    expect(await seenBy(world, c)).toEqual([]);
    const metadata = { address: 'a.example:80', note: 'with a space = "and" more ü', ready: true };
    const first = await time.settled(join(a, metadata));
    const second = await time.settled(join(b, { weight: 2 }));
    expect(await seenBy(world, c)).toEqual(['a', 'b']);
    const members = await time.settled(c.groups.group('workers').members());
    const ofA = members.find(({ id }) => id === first.id);
    expect(ofA?.metadata).toEqual(metadata);
    expect(ofA?.session).toBe(sessionOf(world, 'a').metadata.name);
    const ofB = members.find(({ id }) => id === second.id);
    expect((ofB?.arrival ?? 0n) > (ofA?.arrival ?? 0n)).toBe(true);
    await time.settled(first.leave());
    await time.settled(first.leave());
    expect(first.valid).toBe(false);
    expect(second.valid).toBe(true);
    expect(await seenBy(world, c)).toEqual(['b']);
    await time.settled(second.leave());
    expect(world.store.peek('workers')).toBeUndefined();
  });

  it('tells an observer of the members, and of each who comes, goes and dies', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, o] = [world.process('a'), world.process('b'), world.process('o')];
    const states = told(o);
    await time.advance(100);
    expect(states).toEqual([{ members: [], joined: [], left: [] }]);
    const first = await time.settled(join(a));
    await time.advance(100);
    const second = await time.settled(join(b));
    await time.advance(100);
    expect(states.map(({ members }) => members.length)).toEqual([0, 1, 2]);
    expect(states[2]?.joined.map(({ id }) => id)).toEqual([second.id]);
    b.crash();
    await time.advance(2 * TTL);
    expect(states.map(({ members }) => members.length)).toEqual([0, 1, 2, 1]);
    expect(states[3]?.left.map(({ id }) => id)).toEqual([second.id]);
    await time.settled(first.leave());
    await time.advance(100);
    expect(states.at(-1)?.members).toEqual([]);
  });

  it('costs a member two writes, and each of those who are there two watches of sessions', async () => {
    const world = new World();
    const { time } = world;
    const processes = Array.from({ length: 12 }, (_, index) => world.process(`p${String(index)}`));
    const memberships: Membership[] = [];
    for (const process of processes) memberships.push(await time.settled(join(process)));
    const writes = world.requestsOn('workers').filter((request) => !/ (watch|get)$/.test(request));
    expect(writes).toHaveLength(12);
    await time.advance(5_000);
    for (const process of processes) {
      // The record and two sessions.
      expect(process.requests.watches.size).toBe(3);
    }
    const before = world.requests.length;
    await time.advance(50_000);
    // Heartbeats and a look a minute.
    const idle = world.requestsOn('workers', before);
    expect(idle.filter((request) => !request.endsWith('get'))).toEqual([]);
    for (const membership of memberships) await time.settled(membership.leave());
    expect(world.store.peek('workers')).toBeUndefined();
  });

  it('is joined by forty at once, with a few requests each', async () => {
    const world = new World();
    const { time } = world;
    const processes = Array.from({ length: 40 }, (_, index) => world.process(`p${String(index)}`));
    const memberships = await time.settled(Promise.all(processes.map((one) => join(one))), 120_000);
    expect(await seenBy(world, world.process('o'))).toHaveLength(40);
    const requests = world.requestsOn('workers').filter((request) => !request.endsWith('watch'));
    expect(requests.length).toBeLessThan(40 * 12);
    await time.settled(Promise.all(memberships.map((one) => one.leave())), 120_000);
    expect(world.store.peek('workers')).toBeUndefined();
  });

  it('loses those who died together within three ttl, though each follows only two', async () => {
    const world = new World();
    const { time } = world;
    const processes = Array.from({ length: 30 }, (_, index) => world.process(`p${String(index)}`));
    for (const process of processes) await time.settled(join(process));
    await time.advance(5_000);
    for (const process of processes.slice(1)) process.crash();
    await time.advance(3 * TTL + 6_000);
    expect(await seenBy(world, processes[0] ?? world.process('o'))).toEqual(['p0']);
  });

  it('tells a member that was paused past its ttl that it is none any more', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const membership = await time.settled(join(a));
    await time.settled(join(b));
    await time.advance(3_000);
    a.host.pause();
    await time.advance(2 * TTL);
    expect(await seenBy(world, b)).toEqual(['b']);
    a.host.resume();
    expect(membership.valid).toBe(false);
    await time.advance(1_000);
    expect(membership.signal.aborted).toBe(true);
    expect(membership.signal.reason).toMatchObject({ code: 'LOST' });
    const again = await time.settled(join(a), TTL);
    expect(again.id).not.toBe(membership.id);
    expect(await seenBy(world, b)).toEqual(['a', 'b']);
  });

  it.each(['create', 'replace'] as const)(
    'has a member once although the answer to its %s was lost',
    async (verb) => {
      const world = new World();
      const { time } = world;
      const [a, b] = [world.process('a'), world.process('b')];
      if (verb === 'replace') await time.settled(join(b));
      world.injectOnce(on('a', verb, 'workers'), { kind: 'lose-answer' });
      const membership = await time.settled(join(a), 60_000);
      expect(membership.valid).toBe(true);
      expect(await seenBy(world, b)).toEqual(verb === 'replace' ? ['a', 'b'] : ['a']);
      await time.settled(membership.leave(), 60_000);
      expect(await seenBy(world, b)).toEqual(verb === 'replace' ? ['b'] : []);
    },
  );

  it('tells a member that was taken out by hand', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const membership = await time.settled(join(a));
    await time.advance(2_000);
    world.store.removeByHand('workers');
    await time.advance(1_000);
    expect(membership.signal.reason).toMatchObject({ code: 'LOST' });
    expect(membership.valid).toBe(false);
  });

  it.each(['alone', 'with another'])(
    'loses what was brought back of one that has left, %s',
    async (company) => {
      const world = new World();
      const { time } = world;
      const [a, b] = [world.process('a'), world.process('b')];
      await time.settled(join(a));
      if (company !== 'alone') await time.settled(join(b));
      const second = await time.settled(join(a));
      await time.advance(3_000);
      const key = `holder.leasehold.dev/${second.id}`;
      const entry = world.store.peek('workers')?.metadata.annotations?.[key] ?? '';
      await time.settled(second.leave());
      world.store.editByHand('workers', { annotations: { [key]: entry } });
      expect(await seenBy(world, b)).toHaveLength(company === 'alone' ? 2 : 3);
      await time.advance(10_000);
      expect(await seenBy(world, b)).toEqual(company === 'alone' ? ['a'] : ['a', 'b']);
    },
  );

  it('loses at once a member whose parent sees to what it leaves', async () => {
    const world = new SupervisedWorld();
    const { time, a } = world;
    const b = world.process('b');
    await time.settled(join(b));
    await time.settled(join(a, { address: 'a.example' }));
    await time.advance(3_000);
    await time.settled(world.die(), 1_000);
    expect(await seenBy(world, b)).toEqual(['b']);
    expect(world.holders('workers')).toHaveLength(1);
  });

  it('is left by whoever closes, and leaves nothing behind', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    await time.settled(join(a));
    await time.settled(join(a));
    await time.settled(join(b));
    const states = told(b);
    await time.advance(3_000);
    await time.settled(a.close());
    await time.advance(100);
    expect(states.at(-1)?.members).toHaveLength(1);
    await time.settled(b.close());
    expect(world.store.names()).toEqual([]);
    for (const { host, requests } of [a, b]) {
      expect([host.timers, requests.watches.size]).toEqual([0, 0]);
    }
    expect(await rejection(join(a))).toMatchObject({ code: 'CLOSED' });
  });

  it('refuses metadata that is too long, or no flat object, before it sends anything', async () => {
    const world = new World();
    const a = world.process('a');
    for (const metadata of [{ text: 'x'.repeat(300) }, { deep: {} }, { none: Number.NaN }, [1]]) {
      expect(await rejection(join(a, metadata))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    expect(world.requests).toEqual([]);
  });

  it('is waited for by nobody who gives up', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const cut = world.inject((request) =>
      request.process === 'a' ? { kind: 'unsent' as const } : undefined,
    );
    const giveUp = new AbortController();
    const joining = a.groups.group('workers').join({ signal: giveUp.signal });
    const refused = rejection(joining);
    await time.advance(20_000);
    giveUp.abort();
    cut();
    expect(await time.settled(refused, 60_000)).toMatchObject({ code: 'ABORTED' });
    await time.settled(a.close(), 60_000);
    expect(world.store.peek('workers')).toBeUndefined();
  });
});
