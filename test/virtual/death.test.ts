import { describe, expect, it } from 'vitest';
import { on, rejection, sessionOf, sessionsIn, sleep } from './world/helpers.ts';
import type { VirtualProcess } from '../sim/world/process.ts';
import { World } from './world/world.ts';

const TTL = 15_000;

function many(world: World, prefix: string, count: number): VirtualProcess[] {
  return Array.from({ length: count }, (_, index) => world.process(`${prefix}${String(index)}`));
}

async function crashedHolder(world: World): Promise<VirtualProcess> {
  const dead = world.process('dead');
  await world.time.settled(dead.acquire('x'));
  await world.time.advance(20_000);
  dead.crash();
  return dead;
}

describe('a dead holder', () => {
  it('is recovered by one waiter within a ttl and a little', async () => {
    const world = new World();
    await crashedHolder(world);
    const b = world.process('b');
    const startedAt = world.time.now;
    const held = await world.time.settled(b.acquire('x'));
    expect(world.time.now - startedAt).toBeGreaterThan(TTL - 5_000 - 100);
    expect(world.time.now - startedAt).toBeLessThan(TTL + 3_000);
    expect(b.eventsOf('session-revoked')).toHaveLength(1);
    await world.time.settled(held.release());
    // The revoked session is buried a ttl later.
    await world.time.advance(TTL + 1_000);
    expect(sessionsIn(world).filter((name) => name.startsWith('dead'))).toEqual([]);
  });

  it('is never recovered while it renews, for however long it holds', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.acquire('x'));
    const waiting = b.acquire('x');
    await world.time.advance(600_000);
    expect(held.valid).toBe(true);
    expect(b.eventsOf('session-revoked')).toEqual([]);
    await world.time.settled(held.release());
    await world.time.settled(waiting);
  });

  it('is recovered by many waiters, in the order of arrival', async () => {
    const world = new World();
    await crashedHolder(world);
    const startedAt = world.time.now;
    const order: string[] = [];
    const waiters = many(world, 'w', 12);
    const works = waiters.map(async (process, index) => {
      await sleep(world, index * 20);
      const held = await process.acquire('x');
      order.push(process.name);
      await held.release();
    });
    await world.time.settled(Promise.all(works));
    expect(world.time.now - startedAt).toBeLessThan(TTL + 5_000);
    expect(order).toEqual(waiters.map(({ name }) => name));
  });

  it('with dead waiters behind it does not cost a ttl for each', async () => {
    const world = new World();
    const dead = world.process('dead');
    await world.time.settled(dead.acquire('x'));
    const waiters = many(world, 'w', 20);
    for (const [index, waiter] of waiters.entries()) {
      void waiter.acquire('x').catch(() => undefined);
      await world.time.runUntil(() => world.queue('x').length === index + 1, 2_000);
    }
    await world.time.advance(3_000);
    for (const process of [dead, ...waiters]) process.crash();
    const startedAt = world.time.now;
    const held = await world.time.settled(world.process('b').acquire('x'));
    expect(world.time.now - startedAt).toBeLessThan(2 * TTL + 15_000);
    expect(held.valid).toBe(true);
  });

  it('whose session Lease is gone is waited for a ttl', async () => {
    const world = new World();
    await crashedHolder(world);
    world.store.removeByHand(sessionOf(world, 'dead').metadata.name);
    const startedAt = world.time.now;
    await world.time.settled(world.process('b').acquire('x'));
    expect(world.time.now - startedAt).toBeGreaterThanOrEqual(TTL);
    expect(world.time.now - startedAt).toBeLessThan(TTL + 4_000);
  });

  it('is not kept alive by people who label its session', async () => {
    const world = new World();
    await crashedHolder(world);
    const { name } = sessionOf(world, 'dead').metadata;
    let edits = 0;
    const edit = (): void => {
      edits += 1;
      world.store.editByHand(name, { labels: { edits: String(edits) } });
      world.time.schedule(300, edit);
    };
    edit();
    const startedAt = world.time.now;
    await world.time.settled(world.process('b').acquire('x'));
    expect(world.time.now - startedAt).toBeLessThan(TTL + 4_000);
  });

  it('is found dead by short waits that add up', async () => {
    const world = new World();
    await crashedHolder(world);
    const b = world.process('b');
    const startedAt = world.time.now;
    for (;;) {
      const outcome = b.acquire('x', { timeout: '3s' }).catch(() => undefined);
      if (await world.time.settled(outcome)) break;
      if (world.time.now - startedAt > 60_000) throw new Error('never recovered');
    }
    expect(world.time.now - startedAt).toBeLessThan(TTL + 6_000);
  });

  it('is revoked once the API server is back, without a storm of requests before', async () => {
    const world = new World();
    await crashedHolder(world);
    const b = world.process('b');
    const waiting = b.acquire('x');
    await world.time.advance(10_000);
    const before = world.requests.length;
    const stop = world.inject(({ process, verb }) =>
      process === 'b' && verb !== 'watch' ? { kind: 'unsent' } : undefined,
    );
    await world.time.advance(10_000);
    expect(world.requests.length - before).toBeLessThan(100);
    stop();
    await world.time.settled(waiting, TTL + 5_000);
  });

  it('does not make a waiter spin that may not revoke', async () => {
    const world = new World();
    await crashedHolder(world);
    const b = world.process('b');
    world.inject((request) =>
      request.process === 'b' && request.verb === 'replace' && request.name.startsWith('dead')
        ? { kind: 'refuse', status: 403, reason: 'Forbidden' }
        : undefined,
    );
    const waiting = rejection(b.acquire('x', { timeout: '60s' }));
    await world.time.settled(waiting);
    expect(world.requestsOn(sessionOf(world, 'dead').metadata.name).length).toBeLessThan(150);
  });
});

describe('tryAcquire', () => {
  it('is undefined while a live process holds', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(a.acquire('x'));
    await world.time.advance(600_000);
    const startedAt = world.time.now;
    const before = world.requests.length;
    expect(await world.time.settled(b.tryAcquire('x'))).toBeUndefined();
    expect(world.time.now - startedAt).toBeLessThan(50);
    expect(world.requestsOn('x', before)).toEqual(['b create', 'b get']);
    expect(world.queue('x')).toEqual([]);
    expect(held.valid).toBe(true);
    await world.time.settled(held.release());
    const other = await world.time.settled(b.tryAcquire('x'));
    expect(other?.valid).toBe(true);
  });

  it('recovers a lock that was abandoned two ttl ago in a ttl', async () => {
    const world = new World();
    await crashedHolder(world);
    const b = world.process('b');
    const early = await world.time.settled(b.tryAcquire('x'));
    expect(early).toBeUndefined();
    await world.time.advance(2 * TTL + 2_000);
    const c = world.process('c');
    const startedAt = world.time.now;
    const held = await world.time.settled(c.tryAcquire('x'));
    expect(held?.valid).toBe(true);
    expect(world.time.now - startedAt).toBeLessThan(TTL * 1.1);
    expect(world.time.now - startedAt).toBeGreaterThanOrEqual(TTL);
  });

  it('spares a holder that renews late, though the clock of an API server is far ahead', async () => {
    const world = new World();
    const a = world.process('a');
    const held = await world.time.settled(a.acquire('x'));
    await world.time.advance(TTL / 3 + 100);
    const [, ahead] = world.controlPlane.servers;
    const b = world.process('b');
    if (ahead) {
      ahead.skew = 10 * TTL;
      b.requests.network.server = ahead;
    }
    const trying = b.tryAcquire('x');
    await world.time.advance(10);
    // The next renewal is late, and in time: it is valid for 0.8 ttl.
    a.host.stall(TTL * 0.5);
    await world.time.advance(TTL * 0.6);
    expect(held.valid).toBe(true);
    expect(await world.time.settled(trying)).toBeUndefined();
    expect(world.holders('x')).toHaveLength(1);
  });

  it('waits a ttl for a session that is missing', async () => {
    const world = new World();
    await crashedHolder(world);
    world.store.removeByHand(sessionOf(world, 'dead').metadata.name);
    const startedAt = world.time.now;
    const held = await world.time.settled(world.process('b').tryAcquire('x'));
    expect(held?.valid).toBe(true);
    expect(world.time.now - startedAt).toBeGreaterThanOrEqual(TTL);
  });

  it('removes a record without entries', async () => {
    const world = new World();
    world.store.create({
      metadata: { name: 'x', labels: { 'leasehold.dev/role': 'lock' } },
      spec: { holderIdentity: '' },
    });
    const held = await world.time.settled(world.process('b').tryAcquire('x'));
    expect(held?.valid).toBe(true);
  });

  it('stops when its signal aborts', async () => {
    const world = new World();
    await crashedHolder(world);
    world.store.removeByHand(sessionOf(world, 'dead').metadata.name);
    const stop = new AbortController();
    const b = world.process('b');
    const trying = rejection(b.tryAcquire('x', stop.signal));
    await world.time.advance(1_000);
    stop.abort();
    expect(await world.time.settled(trying, 100)).toMatchObject({ code: 'ABORTED' });
    await world.time.settled(b.close());
    expect(b.host.timers).toBe(0);
  });
});

describe('a session that is missing', () => {
  it('is dead only when a read has found it so', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    await world.time.settled(a.acquire('x'));
    const waiting = b.acquire('x');
    await world.time.advance(1_000);
    const { name } = sessionOf(world, 'a').metadata;
    const stop = world.inject((request) =>
      request.process === 'b' && request.verb === 'get' && request.name === name
        ? { kind: 'lose-request', after: 30 }
        : undefined,
    );
    // Its watch tells b; that could be the event of another Lease, too.
    world.store.removeByHand(name);
    a.crash();
    await world.time.advance(60_000);
    expect(world.queue('x')).toHaveLength(1);
    const asked = world.requests.filter(on('b', 'get', name)).length;
    expect(asked).toBeLessThan(60);
    stop();
    await world.time.settled(waiting, 20_000);
  });
});
