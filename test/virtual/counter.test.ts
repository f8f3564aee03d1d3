import { describe, expect, it } from 'vitest';
import { parseState } from '../../src/core/state.ts';
import type { Counter } from '../../src/counter/counter.ts';
import type { Fault } from '../sim/world/network.ts';
import type { VirtualProcess } from '../sim/world/process.ts';
import { must, on, rejection } from './world/helpers.ts';
import { World } from './world/world.ts';

const NAME = 'orders';
const orders = (process: VirtualProcess): Counter => process.shared.counter(NAME);

function stored(world: World): string | undefined {
  const lease = world.store.peek(NAME);
  return lease && parseState(lease).fields.get('value');
}

/** A counter that one process has used and another knows of. */
async function begun(world: World): Promise<[VirtualProcess, VirtualProcess]> {
  const [a, b] = [world.process('a'), world.process('b')];
  await world.time.settled(orders(a).add(1));
  await world.time.settled(orders(b).add(1));
  await world.time.settled(orders(a).add(1));
  return [a, b];
}

describe('a counter', () => {
  it('begins with 0, costs a GET, a CREATE and a PUT to begin and a PUT for each add after that', async () => {
    const world = new World();
    const a = world.process('a');
    const counter = orders(a);
    expect(await world.time.settled(counter.get())).toBe(0);
    expect(world.requestsOn(NAME)).toEqual(['a get']);
    const from = world.requests.length;
    expect(await world.time.settled(counter.add())).toBe(1);
    expect(world.requestsOn(NAME, from)).toEqual(['a create', 'a replace']);
    const then = world.requests.length;
    expect(await world.time.settled(counter.add(-4))).toBe(-3);
    expect(world.requestsOn(NAME, then)).toEqual(['a replace']);
    await world.time.settled(a.close());
    // No session, as nobody has to live for it.
    expect(world.store.names()).toEqual([NAME]);
  });

  it('costs a refused PUT and a GET more when another has written since, and outlives all', async () => {
    const world = new World();
    const [a, b] = await begun(world);
    const from = world.requests.length;
    expect(await world.time.settled(orders(b).add(5))).toBe(8);
    expect(world.requestsOn(NAME, from)).toEqual(['b replace', 'b get', 'b replace']);
    await world.time.settled(Promise.all([a.close(), b.close()]));
    expect(await world.time.settled(orders(world.process('c')).get())).toBe(8);
  });

  it('writes what is added while a write is on its way at once, and tells each its own sum', async () => {
    const world = new World();
    const [a] = await begun(world);
    const from = world.requests.length;
    const counter = orders(a);
    const first = counter.add(1);
    await world.time.advance(1);
    const sums = await world.time.settled(
      Promise.all([first, ...Array.from({ length: 100 }, () => orders(a).add(2))]),
    );
    expect(sums).toEqual([4, ...Array.from({ length: 100 }, (_, index) => 6 + 2 * index)]);
    expect(world.requestsOn(NAME, from)).toEqual(['a replace', 'a replace']);
  });

  it('is set only when it is what is expected', async () => {
    const world = new World();
    const [a, b] = await begun(world);
    expect(await world.time.settled(orders(b).compareAndSet(2, 9))).toBe(false);
    expect(await world.time.settled(orders(b).compareAndSet(3, 10))).toBe(true);
    const from = world.requests.length;
    // What this process knows is old: it looks before it says no.
    expect(await world.time.settled(orders(a).compareAndSet(10, 11))).toBe(true);
    expect(await world.time.settled(orders(a).compareAndSet(10, 12))).toBe(false);
    expect(world.requestsOn(NAME, from)).toEqual(['a get', 'a replace', 'a get']);
    expect(await world.time.settled(orders(a).compareAndSet(11, 11))).toBe(true);
    expect(stored(world)).toBe('11');
  });

  it('refuses what is no whole number before it sends anything, and what is too much', async () => {
    const world = new World();
    const a = world.process('a');
    for (const n of [0.5, Number.NaN, Infinity, 2 ** 53, '1' as unknown as number]) {
      expect(await rejection(orders(a).add(n))).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(await rejection(orders(a).compareAndSet(n, 1))).toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
    expect(await rejection(orders(a).add(1, { timeout: 'soon' }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect(() => a.shared.counter('')).toThrow(/name/);
    expect(world.requests).toEqual([]);
    const most = Number.MAX_SAFE_INTEGER;
    expect(await world.time.settled(orders(a).add(most))).toBe(most);
    const [refused, accepted] = [rejection(orders(a).add(1)), orders(a).add(-1)];
    expect(await world.time.settled(refused)).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await world.time.settled(accepted)).toBe(most - 1);
  });

  it('keeps what others have put on its Lease, and its name', async () => {
    const world = new World();
    const a = world.process('a');
    const counter = a.shared.counter('Orders of 2026');
    await world.time.settled(counter.add(1));
    const name = must(world.store.peek(world.store.names()[0] ?? '')).metadata.name;
    world.store.editByHand(name, { annotations: { team: 'blue' }, labels: { team: 'blue' } });
    expect(await world.time.settled(counter.add(1))).toBe(2);
    const { annotations, labels } = must(world.store.peek(name)).metadata;
    expect(annotations).toMatchObject({ team: 'blue', 'leasehold.dev/name': 'Orders of 2026' });
    expect(labels).toEqual({ team: 'blue', 'leasehold.dev/role': 'state' });
  });

  it('is corrected by hand', async () => {
    const world = new World();
    const [a] = await begun(world);
    const text = must(world.store.peek(NAME)).metadata.annotations?.['leasehold.dev/state'] ?? '';
    const corrected = text.replace('value=3', 'value=100');
    world.store.editByHand(NAME, { annotations: { 'leasehold.dev/state': corrected } });
    expect(await world.time.settled(orders(a).add(1))).toBe(101);
  });

  it('is not what another kind of Lease is, and not one that cannot be read', async () => {
    const world = new World();
    const a = world.process('a');
    const held = await world.time.settled(a.acquire('lock'));
    const foreign = { code: 'FOREIGN_LEASE' };
    expect(await world.time.settled(rejection(a.shared.counter('lock').add(1)))).toMatchObject(
      foreign,
    );
    expect(await world.time.settled(rejection(a.shared.counter('lock').get()))).toMatchObject(
      foreign,
    );
    await world.time.settled(held.release());
    await world.time.settled(orders(a).add(1));
    expect(await world.time.settled(rejection(a.lock(NAME).acquire()))).toMatchObject(foreign);
    const latch = a.shared.latch(NAME, { count: 2 });
    expect(await world.time.settled(rejection(latch.countDown()))).toMatchObject(foreign);
    for (const text of [
      '',
      'v=1 kind=counter value=x',
      'v=2 kind=counter value=1',
      'v=1 value=1',
    ]) {
      world.store.editByHand(NAME, { annotations: { 'leasehold.dev/state': text } });
      expect(await world.time.settled(rejection(orders(a).add(1)))).toMatchObject({
        code: 'UNREADABLE_RECORD',
      });
    }
  });
});

const FAULTS: Fault[] = [
  { kind: 'lose-answer', after: 30 },
  { kind: 'lose-answer' },
  { kind: 'lose-request', after: 30 },
  { kind: 'fail', status: 504, done: true },
  { kind: 'fail', status: 500, done: false },
  { kind: 'late', after: 30, lands: 31 },
  { kind: 'late', after: 30, lands: 60 },
  { kind: 'late', after: 30, lands: 3_000 },
  { kind: 'unsent' },
  { kind: 'refuse', status: 429, retryAfter: 1_000 },
  { kind: 'proxy', status: 404 },
];

describe('an answer that is lost', () => {
  for (const fault of FAULTS) {
    const what = JSON.stringify(fault);
    it(`of an add: counted once, with others in between or without: ${what}`, async () => {
      for (const others of [0, 1, 5]) {
        const world = new World();
        const [a, b] = await begun(world);
        world.injectOnce(on('a', 'replace', NAME), fault);
        const adding = orders(a).add(10);
        for (let turn = 0; turn < others; turn += 1) {
          await world.time.advance(15);
          await world.time.settled(orders(b).add(100));
        }
        const sum = await world.time.settled(adding, 15_000);
        expect(sum % 100).toBe(13);
        await world.time.advance(5_000);
        expect(stored(world)).toBe(String(13 + others * 100));
        expect(await world.time.settled(orders(a).add(1))).toBe(14 + others * 100);
      }
    });

    it(`of the CREATE: begins once: ${what}`, async () => {
      const world = new World();
      const [a, b] = [world.process('a'), world.process('b')];
      world.injectOnce(on('a', 'create', NAME), fault);
      const adding = Promise.all([orders(a).add(1), orders(b).add(1)]);
      await world.time.settled(adding, 15_000);
      await world.time.advance(5_000);
      expect(stored(world)).toBe('2');
    });
  }

  it('of a set: not said to have failed when it was done', async () => {
    const world = new World();
    const [a, b] = await begun(world);
    world.injectOnce(on('a', 'replace', NAME), { kind: 'lose-answer', after: 100 });
    const setting = orders(a).compareAndSet(3, 7);
    await world.time.advance(50);
    expect(await world.time.settled(orders(b).add(1))).toBe(8);
    expect(await world.time.settled(setting)).toBe(true);
  });

  it('of many writes in a row, of several processes', async () => {
    const world = new World();
    const processes = ['a', 'b', 'c', 'd'].map((name) => world.process(name));
    world.inject(({ verb, name }) => {
      if (name !== NAME || verb === 'watch' || world.random() > 0.5) return undefined;
      const after = world.random() * 50;
      return world.random() < 0.5
        ? { kind: 'lose-answer', after }
        : { kind: 'late', after, lands: world.random() * 2_000 };
    });
    const work = processes.flatMap((process) =>
      [1, 2, 3].map(async () => {
        for (let turn = 0; turn < 20; turn += 1) await orders(process).add(1);
      }),
    );
    await world.time.settled(Promise.all(work));
    await world.time.advance(5_000);
    expect(stored(world)).toBe('240');
  });

  it('and the counter deleted meanwhile: nobody can tell', async () => {
    const world = new World();
    const [a, b] = await begun(world);
    world.injectOnce(on('a', 'replace', NAME), { kind: 'lose-answer', after: 100 });
    const adding = rejection(orders(a).add(1));
    await world.time.advance(50);
    world.store.removeByHand(NAME);
    await world.time.settled(orders(b).add(1));
    expect(await world.time.settled(adding)).toMatchObject({ code: 'UNKNOWN_OUTCOME' });
    expect(stored(world)).toBe('1');
    expect(await world.time.settled(orders(a).add(1))).toBe(2);
  });

  it('and so many others in between that it is forgotten: nobody can tell', async () => {
    const world = new World();
    const [a] = await begun(world);
    world.injectOnce(on('a', 'replace', NAME), { kind: 'lose-answer', after: 5_000 });
    const adding = rejection(orders(a).add(1));
    await world.time.advance(50);
    for (let other = 0; other < 64; other += 1) {
      await world.time.settled(orders(world.process(`p${String(other)}`)).add(1));
    }
    expect(await world.time.settled(adding)).toMatchObject({ code: 'UNKNOWN_OUTCOME' });
    expect(stored(world)).toBe('68');
    const keys = Object.keys(must(world.store.peek(NAME)).metadata.annotations ?? {});
    expect(keys.filter((key) => key.startsWith('applied.'))).toHaveLength(64);
  });
});

describe('an add that is given up', () => {
  it('before it is sent adds nothing', async () => {
    const world = new World();
    const [a] = await begun(world);
    a.host.cut = true;
    const stuck = orders(a).add(1, { timeout: '1s' });
    const [waiting, aborting] = [orders(a).add(10, { timeout: '500ms' }), new AbortController()];
    const aborted = rejection(orders(a).add(100, { signal: aborting.signal }));
    await world.time.advance(100);
    aborting.abort(new Error('enough'));
    const unsent = rejection(orders(a).add(1_000, { timeout: 200 }));
    // They are in one batch, whose write is on its way.
    expect(await world.time.settled(aborted)).toMatchObject({ code: 'UNKNOWN_OUTCOME' });
    expect(await world.time.settled(unsent)).toMatchObject({ code: 'TIMEOUT' });
    expect(await world.time.settled(rejection(waiting))).toMatchObject({
      code: 'UNKNOWN_OUTCOME',
      cause: { code: 'TIMEOUT' },
    });
    expect(await world.time.settled(rejection(stuck))).toMatchObject({ code: 'UNKNOWN_OUTCOME' });
    a.host.cut = false;
    await world.time.advance(30_000);
    expect(stored(world)).toBe('3');
    expect(await world.time.settled(orders(a).add(1))).toBe(4);
  });

  it('while all writes are refused adds nothing', async () => {
    const world = new World();
    const [a] = await begun(world);
    const stop = world.inject((request) =>
      on('a', 'replace', NAME)(request) ? { kind: 'refuse', status: 429 } : undefined,
    );
    const refused = rejection(orders(a).add(1, { timeout: 3_000 }));
    expect(await world.time.settled(refused)).toMatchObject({ code: 'TIMEOUT' });
    stop();
    await world.time.advance(10_000);
    expect(stored(world)).toBe('3');
    expect(a.eventsOf('api-trouble')).toHaveLength(1);
  });

  it('by an abort that came before, sends nothing', async () => {
    const world = new World();
    const a = world.process('a');
    const options = { signal: AbortSignal.abort() };
    for (const call of [
      () => orders(a).add(1, options),
      () => orders(a).get(options),
      () => orders(a).compareAndSet(1, 2, options),
    ]) {
      expect(await rejection(call())).toMatchObject({ code: 'ABORTED' });
    }
    expect(world.requests).toEqual([]);
  });

  it('by closing, with a write on its way and others that wait, leaves no timer', async () => {
    const world = new World();
    const [a] = await begun(world);
    world.injectOnce(on('a', 'replace', NAME), { kind: 'slow', there: 50, back: 50 });
    const first = orders(a).add(1);
    await world.time.advance(10);
    const second = rejection(orders(a).add(1, { timeout: '1m' }));
    const getting = rejection(orders(a).get({ timeout: '1m' }));
    await world.time.settled(a.close());
    expect(await first).toBe(4);
    expect(await second).toMatchObject({ code: 'CLOSED' });
    expect(await getting).toMatchObject({ code: 'CLOSED' });
    expect(await rejection(orders(a).add(1))).toMatchObject({ code: 'CLOSED' });
    expect(await rejection(orders(a).get())).toMatchObject({ code: 'CLOSED' });
    expect(a.host.timers).toBe(0);
    expect(stored(world)).toBe('4');
  });

  it('by closing, with an answer that is lost: may have been counted', async () => {
    const world = new World();
    const [a] = await begun(world);
    world.injectOnce(on('a', 'replace', NAME), { kind: 'lose-answer', after: 50 });
    const adding = rejection(orders(a).add(1));
    await world.time.advance(10);
    await world.time.settled(a.close());
    expect(await adding).toMatchObject({ code: 'UNKNOWN_OUTCOME' });
  });

  it('by a refusal for good, says so', async () => {
    const world = new World();
    const [a] = await begun(world);
    world.injectOnce(on('a', 'replace', NAME), {
      kind: 'refuse',
      status: 403,
      reason: 'Forbidden',
    });
    expect(await world.time.settled(rejection(orders(a).add(1)))).toMatchObject({
      code: 'FORBIDDEN',
    });
    world.inject((request) =>
      on('a', 'replace', NAME)(request) ? { kind: 'lose-answer', after: 10 } : undefined,
    );
    world.inject((request) =>
      on('a', 'get', NAME)(request)
        ? { kind: 'refuse', status: 403, reason: 'Forbidden' }
        : undefined,
    );
    expect(await world.time.settled(rejection(orders(a).add(1)))).toMatchObject({
      code: 'UNKNOWN_OUTCOME',
      cause: { code: 'FORBIDDEN' },
    });
  });
});
