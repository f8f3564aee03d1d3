import { describe, expect, it } from 'vitest';
import type { OwnedShard } from '../../src/shards/tending.ts';
import type { VirtualProcess } from '../sim/world/process.ts';
import { on, rejection, sleep } from './world/helpers.ts';
import { World } from './world/world.ts';

const TTL = 15_000;

/** Who works on which shard, as the works themselves say. */
class Floor {
  readonly world: World;
  readonly count: number;
  /** By shard: the processes that work on it now. */
  readonly working = new Map<number, Set<string>>();
  /** By shard: since when nobody works on it, and the longest that this ever was. */
  readonly #idleSince = new Map<number, number>();
  longestIdle = 0;
  starts = 0;
  readonly reasons: unknown[] = [];
  readonly #stops = new Map<VirtualProcess, AbortController>();
  readonly runs = new Map<VirtualProcess, Promise<void>>();

  constructor(world: World, count: number) {
    this.world = world;
    this.count = count;
  }

  /** A process that runs shards, whose works take so long to stop. */
  enter(name: string, stopsAfter = 20): VirtualProcess {
    const process = this.world.process(name);
    const stop = new AbortController();
    this.#stops.set(process, stop);
    const shards = process.shards.shards('orders', { count: this.count });
    const run = shards.run((owned) => this.#work(process, owned, stopsAfter), {
      signal: stop.signal,
    });
    run.catch((error: unknown) => this.world.fail(error));
    this.runs.set(process, run);
    return process;
  }

  /** Its run is told to end. */
  leave(process: VirtualProcess): Promise<void> {
    this.#stops.get(process)?.abort();
    return this.runs.get(process) ?? Promise.resolve();
  }

  /** How many shards each works on. */
  loads(): Record<string, number> {
    const loads: Record<string, number> = {};
    for (const names of this.working.values()) {
      for (const name of names) loads[name] = (loads[name] ?? 0) + 1;
    }
    return loads;
  }

  owners(): (string | undefined)[] {
    return Array.from(
      { length: this.count },
      (_, shard) => [...(this.working.get(shard) ?? [])][0],
    );
  }

  get isComplete(): boolean {
    return this.owners().every((owner) => owner !== undefined);
  }

  async #work(process: VirtualProcess, owned: OwnedShard, stopsAfter: number): Promise<void> {
    const { shard, signal } = owned;
    const workers = this.working.get(shard) ?? new Set();
    this.working.set(shard, workers);
    const others = [...workers].filter((name) => name !== process.name);
    if (others.length > 0 || workers.has(process.name)) {
      this.world.fail(new Error(`shard ${String(shard)}: ${process.name} beside ${others.join()}`));
    }
    const idleSince = this.#idleSince.get(shard);
    if (idleSince !== undefined) {
      this.longestIdle = Math.max(this.longestIdle, this.world.time.now - idleSince);
    }
    workers.add(process.name);
    this.starts += 1;
    if (!signal.aborted) {
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    this.reasons.push(signal.reason);
    if (owned.valid) await sleep(this.world, stopsAfter);
    this.died(process, shard);
  }

  /** For one that crashed, whose works do not tell. */
  died(process: VirtualProcess, shard?: number): void {
    for (const [at, workers] of this.working) {
      if ((shard ?? at) !== at || !workers.delete(process.name)) continue;
      this.#idleSince.set(at, this.world.time.now);
    }
  }
}

async function started(world: World, floor: Floor, names: readonly string[]) {
  const processes = names.map((name) => floor.enter(name));
  await world.time.advance(5_000 + floor.count * 20);
  expect(floor.isComplete).toBe(true);
  return processes;
}

describe('shards', () => {
  it('are all owned by the only member, and each begins once', async () => {
    const world = new World();
    const floor = new Floor(world, 10);
    const [a] = await started(world, floor, ['a']);
    expect(floor.loads()).toEqual({ a: 10 });
    expect(floor.starts).toBe(10);
    if (a) await world.time.settled(floor.leave(a), 5_000);
    expect(floor.loads()).toEqual({});
    if (a) await world.time.settled(a.close());
    expect(world.store.names()).toEqual([]);
  });

  it('are spread among those who start together, few of them moved on the way', async () => {
    const world = new World();
    const floor = new Floor(world, 60);
    await started(world, floor, ['a', 'b', 'c']);
    for (const load of Object.values(floor.loads())) expect(load).toBeLessThanOrEqual(24);
    expect(Object.keys(floor.loads())).toHaveLength(3);
    expect(floor.starts).toBe(60);
  });

  it('go to who joins by a handover each: no other moves, and none is idle for long', async () => {
    const world = new World();
    const floor = new Floor(world, 60);
    await started(world, floor, ['a', 'b', 'c']);
    const before = floor.owners();
    floor.starts = 0;
    floor.enter('d');
    await world.time.advance(10_000);
    expect(floor.isComplete).toBe(true);
    const moved = floor.owners().filter((owner, shard) => owner !== before[shard]);
    expect(new Set(moved)).toEqual(new Set(['d']));
    expect(moved.length).toBeGreaterThan(8);
    expect(floor.starts).toBe(moved.length);
    // What its work took to stop, and a handoff.
    expect(floor.longestIdle).toBeLessThan(50);
    expect(floor.reasons).toHaveLength(moved.length);
    expect(floor.reasons[0]).toMatchObject({ code: 'ABORTED' });
    expect(String(floor.reasons[0])).toContain('goes to another member');
  });

  it('of one that leaves go to the others by a handover each', async () => {
    const world = new World();
    const floor = new Floor(world, 60);
    const [a] = await started(world, floor, ['a', 'b', 'c']);
    const before = floor.owners();
    floor.starts = 0;
    if (a) await world.time.settled(floor.leave(a), 9_000);
    await world.time.advance(2_000);
    expect(floor.isComplete).toBe(true);
    const stayed = before.filter(
      (owner, shard) => owner !== 'a' && owner === floor.owners()[shard],
    );
    expect(stayed).toHaveLength(before.filter((owner) => owner !== 'a').length);
    expect(floor.longestIdle).toBeLessThan(50);
  });

  it('are handed over in a rolling update, none of them idle for long', async () => {
    const world = new World();
    const floor = new Floor(world, 40);
    let members = await started(world, floor, ['a1', 'b1', 'c1']);
    floor.longestIdle = 0;
    for (const name of ['a2', 'b2', 'c2']) {
      members.push(floor.enter(name));
      await world.time.advance(4_000);
      const [old] = members;
      members = members.slice(1);
      if (old) await world.time.settled(old.close(), 10_000);
      await world.time.advance(2_000);
      expect(floor.isComplete).toBe(true);
    }
    expect(floor.longestIdle).toBeLessThan(60);
    expect(Object.keys(floor.loads()).sort()).toEqual(['a2', 'b2', 'c2']);
    for (const member of members) await world.time.settled(member.close(), 20_000);
    expect(world.store.names()).toEqual([]);
    for (const { host, requests } of members) {
      expect([host.timers, requests.watches.size]).toEqual([0, 0]);
    }
  });

  it('are a thousand on twenty members: evenly, each begun once, and few moved when one goes', async () => {
    const world = new World();
    const floor = new Floor(world, 1_000);
    const names = Array.from({ length: 20 }, (_, index) => `p${String(index)}`);
    const members = names.map((name) => floor.enter(name));
    await world.time.advance(8_000);
    expect(floor.isComplete).toBe(true);
    expect(floor.starts).toBe(1_000);
    expect(Math.max(...Object.values(floor.loads()))).toBeLessThanOrEqual(60);
    const writes = world.requests.filter(({ verb }) => !['get', 'watch'].includes(verb));
    // One for each shard, a few for each member, and their heartbeats.
    expect(writes.length).toBeLessThan(1_200);

    const before = floor.owners();
    const [leaver] = members;
    floor.starts = 0;
    if (leaver) await world.time.settled(leaver.close(), 10_000);
    await world.time.advance(2_000);
    expect(floor.isComplete).toBe(true);
    const its = before.filter((owner) => owner === 'p0').length;
    expect(floor.starts).toBeLessThanOrEqual(its + 5);
    expect(floor.longestIdle).toBeLessThan(50);
  });

  it('are given up at once by all who leave at the same time', async () => {
    const world = new World();
    const floor = new Floor(world, 30);
    const all = await started(world, floor, ['a', 'b', 'c']);
    await world.time.settled(Promise.all(all.map((one) => one.close())), 1_000);
    expect(world.store.names()).toEqual([]);
  });

  it('of one that crashed are taken over after its ttl, and no others move', async () => {
    const world = new World();
    const floor = new Floor(world, 30);
    const [a] = await started(world, floor, ['a', 'b', 'c']);
    const before = floor.owners();
    a?.crash();
    if (a) floor.died(a);
    await world.time.advance(TTL + 4_000);
    expect(floor.isComplete).toBe(true);
    for (const [shard, owner] of before.entries()) {
      if (owner !== 'a') expect(floor.owners()[shard]).toBe(owner);
    }
  });

  it('of one that is paused past its ttl are taken over, and it comes back as a new member', async () => {
    const world = new World();
    const floor = new Floor(world, 30);
    const [a] = await started(world, floor, ['a', 'b', 'c']);
    a?.host.pause();
    if (a) floor.died(a);
    await world.time.advance(2 * TTL);
    expect(floor.isComplete).toBe(true);
    expect(floor.loads().a).toBeUndefined();
    a?.host.resume();
    await world.time.advance(10_000);
    expect(floor.isComplete).toBe(true);
    expect(floor.loads().a).toBeGreaterThan(4);
    expect(floor.reasons).toContainEqual(expect.objectContaining({ code: 'LOST' }));
  });

  it('go on while the answers of a member are lost for a while', async () => {
    const world = new World();
    const floor = new Floor(world, 20);
    await started(world, floor, ['a', 'b']);
    const heal = world.inject(({ process, verb }) =>
      process === 'a' && verb !== 'watch' && world.random() < 0.5
        ? { kind: 'lose-answer' }
        : undefined,
    );
    floor.enter('c');
    await world.time.advance(60_000);
    heal();
    await world.time.advance(60_000);
    expect(floor.isComplete).toBe(true);
    expect(Object.keys(floor.loads()).sort()).toEqual(['a', 'b', 'c']);
  });

  it('goes on in its owner if whoever joined is gone again before it has come for it', async () => {
    const world = new World();
    const floor = new Floor(world, 20);
    await started(world, floor, ['a']);
    const b = floor.enter('b');
    // A member, and still resting.
    await world.time.advance(600);
    await world.time.settled(floor.leave(b), 5_000);
    await world.time.advance(12_000);
    expect(floor.loads()).toEqual({ a: 20 });
    expect(floor.starts).toBe(20);
  });

  it('is given up after a while although its next owner does not come for it', async () => {
    const world = new World();
    const floor = new Floor(world, 8);
    await started(world, floor, ['a']);
    const b = world.process('b');
    // Joins as one that runs them, and never does.
    await world.time.settled(b.groups.group('orders.members').join({ metadata: { shards: 8 } }));
    await world.time.advance(8_000);
    expect(floor.loads().a).toBe(8);
    await world.time.advance(4_000);
    expect(floor.loads().a).toBeLessThan(8);
  });

  it('works again after it has failed, later each time, and its run goes on', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const calls: number[] = [];
    const running = a.shards.shards('orders', { count: 2 }).run(({ shard, signal }) => {
      if (shard === 1) return sleepUntil(signal);
      calls.push(time.now);
      throw new Error('no such table');
    });
    void running;
    await time.advance(30_000);
    expect(calls.length).toBeGreaterThan(3);
    expect(calls.length).toBeLessThan(8);
    const [failure] = a.eventsOf('shard-failed');
    expect(failure).toMatchObject({ shards: 'orders', shard: 0, error: 'no such table' });
    await time.settled(a.close());
    await time.settled(running);
  });

  it('is done when its work returns, and stays its owner’s', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    let calls = 0;
    const run = (process: VirtualProcess): Promise<void> =>
      process.shards.shards('orders', { count: 4 }).run(() => void (calls += 1));
    void run(a);
    void run(b);
    await time.advance(60_000);
    expect(calls).toBe(4);
    expect(world.holders('orders.shard-0')).toHaveLength(1);
    await time.settled(Promise.all([a.close(), b.close()]), 20_000);
    expect(world.store.names()).toEqual([]);
  });

  it('that was taken by hand is begun again by its owner', async () => {
    const world = new World();
    const floor = new Floor(world, 3);
    await started(world, floor, ['a']);
    world.store.removeByHand('orders.shard-1');
    await world.time.advance(3_000);
    expect(floor.loads()).toEqual({ a: 3 });
    expect(floor.starts).toBe(4);
    world.store.removeByHand('orders.members');
    await world.time.advance(5_000);
    expect(floor.loads()).toEqual({ a: 3 });
    expect(floor.starts).toBe(4);
  });

  it('wait for those who count them in another way', async () => {
    const world = new World();
    const floor = new Floor(world, 6);
    const [a] = await started(world, floor, ['a']);
    const b = world.process('b');
    const begun: number[] = [];
    void b.shards.shards('orders', { count: 12 }).run(({ shard, signal }) => {
      begun.push(shard);
      return sleepUntil(signal);
    });
    await world.time.advance(30_000);
    expect(begun).toEqual([]);
    expect(floor.loads()).toEqual({ a: 6 });
    if (a) await world.time.settled(floor.leave(a), 20_000);
    await world.time.advance(5_000);
    expect(begun.sort((x, y) => x - y)).toEqual(Array.from({ length: 12 }, (_, shard) => shard));
  });

  it('are ended by a close inside of their work', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const running = a.shards.shards('orders', { count: 2 }).run(async ({ shard, signal }) => {
      if (shard === 0) await a.close();
      await sleepUntil(signal);
    });
    await time.settled(running, 60_000);
    await time.advance(1_000);
    expect(world.store.names()).toEqual([]);
  });

  it('cost two writes each and nothing while they are owned, and are begun a hundred in a second', async () => {
    const world = new World();
    const floor = new Floor(world, 300);
    const a = floor.enter('a');
    await world.time.advance(2_500);
    expect(floor.loads().a).toBeLessThan(200);
    await world.time.advance(5_000);
    expect(floor.isComplete).toBe(true);
    const before = world.requests.length;
    await world.time.advance(60_000);
    const idle = world.requests.slice(before).filter(({ name }) => !name.startsWith('a-'));
    // A look at the group a minute.
    expect(idle.map(({ verb, name }) => `${verb} ${name}`)).toEqual(['get orders.members']);
    await world.time.settled(floor.leave(a), 20_000);
    for (const shard of [0, 150, 299]) {
      const name = `orders.shard-${String(shard)}`;
      expect(world.requestsOn(name).filter((request) => request !== 'a watch')).toEqual([
        'a create',
        'a remove',
      ]);
    }
  });

  it('refuses a second run, another count, and a count that is none', async () => {
    const world = new World();
    const { time } = world;
    const a = world.process('a');
    const shards = a.shards.shards('orders', { count: 2 });
    const running = shards.run(() => undefined);
    expect(await rejection(shards.run(() => undefined))).toMatchObject({ code: 'REENTRANT' });
    for (const count of [3, 0, 1.5, 10_001, Number.NaN]) {
      expect(() => a.shards.shards('orders', { count })).toThrow(/shards/);
    }
    await time.settled(a.close(), 20_000);
    await time.settled(running);
    expect(await rejection(shards.run(() => undefined))).toMatchObject({ code: 'CLOSED' });
  });

  it('fails if it may not join', async () => {
    const world = new World();
    world.inject(({ name }) =>
      name === 'orders.members' ? { kind: 'refuse', status: 403, reason: 'Forbidden' } : undefined,
    );
    const a = world.process('a');
    const running = rejection(a.shards.shards('orders', { count: 2 }).run(() => undefined));
    expect(await world.time.settled(running, 60_000)).toMatchObject({ code: 'FORBIDDEN' });
  });

  it('is handed over once although the answer to that was lost', async () => {
    const world = new World();
    const floor = new Floor(world, 6);
    await started(world, floor, ['a']);
    const lost = on('a', 'replace');
    world.inject((request) =>
      lost(request) && request.name.startsWith('orders.shard-')
        ? { kind: 'lose-answer' }
        : undefined,
    );
    floor.enter('b');
    await world.time.advance(40_000);
    expect(floor.isComplete).toBe(true);
    expect(floor.loads().b).toBeGreaterThan(1);
  });
});

function sleepUntil(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
