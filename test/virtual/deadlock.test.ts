import { describe, expect, it } from 'vitest';
import { WAITS_ANNOTATION } from '../../src/core/lease.ts';
import type { Held } from '../../src/lock/held.ts';
import type { AcquireOptions, Lock } from '../../src/lock/lock.ts';
import type { VirtualProcess } from '../sim/world/process.ts';
import { rejection, sessionOf, sleep } from './world/helpers.ts';
import { World } from './world/world.ts';

const TTL = 15_000;
const DETECT = { detectDeadlock: true } as const;

/** Takes the second lock while it holds the first; resolves with how that ended. */
async function nested(
  world: World,
  first: Lock,
  second: Lock,
  options: AcquireOptions = {},
): Promise<string> {
  try {
    await first.run(async () => {
      await sleep(world, 500);
      await second.run(() => sleep(world, 100), options);
    });
    return 'done';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

function circle(world: World, options: readonly AcquireOptions[]): Promise<string>[] {
  const names = options.map((_, index) => `l${String(index)}`);
  return options.map((option, index) => {
    const process = world.process(String.fromCharCode(97 + index));
    const [first = '', second = ''] = [names[index], names[(index + 1) % names.length]];
    return nested(world, process.lock(first), process.lock(second), option);
  });
}

const warnings = (process: VirtualProcess | undefined) => process?.eventsOf('deadlock') ?? [];

describe('a deadlock', () => {
  it.each([2, 3, 5])('of %i processes ends with one that is refused', async (count) => {
    const world = new World();
    const ends = circle(world, Array<AcquireOptions>(count).fill(DETECT));
    const results = await world.time.settled(Promise.all(ends), 4 * TTL);
    expect(results.filter((end) => end === 'DEADLOCK')).toHaveLength(1);
    expect(results.filter((end) => end === 'done')).toHaveLength(count - 1);
  });

  it('is found within two ttl', async () => {
    const world = new World();
    const ends = circle(world, [DETECT, DETECT]);
    const from = world.time.now;
    const results = await world.time.settled(Promise.all(ends), 4 * TTL);
    expect(results).toContain('DEADLOCK');
    expect(world.time.now - from).toBeLessThan(2 * TTL + 2_000);
  });

  it('is warned of once in each process, and left alone unless somebody wants to be refused', async () => {
    const world = new World();
    const processes = [world.process('a'), world.process('b')] as const;
    const [a, b] = processes;
    const ends = [nested(world, a.lock('x'), a.lock('y')), nested(world, b.lock('y'), b.lock('x'))];
    await world.time.advance(10 * TTL);
    expect(processes.map((process) => warnings(process).length)).toEqual([1, 1]);
    expect(warnings(a)[0]?.cycle).toMatch(
      /^session a-\w+ holds x and waits for y; session b-\w+ holds y and waits for x$/,
    );
    expect(world.holders('x')).toHaveLength(1);
    await world.time.settled(Promise.all(processes.map((process) => process.close())));
    expect(await Promise.all(ends)).toEqual(['CLOSED', 'CLOSED']);
  });

  it('goes on while one of those who wait need not be awaited', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    // Made inside of run, where nobody awaits it: x is given back in the end.
    let later: Promise<Held> | undefined;
    const ofA = a.lock('x').run(async () => {
      later = a.lock('y').acquire();
      await sleep(world, 8 * TTL);
    });
    const ofB = nested(world, b.lock('y'), b.lock('x'), DETECT);
    await time.settled(ofA);
    expect(await time.settled(ofB, TTL)).toBe('done');
    const held = await time.settled(later ?? Promise.reject(new Error('none')), TTL);
    expect(held.valid).toBe(true);
    expect(warnings(b)).toHaveLength(1);
  });

  it('is none while the one that is waited for gets on', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    const ofC = c.lock('z').run(() => sleep(world, 6 * TTL));
    await time.advance(100);
    const ends = [
      nested(world, a.lock('x'), a.lock('z'), DETECT),
      nested(world, b.lock('y'), b.lock('x'), DETECT),
    ];
    await time.settled(ofC);
    expect(await time.settled(Promise.all(ends))).toEqual(['done', 'done']);
    expect([a, b, c].flatMap(warnings)).toEqual([]);
  });

  it('is none by itself when a process holds for one task and waits for another', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const [x, y] = await time.settled(Promise.all([a.lock('x').acquire(), b.lock('y').acquire()]));
    const waiting = [a.lock('y').acquire(DETECT), b.lock('x').acquire(DETECT)];
    await time.advance(8 * TTL);
    expect([a, b].flatMap(warnings)).toEqual([]);
    await time.settled(Promise.all([x.release(), y.release()]));
    const held = await time.settled(Promise.all(waiting));
    expect(held.map(({ valid }) => valid)).toEqual([true, true]);
  });

  it('is known of holds that are named', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const [x, y] = await time.settled(
      Promise.all([a.locks.lockAll(['x']).acquire(), b.lock('y').acquire()]),
    );
    const ofA = rejection(a.lock('y').acquire({ detectDeadlock: { holding: [x] } }));
    const ofB = b.lock('x').acquire({ detectDeadlock: { holding: [y] } });
    const ended = await time.settled(ofA, 3 * TTL);
    expect(ended).toMatchObject({ code: 'DEADLOCK' });
    expect(String(ended)).toMatch(
      /session a-\w+ holds x and waits for y; session b-\w+ holds y and waits for x\)/,
    );
    expect(a.sessions.waits).toEqual([]);
    expect(b.sessions.waits).toHaveLength(1);
    await time.settled(x.release());
    expect((await time.settled(ofB, TTL)).valid).toBe(true);
  });

  it('is found where lockAll is one of those who wait', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const ofA = a.locks.lockAll(['x', 'y']);
    const running = [
      nested(world, b.lock('y'), b.lock('x'), DETECT),
      sleep(world, 100).then(() => ofA.run(() => 'done')),
    ];
    expect(await time.settled(Promise.all(running), 4 * TTL)).toEqual(['DEADLOCK', 'done']);
  });

  it('is found within one process', async () => {
    const world = new World();
    const a = world.process('a');
    const ends = [
      nested(world, a.lock('x'), a.lock('y'), DETECT),
      nested(world, a.lock('y'), a.lock('x'), DETECT),
    ];
    const results = await world.time.settled(Promise.all(ends), 2 * TTL);
    expect([...results].sort()).toEqual(['DEADLOCK', 'done']);
  });

  it('is found behind others of the same process', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const ofB = nested(world, b.lock('y'), b.lock('x'), DETECT);
    const ofA = a.lock('x').run(async () => {
      const ahead = a.lock('y').run(() => sleep(world, 10));
      await sleep(world, 200);
      await a.lock('y').run(() => sleep(world, 10), DETECT);
      await ahead;
    });
    const ends = await time.settled(
      Promise.all([
        ofB,
        ofA.then(
          () => 'done',
          (error: unknown) => (error as { code: string }).code,
        ),
      ]),
      4 * TTL,
    );
    expect([...ends].sort()).toEqual(['DEADLOCK', 'done']);
  });

  it('is found among readers that a writer keeps waiting', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, w] = [world.process('a'), world.process('b'), world.process('w')];
    const reads = (process: VirtualProcess): Lock => process.lock('x', { mode: 'shared' });
    const ofA = nested(world, reads(a), a.lock('y'), DETECT);
    await time.advance(100);
    const writing = w.lock('x').run(() => sleep(world, 10));
    await time.advance(100);
    const ends = [ofA, nested(world, b.lock('y'), reads(b), DETECT)];
    const results = await time.settled(Promise.all(ends), 5 * TTL);
    expect([...results].sort()).toEqual(['DEADLOCK', 'done']);
    await time.settled(writing, TTL);
  });

  it('is none among readers who could all read', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    const reads = (process: VirtualProcess): Lock => process.lock('x', { mode: 'shared' });
    const writing = c.lock('x').run(() => sleep(world, 5 * TTL));
    await time.advance(100);
    const ends = [
      nested(world, a.lock('y'), reads(a), DETECT),
      nested(world, b.lock('z'), reads(b), DETECT),
    ];
    await time.settled(writing);
    expect(await time.settled(Promise.all(ends), TTL)).toEqual(['done', 'done']);
  });

  it('is found among those who hold permits and want more', async () => {
    const world = new World();
    const { time } = world;
    const work = async (name: string): Promise<string> => {
      const gpus = world.process(name).locks.semaphore('gpus', 2);
      try {
        await gpus.run(async () => {
          await sleep(world, 500);
          await gpus.run(() => sleep(world, 100), DETECT);
        });
        return 'done';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const results = await time.settled(Promise.all([work('a'), work('b')]), 4 * TTL);
    expect([...results].sort()).toEqual(['DEADLOCK', 'done']);
  });

  it('is none while another permit may come back', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = [world.process('a'), world.process('b'), world.process('c')];
    const gpus = (process: VirtualProcess) => process.locks.semaphore('gpus', 2);
    const other = gpus(c).run(() => sleep(world, 6 * TTL));
    const ofA = gpus(a).run(async () => {
      await sleep(world, 500);
      await a.lock('y').run(() => sleep(world, 10), DETECT);
    });
    const ofB = b.lock('y').run(async () => {
      await sleep(world, 500);
      await gpus(b).run(() => sleep(world, 10), DETECT);
    });
    await time.settled(other);
    await time.settled(Promise.all([ofA, ofB]), TTL);
    expect([a, b].flatMap(warnings)).toEqual([]);
  });

  it('is none when one of those who wait has died', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    void nested(world, a.lock('x'), a.lock('y'), DETECT);
    const ofB = nested(world, b.lock('y'), b.lock('x'), DETECT);
    // Both have told of their waits, and each has looked.
    await time.advance(13_000);
    a.crash();
    expect(await time.settled(ofB, 4 * TTL)).toBe('done');
  });

  it('is none when a wait ends in time, whatever its session has told before', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const ofB = nested(world, b.lock('y'), b.lock('x'), DETECT);
    const ofA = a.lock('x').run(async () => {
      await sleep(world, 200);
      const wait = a.lock('y').acquire({ ...DETECT, timeout: 8_000 });
      expect(await rejection(wait)).toMatchObject({ code: 'TIMEOUT' });
      // Its session tells of the wait still, until its next renewal; the entry may stay in the queue.
      await sleep(world, 4 * TTL);
    });
    await time.settled(ofA);
    expect(await time.settled(ofB, TTL)).toBe('done');
  });

  it('is not looked for when what was held has been given back', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const y = await time.settled(b.lock('y').acquire());
    const session = sessionOf(world, 'b').metadata.name;
    const looks = (): number =>
      world.requests.filter(
        (sent) => sent.process === 'a' && sent.verb === 'get' && sent.name === session,
      ).length;
    const waiting: Promise<Held>[] = [];
    await time.settled(
      a.lock('x').run(async () => {
        waiting.push(a.lock('y').acquire());
        // A moment after the end, where the run is still known.
        void sleep(world, 1_000).then(() => waiting.push(a.lock('y').acquire(DETECT)));
        await sleep(world, 500);
      }),
    );
    await time.advance(4 * TTL);
    expect([waiting.length, looks()]).toEqual([2, 0]);
    await time.settled(y.release());
    for (const held of waiting) await time.settled((await time.settled(held)).release());
  });

  it('costs nothing while nothing is held, and little else', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = [world.process('a'), world.process('b')];
    const y = await time.settled(b.lock('y').acquire());
    const gets = (name: string): number =>
      world.requests.filter(
        (sent) => sent.process === 'a' && sent.verb === 'get' && sent.name === name,
      ).length;
    const alone = a.lock('y').acquire({ ...DETECT, timeout: 2 * TTL });
    await time.settled(rejection(alone));
    const before = { y: gets('y'), session: gets(sessionOf(world, 'b').metadata.name) };
    const running = a.lock('x').run(() => a.lock('y').run(() => 'done'));
    await time.advance(4 * TTL + 1_000);
    expect(sessionOf(world, 'a').metadata.annotations?.[WAITS_ANNOTATION]).toMatch(
      /^1:inside:default\/y:\w+-\d+:\w+-\d+$/,
    );
    // After one ttl and after three: one for the lock, beside its polls, and one for the session.
    expect(gets(sessionOf(world, 'b').metadata.name) - before.session).toBe(2);
    await time.settled(y.release());
    expect(await time.settled(running, TTL)).toBe('done');
    await time.advance(TTL);
    expect(sessionOf(world, 'a').metadata.annotations?.[WAITS_ANNOTATION]).toBeUndefined();
  });
});
