import { describe, expect, it } from 'vitest';
import { HOLDER_PREFIX, QUEUE_PREFIX } from '../../src/core/record.ts';
import { must, on, rejection, sessionOf } from './world/helpers.ts';
import { World } from './world/world.ts';

const LOCK = { labels: { 'leasehold.dev/role': 'lock' } };

describe('a full queue', () => {
  it('keeps at most 64 entries, and everybody is served', async () => {
    const world = new World();
    const processes = Array.from({ length: 71 }, (_, index) => world.process(`p${String(index)}`));
    const first = await world.time.settled((processes[0] ?? world.process('p')).acquire('x'));
    let most = 0;
    let served = 0;
    world.time.afterStep(() => (most = Math.max(most, world.queue('x').length)));
    const works = processes.slice(1).map(async (process) => {
      const held = await process.acquire('x');
      served += 1;
      await held.release();
    });
    await world.time.advance(10_000);
    // Those who come at the same moment may join before they see that it is full.
    expect(world.queue('x').length).toBeLessThanOrEqual(64);
    expect(most).toBeLessThanOrEqual(70);
    await world.time.settled(first.release());
    await world.time.settled(Promise.all(works), 120_000);
    expect(served).toBe(70);
    expect(processes.flatMap((process) => process.eventsOf('queue-full')).length).toBeGreaterThan(
      0,
    );
    await world.time.settled(Promise.all(processes.map((process) => process.close())));
    expect(world.store.names()).toEqual([]);
  });
});

describe('a record that cannot be used', () => {
  it('blocks when the annotation of a holder cannot be read', async () => {
    for (const way of ['acquire', 'tryAcquire'] as const) {
      const world = new World();
      const a = world.process('a');
      const annotations = { [`${HOLDER_PREFIX}0a-1`]: 'garbage' };
      world.store.create({ metadata: { name: 'x', ...LOCK, annotations } }, { manager: 'kubectl' });
      const error = await world.time.settled(rejection(a[way]('x')));
      expect(error).toMatchObject({ code: 'UNREADABLE_RECORD' });
      expect(world.holders('x')).toEqual(['0a-1']);
      world.store.editByHand('x', { annotations: { [`${HOLDER_PREFIX}0a-1`]: null } });
      await world.time.advance(5);
      expect((await world.time.settled(a.acquire('x'), 1_000)).valid).toBe(true);
    }
  });

  it('is left alone when it is somebody else’s', async () => {
    for (const way of ['acquire', 'tryAcquire'] as const) {
      const world = new World();
      const a = world.process('a');
      const lease = { metadata: { name: 'x' }, spec: { holderIdentity: 'controller' } };
      world.store.create(lease, { manager: 'controller' });
      const before = must(world.store.peek('x'));
      const error = await world.time.settled(rejection(a[way]('x')));
      expect(error).toMatchObject({ code: 'FOREIGN_LEASE' });
      expect(world.store.peek('x')).toEqual(before);
    }
  });

  it('is released all the same when an unreadable holder appears beside', async () => {
    const world = new World();
    const a = world.process('a');
    const held = await world.time.settled(a.acquire('x'));
    world.store.editByHand('x', { annotations: { [`${HOLDER_PREFIX}0a-1`]: 'garbage' } });
    await world.time.settled(held.release(), 1_000);
    expect(world.holders('x')).toEqual(['0a-1']);
  });

  it('with an unreadable entry in the queue is granted all the same', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.acquire('x'));
    world.store.editByHand('x', { annotations: { [`${QUEUE_PREFIX}0a-1`]: 'garbage' } });
    const waiting = b.acquire('x');
    await world.time.advance(100);
    await world.time.settled(held.release());
    const next = await world.time.settled(waiting, 1_000);
    await world.time.settled(next.release());
    expect(world.store.peek('x')).toBeUndefined();
  });

  it('of a newer version is waited for, and never dropped', async () => {
    const world = new World();
    const a = world.process('a');
    const text = 'v=2 session=new-1 uid=u permits=3';
    const annotations = { [`${HOLDER_PREFIX}0a-1`]: text };
    world.store.create({ metadata: { name: 'x', ...LOCK, annotations } }, { manager: 'newer' });
    const error = rejection(a.acquire('x', { timeout: '10m' }));
    expect(await world.time.settled(error)).toMatchObject({ code: 'TIMEOUT' });
    expect(await world.time.settled(a.tryAcquire('x'))).toBeUndefined();
    expect(world.store.peek('x')?.metadata.annotations).toMatchObject(annotations);
  });

  it('keeps what others put on it', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.acquire('x'));
    world.store.editByHand('x', { labels: { team: 'billing' }, annotations: { note: 'mine' } });
    const waiting = b.acquire('x');
    await world.time.advance(2_000);
    await world.time.settled(held.release());
    await world.time.settled(waiting);
    expect(must(world.store.peek('x')).metadata).toMatchObject({
      labels: { team: 'billing', 'leasehold.dev/role': 'lock' },
      annotations: { note: 'mine' },
    });
  });

  it('and a session that is none is never revoked', async () => {
    const world = new World();
    const b = world.process('b');
    world.store.create(
      { metadata: { name: 'victim' }, spec: { holderIdentity: 'me' } },
      { manager: 'me' },
    );
    const { uid } = must(world.store.peek('victim')).metadata;
    const text = `v=1 session=victim uid=${String(uid)} ttl=2 mode=exclusive`;
    const annotations = { [`${HOLDER_PREFIX}0a-1`]: text };
    world.store.create({ metadata: { name: 'x', ...LOCK, annotations } }, { manager: 'forger' });
    await world.time.settled(rejection(b.acquire('x', { timeout: '60s' })));
    expect(world.store.peek('victim')?.spec?.holderIdentity).toBe('me');
    expect(world.requests.length).toBeLessThan(200);
  });
});

describe('names', () => {
  it('that are no DNS subdomains are kept in an annotation', async () => {
    const world = new World();
    const a = world.process('a');
    const held = await world.time.settled(a.acquire('Rechnungen / 2026'));
    expect(held.name).toBe('Rechnungen / 2026');
    const lease = world.store.names().find((name) => name.startsWith('rechnungen-2026-')) ?? '';
    expect(world.store.peek(lease)?.metadata.annotations).toMatchObject({
      'leasehold.dev/name': 'Rechnungen / 2026',
    });
    expect(world.store.peek(lease)?.spec).toMatchObject({
      holderIdentity: sessionOf(world, 'a').metadata.name,
      leaseDurationSeconds: 2_147_483_647,
    });
  });
});

describe('a watch', () => {
  for (const watchList of [true, false]) {
    const server = watchList ? 'with' : 'without';
    it(`that breaks or goes silent does not stop a waiter (server ${server} WatchList)`, async () => {
      const world = new World({ watchList });
      const [a, b] = [world.process('a'), world.process('b')];
      for (const trouble of ['cut', 'silence'] as const) {
        const held = await world.time.settled(a.acquire('x'));
        const waiting = b.acquire('x');
        await world.time.advance(5_000);
        for (const watch of b.requests.watches) watch[trouble]();
        if (trouble === 'cut') await world.time.advance(1_000);
        await world.time.settled(held.release());
        const next = await world.time.settled(waiting, trouble === 'cut' ? 1_000 : 61_000);
        await world.time.settled(next.release());
      }
    });
  }

  it('from too old a version begins anew', async () => {
    const world = new World({ watchList: false });
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.acquire('x'));
    world.compactedBefore = Number.POSITIVE_INFINITY;
    const waiting = b.acquire('x');
    await world.time.advance(1_000);
    world.compactedBefore = 0;
    await world.time.advance(6_000);
    await world.time.settled(held.release());
    await world.time.settled(waiting, 1_000);
  });

  it('that may not be opened is an error, not an endless wait', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    await world.time.settled(a.acquire('x'));
    world.inject((request) =>
      on('b', 'watch', 'x')(request)
        ? { kind: 'refuse', status: 403, reason: 'Forbidden' }
        : undefined,
    );
    const error = await world.time.settled(rejection(b.acquire('x')), 10_000);
    expect(error).toMatchObject({ code: 'FORBIDDEN' });
  });
});
