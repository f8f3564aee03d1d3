import { describe, expect, it } from 'vitest';
import { HOLDER_PREFIX } from '../../src/core/record.ts';
import { must, rejection, on, sessionOf } from './world/helpers.ts';
import { World } from './world/world.ts';

const TTL = 15_000;

describe('a lock that is deleted by hand', () => {
  it('is not held by whoever made it before that, and learns of it after the next holder', async () => {
    const world = new World();
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    const first = await world.time.settled(a.acquire('x'));
    const [ofB, ofC] = [b.acquire('x'), c.acquire('x')];
    await world.time.advance(5_000);
    world.injectOnce(on('b', 'create', 'x'), { kind: 'slow', there: 1, back: 3_000 });
    world.injectOnce(on('c', 'create', 'x'), { kind: 'slow', there: 500, back: 1 });
    world.store.removeByHand('x');
    await world.time.advance(100);
    expect(first.valid).toBe(false);
    expect(world.holders('x')).toHaveLength(1);
    // Made by b, which has not been told so yet.
    world.store.removeByHand('x');
    const held = await world.time.settled(ofC, 2_000);
    const robbed = await world.time.settled(ofB, 5_000);
    await world.time.advance(1);
    expect(held.valid).toBe(true);
    expect(robbed.valid).toBe(false);
    expect(robbed.signal.reason).toMatchObject({ code: 'LOST' });
  });
});

describe('by hand', () => {
  it('a lock that is deleted under its holder is LOST', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.acquire('x'));
    await world.time.advance(2_000);
    world.store.removeByHand('x');
    await world.time.advance(10);
    expect(held.valid).toBe(false);
    expect(held.signal.reason).toMatchObject({ code: 'LOST' });
    const next = await world.time.settled(b.acquire('x'));
    await world.time.settled(held.release());
    expect(next.valid).toBe(true);
  });

  it('a lock that is deleted under its waiters goes to the first that finds it', async () => {
    const world = new World();
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    await world.time.settled(a.acquire('x'));
    const waiting = [b.acquire('x'), c.acquire('x')];
    await world.time.advance(2_000);
    world.store.removeByHand('x');
    const first = await world.time.settled(Promise.race(waiting), 1_000);
    await world.time.settled(first.release());
    await world.time.settled(Promise.all(waiting), 2_000);
  });

  it('a session that is deleted ends its holds', async () => {
    const world = new World();
    const a = world.process('a');
    const held = await world.time.settled(a.acquire('x'));
    world.store.removeByHand(sessionOf(world, 'a').metadata.name);
    await world.time.advance(TTL / 3 + 100);
    expect(held.valid).toBe(false);
    expect(a.eventsOf('session-lost')[0]?.reason).toBe('deleted');
  });

  it('an entry that is brought back is challenged, disowned and dropped', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.acquire('x'));
    const copy = must(world.store.peek('x'));
    await world.time.settled(held.release());
    const kept = await world.time.settled(a.acquire('kept'));
    // A restore: the record as it was.
    world.store.create({ ...copy, metadata: { ...copy.metadata } }, { manager: 'velero' });
    const next = await world.time.settled(b.acquire('x'), 3 * TTL);
    expect(b.eventsOf('challenge').length).toBeGreaterThan(0);
    expect(a.eventsOf('void').map(({ why }) => why)).toEqual(['challenged']);
    expect(next.valid).toBe(true);
    expect(kept.valid).toBe(true);
    expect(sessionOf(world, 'a').metadata.annotations).not.toHaveProperty(
      'leasehold.dev/challenge',
    );
  });

  it.each(['acquire', 'tryAcquire'] as const)(
    'a restored etcd gives out old versions again: what %s takes is given back',
    async (how) => {
      const world = new World();
      const a = world.process('a');
      const { revision } = world.store;
      const first = await world.time.settled(a.acquire('x'));
      for (let edit = 0; edit < 50; edit += 1) {
        world.store.editByHand('x', { labels: { edited: String(edit) } });
      }
      await world.time.settled(first.release());
      // All but the session, which was made before.
      world.restore(revision + 1);
      const held = await world.time.settled(a[how]('x'));
      await world.time.settled(held?.release() ?? Promise.resolve());
      expect(world.store.peek('x')).toBeUndefined();
    },
  );

  it('an entry that is brought back is asked about behind others of which nobody asks', async () => {
    const world = new World();
    const { time } = world;
    const processes = ['a', 'b', 'c', 'd'].map((name) => world.process(name));
    const [a] = processes;
    if (!a) throw new Error('nobody');
    const held = await time.settled(a.acquire('x'));
    const waits = processes.slice(1).map(async (process) => (await process.acquire('x')).release());
    await time.advance(1_000);
    const record = structuredClone(must(world.store.peek('x')));
    await time.settled(held.release());
    await time.settled(Promise.all(waits));
    const { name, labels, annotations } = record.metadata;
    world.store.create({
      metadata: { name, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) },
      ...(record.spec ? { spec: record.spec } : {}),
    });
    // Those before it in the queue are of processes that live, and have given them up.
    await time.settled(world.process('e').acquire('x'), 24 * TTL);
  });

  it('is asked about soon by whoever has come to the front', async () => {
    const world = new World();
    const { time } = world;
    const owner = world.process('owner');
    const held = await time.settled(owner.acquire('x'));
    const copy = must(world.store.peek('x'));
    await time.settled(held.release());
    await time.settled(owner.acquire('kept'));
    world.store.create({ ...copy, metadata: { ...copy.metadata } }, { manager: 'velero' });
    for (let before = 0; before < 9; before += 1) {
      void rejection(world.process(`w${String(before)}`).acquire('x', { timeout: 5_000 }));
    }
    await time.advance(1_000);
    await time.settled(world.process('last').acquire('x'), 3 * TTL);
  });

  it('a challenge of an entry that is current changes nothing', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.acquire('x'));
    const waiting = b.acquire('x');
    await world.time.advance(20 * TTL);
    expect(b.eventsOf('challenge').length).toBeGreaterThan(0);
    expect(a.eventsOf('void')).toEqual([]);
    expect(held.valid).toBe(true);
    await world.time.settled(held.release());
    await world.time.settled(waiting, 1_000);
  });

  it('an entry that is brought back is seen at once by a process that waits itself', async () => {
    const world = new World();
    const a = world.process('a');
    const held = await world.time.settled(a.acquire('x'));
    const copy = must(world.store.peek('x'));
    await world.time.settled(held.release());
    world.store.create(copy, { manager: 'velero' });
    await world.time.advance(10);
    const startedAt = world.time.now;
    const next = await world.time.settled(a.acquire('x'), 3 * TTL);
    expect(world.time.now - startedAt).toBeLessThan(3_000);
    expect(next.fence).toBeGreaterThan(held.fence);
  });

  it('a void id on the session makes an entry as good as dead', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.acquire('x'));
    const copy = must(world.store.peek('x')).metadata.annotations ?? {};
    await world.time.settled(held.release());
    const [key = ''] = Object.keys(copy);
    world.store.editByHand(sessionOf(world, 'a').metadata.name, {
      annotations: { 'leasehold.dev/void': key.slice(HOLDER_PREFIX.length) },
    });
    const metadata = { name: 'x', annotations: copy, labels: { 'leasehold.dev/role': 'lock' } };
    world.store.create({ metadata }, { manager: 'velero' });
    await world.time.settled(b.acquire('x'), 5_000);
  });

  it('constant edits of labels do not stop a release, nor a handover', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.acquire('x'));
    const waiting = b.acquire('x');
    await world.time.advance(2_000);
    let edits = 0;
    const edit = (): void => {
      edits += 1;
      world.store.editByHand('x', { labels: { edits: String(edits) } });
    };
    // Each request of the releaser meets a version that it does not know.
    world.inject((request) => {
      if (request.process !== 'a' || request.name !== 'x') return undefined;
      world.time.schedule(0.9, edit);
      return { kind: 'slow', there: 1, back: 1 };
    });
    await world.time.settled(held.release(), 1_000);
    expect(world.requests.filter(on('a', 'replace', 'x')).length).toBeGreaterThanOrEqual(5);
    const next = await world.time.settled(waiting, 10_000);
    expect(next.valid).toBe(true);
  });
});
