import { describe, expect, it } from 'vitest';
import type { Fault } from '../sim/world/network.ts';
import { on, rejection, sessionOf, sessionsIn } from './world/helpers.ts';
import { World } from './world/world.ts';

const LOST_ANSWERS: Fault[] = [
  { kind: 'lose-answer', after: 30 },
  { kind: 'lose-answer' },
  { kind: 'lose-request', after: 30 },
  { kind: 'late', after: 30, lands: 60 },
  { kind: 'late', after: 30, lands: 3_000 },
  { kind: 'unsent' },
];

describe('an answer that is lost', () => {
  for (const fault of LOST_ANSWERS) {
    const what = JSON.stringify(fault);
    it(`of the CREATE of a session: ${what}`, async () => {
      const world = new World();
      const a = world.process('a');
      world.injectOnce(on('a', 'create'), fault);
      const held = await world.time.settled(a.acquire('x'), 11_000);
      expect(held.valid).toBe(true);
      await world.time.settled(a.close());
      await world.time.advance(5_000);
      // A CREATE that lands after the end leaves a session that nobody names nor renews.
      const landsTooLate = fault.kind === 'late' && fault.lands > 1_000;
      expect(world.store.names()).toHaveLength(landsTooLate ? 1 : 0);
    });

    it(`of the CREATE of a lock: ${what}`, async () => {
      const world = new World();
      const [a, b] = [world.process('a'), world.process('b')];
      world.injectOnce(on('a', 'create', 'x'), fault);
      const held = await world.time.settled(a.acquire('x'), 11_000);
      const waiting = b.acquire('x');
      await world.time.advance(5_000);
      expect(held.valid).toBe(true);
      expect(world.holders('x')).toHaveLength(1);
      await world.time.settled(held.release());
      const next = await world.time.settled(waiting, 1_000);
      await world.time.settled(next.release());
      expect(world.store.peek('x')).toBeUndefined();
    });

    it(`of the join: ${what}`, async () => {
      const world = new World();
      const [a, b] = [world.process('a'), world.process('b')];
      const held = await world.time.settled(a.acquire('x'));
      world.injectOnce(on('b', 'patch', 'x'), fault);
      const waiting = b.acquire('x');
      await world.time.advance(15_000);
      expect(world.queue('x')).toHaveLength(1);
      await world.time.settled(held.release());
      const next = await world.time.settled(waiting, 1_000);
      await world.time.settled(next.release());
      expect(world.store.peek('x')).toBeUndefined();
    });

    it(`of the release, with and without a waiter: ${what}`, async () => {
      const world = new World();
      const [a, b] = [world.process('a'), world.process('b')];
      const held = await world.time.settled(a.acquire('x'));
      const waiting = b.acquire('x');
      await world.time.advance(2_000);
      world.injectOnce(on('a', 'replace', 'x'), fault);
      const releasing = held.release();
      expect(held.valid).toBe(false);
      const next = await world.time.settled(waiting, 15_000);
      await world.time.settled(releasing, 15_000);
      world.injectOnce(on('b', 'remove', 'x'), fault);
      await world.time.settled(next.release(), 15_000);
      expect(world.store.peek('x')).toBeUndefined();
      await world.time.settled(Promise.all([a.close(), b.close()]));
      expect(world.store.names()).toEqual([]);
    });

    it(`of a renewal: ${what}`, async () => {
      const world = new World();
      const a = world.process('a');
      const held = await world.time.settled(a.acquire('x'));
      world.injectOnce(on('a', 'replace'), fault);
      await world.time.advance(60_000);
      expect(held.valid).toBe(true);
      expect(a.eventsOf('session-lost')).toEqual([]);
    });
  }
});

describe('a CREATE that lands after its attempt was given up', () => {
  it('is disowned in public, and dropped by the others', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    world.injectOnce(on('a', 'create', 'x'), { kind: 'late', after: 20, lands: 10_000 });
    world.inject(on0('a', 'create', 'x'));
    const waiting = rejection(a.acquire('x', { timeout: '500ms' }));
    expect(await world.time.settled(waiting)).toMatchObject({ code: 'TIMEOUT' });
    await world.time.advance(1_000);
    const voided = a.eventsOf('void').map(({ attempt }) => attempt);
    expect(voided).toHaveLength(1);
    const { annotations } = sessionOf(world, 'a').metadata;
    expect(annotations?.['leasehold.dev/void']).toBe(voided[0]);

    await world.time.advance(10_000);
    expect(world.holders('x')).toEqual(voided);
    const held = await world.time.settled(b.acquire('x'), 5_000);
    await world.time.settled(held.release());
    expect(world.store.peek('x')).toBeUndefined();
    await world.time.settled(Promise.all([a.close(), b.close()]));
    // A session with a void attempt is blanked rather than deleted.
    expect(sessionsIn(world)).toHaveLength(1);
    expect(sessionOf(world, 'a').spec?.holderIdentity).toBe('');
  });

  it('does not stand in the way of its own process either', async () => {
    for (const way of ['acquire', 'tryAcquire'] as const) {
      const world = new World();
      const a = world.process('a');
      world.injectOnce(on('a', 'create', 'x'), { kind: 'late', after: 20, lands: 5_000 });
      const stop = world.inject(on0('a', 'create', 'x'));
      await world.time.settled(rejection(a.acquire('x', { timeout: '500ms' })));
      stop();
      await world.time.advance(6_000);
      expect(world.holders('x')).toHaveLength(1);
      const held = await world.time.settled(a[way]('x'), 5_000);
      expect(held?.valid).toBe(true);
      await world.time.settled(held?.release() ?? Promise.resolve());
      expect(world.store.peek('x')).toBeUndefined();
    }
  });

  it('of a try that was given up is void too', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await world.time.settled(b.acquire('x'));
    world.injectOnce(on('a', 'create', 'x'), { kind: 'late', after: 20, lands: 3_000 });
    expect(await world.time.settled(a.tryAcquire('x'))).toBeUndefined();
    await world.time.settled(held.release());
    await world.time.advance(3_000);
    expect(world.holders('x')).toHaveLength(1);
    const next = await world.time.settled(b.acquire('x'), 5_000);
    expect(next.valid).toBe(true);
  });
});

describe('a session with too many void attempts', () => {
  it('takes no new ones, and ends with its last lock', async () => {
    const world = new World();
    const a = world.process('a');
    const kept = await world.time.settled(a.acquire('kept'));
    const stop = world.inject(({ verb, name }) =>
      verb === 'create' && name === 'x' ? { kind: 'lose-request', after: 1 } : undefined,
    );
    for (let turn = 0; turn < 256; turn += 1) {
      await world.time.settled(
        a
          .lock('x')
          .tryAcquire()
          .catch(() => undefined),
      );
    }
    stop();
    const held = await world.time.settled(a.acquire('x'), 5_000);
    await world.time.advance(20_000);
    expect(sessionsIn(world)).toHaveLength(2);
    expect([kept.valid, held.valid]).toEqual([true, true]);
    await world.time.settled(kept.release());
    await world.time.advance(1_000);
    const blank = sessionsIn(world).filter((name) => !world.store.peek(name)?.spec?.holderIdentity);
    expect(blank).toHaveLength(1);
    await world.time.advance(16_000);
    expect(a.eventsOf('session-ended')).toHaveLength(1);
    expect(sessionsIn(world)).toHaveLength(1);
    expect(held.valid).toBe(true);
  });
});

/** Later CREATEs of the lock do not get through. */
function on0(process: string, verb: 'create', name: string) {
  const matches = on(process, verb, name);
  return (request: Parameters<typeof matches>[0]): Fault | undefined =>
    matches(request) ? { kind: 'unsent' } : undefined;
}
