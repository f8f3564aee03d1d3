import { describe, expect, it } from 'vitest';
import { NAME_ANNOTATION, PERMITS_ANNOTATION } from '../../src/core/lease.ts';
import { QUEUE_PREFIX } from '../../src/core/record.ts';
import type { Held } from '../../src/lock/held.ts';
import type { Workshop } from '../../src/repair/compare-and-swap.ts';
import { findSemaphore, resize } from '../../src/repair/resize.ts';
import type { Resized, ShownSemaphore } from '../../src/repair/resize.ts';
import { revoke } from '../../src/repair/revoke.ts';
import type { VirtualProcess } from '../sim/world/process.ts';
import { guardSays, on, rejection } from './world/helpers.ts';
import { peek, present, tools } from './world/tools.ts';
import { World } from './world/world.ts';

async function shown(world: World, workshop: Workshop, stated?: number): Promise<ShownSemaphore> {
  const found = await world.time.settled(findSemaphore(workshop, 'gpu', stated));
  if (!found) throw new Error('there is none');
  return found;
}

async function resized(world: World, workshop: Workshop, permits: number, stated?: number) {
  const semaphore = await shown(world, workshop, stated);
  return world.time.settled(resize(workshop, semaphore, permits));
}

function acquire(world: World, process: VirtualProcess, permits = 1, of = 2): Promise<Held> {
  return world.time.settled(process.locks.semaphore('gpu', of).acquire({ permits }));
}

/** Waits, and tells whether it still does. */
function waiter(process: VirtualProcess, permits = 1, of = 2) {
  const waiting = process.locks.semaphore('gpu', of).acquire({ permits });
  const state = { waiting, waits: true };
  void waiting.then(() => (state.waits = false));
  return state;
}

function annotation(world: World): string | undefined {
  return peek(world, 'gpu').metadata.annotations?.[PERMITS_ANNOTATION];
}

describe('a semaphore that is resized', () => {
  it('lets waiters in when it grows, by one write of the record', async () => {
    const world = new World();
    await acquire(world, world.process('a'), 2);
    const waiters = [];
    for (const name of ['b', 'c', 'd']) {
      waiters.push(waiter(world.process(name)));
      await world.time.advance(5_000);
    }
    const before = world.requests.length;
    const { workshop } = tools(world);
    const semaphore = await shown(world, workshop);
    expect(semaphore).toMatchObject({ stated: 2, limit: 2 });
    const spec = structuredClone(peek(world, 'gpu').spec);
    const result = await world.time.settled(resize(workshop, semaphore, 4));
    expect(result).toMatchObject({
      kind: 'resized',
      created: false,
      deleted: false,
      confirmed: true,
      lease: { spec },
    } satisfies Partial<Record<keyof Extract<Resized, { kind: 'resized' }>, unknown>>);
    expect(world.requestsOn('gpu', before).filter((sent) => sent.startsWith('op'))).toEqual([
      'op get',
      'op replace',
    ]);
    await world.time.advance(50);
    expect(waiters.map(({ waits }) => waits)).toEqual([false, false, true]);
    expect(annotation(world)).toBe('limit=4 stated=2');
    expect(await shown(world, workshop)).toMatchObject({ stated: 2, limit: 4 });
  });

  it('takes nothing from those who hold when it shrinks, and lets nobody in until there is room', async () => {
    const world = new World();
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    const held = [await acquire(world, a), await acquire(world, b)];
    const next = waiter(c);
    const { workshop } = tools(world);
    await resized(world, workshop, 1);
    await world.time.advance(5_000);
    expect(held.map(({ valid }) => valid)).toEqual([true, true]);
    await world.time.settled(held[0]?.release() ?? Promise.resolve());
    await world.time.advance(5_000);
    expect(next.waits).toBe(true);
    await world.time.settled(held[1]?.release() ?? Promise.resolve());
    await world.time.settled(next.waiting, 50);
  });

  it('lets nobody in with no permits, and stays while nobody is in it', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await acquire(world, a);
    const { workshop } = tools(world);
    await resized(world, workshop, 0);
    const tried = b.locks.semaphore('gpu', 2).tryAcquire();
    expect(await world.time.settled(tried)).toBeUndefined();
    await world.time.settled(held.release());
    await world.time.settled(a.close());
    expect(peek(world, 'gpu').spec?.holderIdentity).toBe('');
    expect(annotation(world)).toBe('limit=0 stated=2');
    const next = waiter(b);
    await world.time.advance(30_000);
    expect(next.waits).toBe(true);
    // What the record says is what is stated while nobody is in it.
    expect(await shown(world, workshop)).toMatchObject({ stated: 2, limit: 0 });
    await resized(world, workshop, 1);
    await world.time.settled(next.waiting, 50);
  });

  it('is as its programs state again: the annotation goes, and the Lease if nobody is in it', async () => {
    const world = new World();
    const a = world.process('a');
    const held = await acquire(world, a);
    const { workshop } = tools(world);
    await resized(world, workshop, 5);
    expect(await resized(world, workshop, 2)).toMatchObject({ kind: 'resized', deleted: false });
    expect(annotation(world)).toBeUndefined();
    await resized(world, workshop, 5);
    await world.time.settled(held.release());
    expect(await resized(world, workshop, 2)).toMatchObject({ kind: 'resized', deleted: true });
    expect(world.store.peek('gpu')).toBeUndefined();
    await acquire(world, a, 2);
  });

  it('can be resized before anybody is in it', async () => {
    const world = new World();
    const { workshop } = tools(world);
    expect(await world.time.settled(findSemaphore(workshop, 'Gpu / EU'))).toBeUndefined();
    const found = await world.time.settled(findSemaphore(workshop, 'Gpu / EU', 2));
    if (!found) throw new Error('it is stated');
    expect(await world.time.settled(resize(workshop, found, 2))).toEqual({ kind: 'already' });
    const created = await world.time.settled(resize(workshop, found, 3));
    expect(created).toMatchObject({ kind: 'resized', created: true, confirmed: true });
    const { metadata } = peek(world, found.name.lease);
    expect(metadata).toMatchObject({
      labels: { 'leasehold.dev/role': 'lock' },
      annotations: { [NAME_ANNOTATION]: 'Gpu / EU', [PERMITS_ANNOTATION]: 'limit=3 stated=2' },
    });
    const processes = ['a', 'b', 'c'].map((name) => world.process(name));
    for (const process of processes) {
      await world.time.settled(process.locks.semaphore('Gpu / EU', 2).acquire());
    }
    expect(world.holders(found.name.lease)).toHaveLength(3);
  });

  it('changes nothing where the number is that already, and nothing that others changed meanwhile', async () => {
    const world = new World();
    await acquire(world, world.process('a'));
    const { workshop } = tools(world);
    const [mine, theirs] = [await shown(world, workshop), await shown(world, workshop)];
    const before = world.requests.length;
    expect(await world.time.settled(resize(workshop, mine, 2))).toEqual({ kind: 'already' });
    expect(world.requestsOn('gpu', before)).toEqual([]);
    await world.time.settled(resize(workshop, theirs, 7));
    expect(await world.time.settled(resize(workshop, mine, 5))).toEqual({
      kind: 'changed',
      resized: { limit: 7, stated: 2 },
    });
    expect(await world.time.settled(resize(workshop, mine, 7))).toEqual({ kind: 'already' });
    expect(annotation(world)).toBe('limit=7 stated=2');
  });

  it('goes on when others come and go, even if the Lease goes with them', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    const held = await acquire(world, a);
    const { workshop } = tools(world);
    const semaphore = await shown(world, workshop);
    await acquire(world, b);
    world.store.editByHand('gpu', { labels: { team: 'billing' } });
    await world.time.settled(resize(workshop, semaphore, 3));
    expect(peek(world, 'gpu').metadata.labels).toMatchObject({ team: 'billing' });
    expect(world.holders('gpu')).toHaveLength(2);
    await resized(world, workshop, 2);
    const again = await shown(world, workshop);
    await world.time.settled(held.release());
    await world.time.settled(b.close());
    expect(world.store.peek('gpu')).toBeUndefined();
    expect(await world.time.settled(resize(workshop, again, 3))).toMatchObject({ created: true });
    expect(annotation(world)).toBe('limit=3 stated=2');
  });

  for (const verb of ['replace', 'remove', 'create'] as const) {
    it(`knows its own ${verb} again whose answer was lost`, async () => {
      const world = new World();
      const { workshop } = tools(world);
      if (verb === 'replace') await acquire(world, world.process('a'));
      if (verb === 'remove') await resized(world, workshop, 3, 2);
      world.injectOnce(on('op', verb, 'gpu'), { kind: 'lose-answer', after: 50 });
      const result = await resized(world, workshop, verb === 'remove' ? 2 : 4, 2);
      expect(result).toMatchObject({
        kind: 'resized',
        created: verb === 'create',
        deleted: verb === 'remove',
        confirmed: false,
      });
    });
  }

  it('is told what the guard says', async () => {
    const world = new World();
    await acquire(world, world.process('a'));
    const { workshop } = tools(world);
    const semaphore = await shown(world, workshop);
    world.inject((request) =>
      on('op', 'replace', 'gpu')(request) ? guardSays('queue') : undefined,
    );
    const error = await world.time.settled(rejection(resize(workshop, semaphore, 3)), 100);
    expect(error).toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('what the programs of a semaphore state', () => {
  it('is what the living state, where they disagree', async () => {
    const world = new World();
    const [a, b] = [world.process('a'), world.process('b')];
    await acquire(world, a, 2);
    void rejection(waiter(b).waiting);
    await world.time.advance(3_000);
    const entries = Object.entries(peek(world, 'gpu').metadata.annotations ?? {});
    const [key = '', text = ''] = entries.find(([name]) => name.startsWith(QUEUE_PREFIX)) ?? [];
    world.store.editByHand('gpu', { annotations: { [key]: text.replace('of=2', 'of=3') } });
    const { workshop } = tools(world);
    const error = await world.time.settled(rejection(findSemaphore(workshop, 'gpu')));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect((error as Error).message).toMatch(/state different numbers .* 2 \(a-.*\) and 3 \(b-/);
    expect(await shown(world, workshop, 3)).toMatchObject({ stated: 3, limit: 3 });
    b.crash();
    await world.time.settled(revoke(workshop, await present(world, workshop, 'b'), true));
    expect(await shown(world, workshop)).toMatchObject({ stated: 2 });
  });

  it('overrides a number that was changed for programs of before', async () => {
    const world = new World();
    const { workshop } = tools(world);
    await resized(world, workshop, 9, 3);
    await acquire(world, world.process('a'), 2);
    expect(await shown(world, workshop)).toMatchObject({ stated: 2, limit: 2 });
    expect(await resized(world, workshop, 2)).toEqual({ kind: 'already' });
    await resized(world, workshop, 4);
    expect(annotation(world)).toBe('limit=4 stated=2');
  });

  it('is refused out of range, and of what is no semaphore', async () => {
    const world = new World();
    const { workshop } = tools(world);
    const find = (stated?: number) =>
      world.time.settled(rejection(findSemaphore(workshop, 'gpu', stated)));
    for (const stated of [0, 1.5, 1_000_001]) {
      expect(await find(stated)).toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    const semaphore = await shown(world, workshop, 2);
    for (const permits of [-1, 1.5, 1_000_001, Number.NaN]) {
      const error = await rejection(resize(workshop, semaphore, permits));
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    const held = await world.time.settled(world.process('a').lock('gpu').acquire());
    const error = await find(2);
    expect(error).toMatchObject({ code: 'FOREIGN_LEASE' });
    expect((error as Error).message).toMatch(/no semaphore: .* in mode exclusive/);
    await world.time.settled(held.release());
    world.store.create({ metadata: { name: 'gpu' }, spec: { holderIdentity: 'me' } });
    expect(await find(2)).toMatchObject({ code: 'FOREIGN_LEASE' });
  });
});
