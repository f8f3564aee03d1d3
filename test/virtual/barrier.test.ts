import { describe, expect, it } from 'vitest';
import type { Barrier } from '../../src/barrier/barrier.ts';
import type { Fault } from '../sim/world/network.ts';
import type { VirtualProcess } from '../sim/world/process.ts';
import { on, rejection, sessionOf } from './world/helpers.ts';
import { World } from './world/world.ts';

const NAME = 'phase';
const TTL = 15_000;
const phase = (process: VirtualProcess, parties = 3): Barrier =>
  process.shared.barrier(NAME, { parties });

function three(world: World): [VirtualProcess, VirtualProcess, VirtualProcess] {
  return [world.process('a'), world.process('b'), world.process('c')];
}

function arrived(world: World): number {
  const annotations = world.store.peek(NAME)?.metadata.annotations ?? {};
  return Object.keys(annotations).filter((key) => key.startsWith('party.')).length;
}

/** What became of each: `passed`, or the code of its error. */
function fates(arriving: readonly Promise<void>[]): Promise<string[]> {
  return Promise.all(
    arriving.map((one) =>
      one.then(
        () => 'passed',
        (error: unknown) => (error as { code: string }).code,
      ),
    ),
  );
}

describe('a barrier', () => {
  it('lets nobody pass before all have arrived, generation after generation', async () => {
    const world = new World();
    const { time } = world;
    const processes = three(world);
    const reached = [0, 0, 0];
    const work = processes.map(async (process, index) => {
      for (let generation = 1; generation <= 5; generation += 1) {
        await new Promise<void>((resolve) => time.schedule(world.random() * 5_000, resolve));
        reached[index] = generation;
        await phase(process).arrive();
        expect(Math.min(...reached)).toBeGreaterThanOrEqual(generation);
      }
    });
    await time.settled(Promise.all(work));
    expect(arrived(world)).toBe(0);
    await time.settled(Promise.all(processes.map((process) => process.close())));
    expect(world.store.names()).toEqual([NAME]);
    expect(processes.map(({ host }) => host.timers)).toEqual([0, 0, 0]);
    expect(processes.map(({ requests }) => requests.watches.size)).toEqual([0, 0, 0]);
  });

  it('costs a PUT and a watch for each who knows it, and no more while they wait', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = three(world);
    const first = phase(a, 2).arrive();
    await time.advance(900);
    expect(world.requestsOn(NAME)).toEqual(['a get', 'a create', 'a replace', 'a watch']);
    await time.settled(Promise.all([first, phase(b, 2).arrive()]));
    const from = world.requests.length;
    const second = phase(b, 2).arrive();
    await time.advance(900);
    const third = phase(a, 2).arrive();
    await time.settled(Promise.all([second, third]));
    expect(world.requestsOn(NAME, from)).toEqual([
      'b replace',
      'b watch',
      // What it knows is from before the other one.
      'a replace',
      'a get',
      'a replace',
      'a watch',
    ]);
  });

  it('counts each call as a party, also of one process', async () => {
    const world = new World();
    const a = world.process('a');
    const calls = [phase(a).arrive(), phase(a).arrive(), phase(a).arrive()];
    await world.time.settled(Promise.all(calls));
  });

  it('of one party holds nobody up', async () => {
    const world = new World();
    await world.time.settled(phase(world.process('a'), 1).arrive());
  });

  it('is broken for all when one times out, until it is reset', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = three(world);
    const waiting = phase(a).arrive();
    const impatient = phase(b).arrive({ timeout: '3s' });
    expect(await time.settled(fates([waiting, impatient]), 3_200)).toEqual(['BROKEN', 'TIMEOUT']);
    expect(await time.settled(fates([phase(c).arrive()]))).toEqual(['BROKEN']);
    await time.settled(phase(c).reset());
    const all = [a, b, c].map((process) => phase(process).arrive());
    expect(await time.settled(fates(all))).toEqual(['passed', 'passed', 'passed']);
  });

  it('is broken when one aborts, when one closes, and when it is reset', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = three(world);
    const aborting = new AbortController();
    const aborted = [phase(a).arrive(), phase(b).arrive({ signal: aborting.signal })];
    await time.advance(500);
    aborting.abort();
    expect(await time.settled(fates(aborted), 100)).toEqual(['BROKEN', 'ABORTED']);
    await time.settled(phase(a).reset());
    const closing = [phase(a).arrive(), phase(b).arrive()];
    await time.advance(500);
    await time.settled(b.close(), 100);
    expect(await time.settled(fates(closing), 100)).toEqual(['BROKEN', 'CLOSED']);
    await time.settled(phase(a).reset());
    const reset = [phase(a).arrive()];
    await time.advance(500);
    await time.settled(phase(c).reset());
    expect(await time.settled(fates(reset), 100)).toEqual(['BROKEN']);
    expect(b.host.timers).toBe(0);
  });

  it('is broken when a party dies, whoever of the others is left', async () => {
    for (const dead of [['b'], ['b', 'c'], ['a', 'c', 'd']]) {
      const world = new World();
      const { time } = world;
      const processes = ['a', 'b', 'c', 'd'].map((name) => world.process(name));
      const arriving = processes.map((process) => phase(process, 5).arrive());
      await time.advance(3_000);
      expect(arrived(world)).toBe(4);
      const living = arriving.filter((_, index) => !dead.includes(processes[index]?.name ?? ''));
      for (const process of processes) if (dead.includes(process.name)) process.crash();
      const fate = await time.settled(fates(living), 2 * TTL);
      expect(new Set(fate)).toEqual(new Set(['BROKEN']));
    }
  });

  it('is broken at once when the session of a party is revoked, as by a supervisor', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = three(world);
    const waiting = fates([phase(a).arrive()]);
    const other = fates([phase(b).arrive()]);
    await time.advance(3_000);
    world.store.editByHand(sessionOf(world, 'b').metadata.name, {}, { holderIdentity: '' });
    expect(await time.settled(waiting, 200)).toEqual(['BROKEN']);
    // It is told so too: by the record, or by its session.
    expect(['BROKEN', 'LOST']).toContain((await time.settled(other, TTL))[0]);
  });

  it('is not broken by who crashes after all had arrived', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = three(world);
    const first = fates([phase(a, 2).arrive()]);
    await time.advance(3_000);
    a.host.pause();
    await time.settled(phase(b, 2).arrive());
    b.crash();
    await time.advance(5 * TTL);
    a.host.resume();
    expect(await time.settled(first, 100)).toEqual(['passed']);
  });

  it('tells who slept through it what has become of its generation', async () => {
    for (const isBroken of [false, true]) {
      const world = new World();
      const { time } = world;
      const [a, b, c] = three(world);
      const d = world.process('d');
      await time.settled(Promise.all([a, b, c].map((one) => phase(one).arrive())));
      const sleeping = fates([phase(a).arrive()]);
      await time.advance(500);
      a.host.pause();
      if (isBroken) {
        expect(await time.settled(fates([phase(b).arrive({ timeout: 100 })]))).toEqual(['TIMEOUT']);
      } else {
        await time.settled(Promise.all([b, c].map((one) => phase(one).arrive())));
        // The generation after that is broken.
        await time.settled(fates([phase(b).arrive({ timeout: 100 })]));
      }
      await time.settled(phase(b).reset());
      await time.settled(Promise.all([b, c, d].map((one) => phase(one).arrive())));
      a.host.resume();
      expect(await time.settled(sleeping, 1_000)).toEqual([isBroken ? 'BROKEN' : 'passed']);
    }
  });

  it('is not broken because a server whose cache is behind tells of the time before', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = three(world);
    await time.settled(Promise.all([a, b, c].map((one) => phase(one).arrive())));
    await time.settled(fates([phase(a).arrive({ timeout: 100 })]));
    await time.settled(phase(a).reset());
    for (const server of world.controlPlane.servers) server.lag = 1;
    for (const cacheLag of [1, 2, 4]) {
      world.cacheLag = cacheLag;
      const arriving = fates([a, b].map((one) => phase(one).arrive()));
      await time.advance(1_000);
      expect(arrived(world)).toBe(2);
      await time.settled(phase(c).arrive(), 1_000);
      expect(await time.settled(arriving, 1_000)).toEqual(['passed', 'passed']);
    }
  });

  it('that is deleted is broken for who waits, also when another one passed since', async () => {
    const world = new World();
    const { time } = world;
    const [a, b, c] = three(world);
    const waiting = fates([phase(a, 2).arrive()]);
    await time.advance(500);
    a.host.pause();
    world.store.removeByHand(NAME);
    await time.settled(Promise.all([b, c].map((process) => phase(process, 2).arrive())));
    a.host.resume();
    expect(await time.settled(waiting, 1_000)).toEqual(['BROKEN']);
    const again = fates([phase(a, 2).arrive()]);
    await time.advance(500);
    world.store.removeByHand(NAME);
    expect(await time.settled(again, 1_000)).toEqual(['BROKEN']);
  });

  it('is of one number of parties for all, which a reset changes', async () => {
    const world = new World();
    const { time } = world;
    const [a, b] = three(world);
    const waiting = fates([phase(a).arrive()]);
    await time.advance(100);
    expect(await time.settled(fates([phase(b, 2).arrive()]))).toEqual(['STATE_DISAGREES']);
    await time.settled(phase(b, 2).reset());
    expect(await time.settled(waiting)).toEqual(['BROKEN']);
    expect(await time.settled(fates([phase(a).arrive()]))).toEqual(['STATE_DISAGREES']);
    const two = [a, b].map((process) => phase(process, 2).arrive());
    expect(await time.settled(fates(two))).toEqual(['passed', 'passed']);
  });

  it('refuses what is no number of parties before it sends anything', async () => {
    const world = new World();
    const a = world.process('a');
    for (const parties of [0, -1, 0.5, 501, Number.NaN]) {
      expect(() => phase(a, parties)).toThrow(/from 1 to 500 parties/);
    }
    expect(await rejection(phase(a).arrive({ timeout: -1 }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect(await rejection(phase(a).arrive({ signal: AbortSignal.abort() }))).toMatchObject({
      code: 'ABORTED',
    });
    expect(world.requests).toEqual([]);
    await world.time.settled(a.close());
    expect(await rejection(phase(a).arrive())).toMatchObject({ code: 'CLOSED' });
  });
});

const FAULTS: Fault[] = [
  { kind: 'lose-answer', after: 30 },
  { kind: 'lose-request', after: 30 },
  { kind: 'late', after: 30, lands: 31 },
  { kind: 'late', after: 30, lands: 60 },
  { kind: 'late', after: 30, lands: 3_000 },
  { kind: 'unsent' },
  { kind: 'refuse', status: 429, retryAfter: 1_000 },
];

describe('an answer that is lost', () => {
  for (const fault of FAULTS) {
    const what = JSON.stringify(fault);
    it(`of an arrival: it arrives once: ${what}`, async () => {
      for (const victim of ['a', 'b', 'c']) {
        const world = new World();
        const { time } = world;
        const processes = three(world);
        for (let generation = 0; generation < 2; generation += 1) {
          world.injectOnce(on(victim, 'replace', NAME), fault);
          const two = processes.filter(({ name }) => name !== victim);
          const arriving = processes.filter(({ name }) => name === victim);
          const waiting = fates([...arriving, ...two.slice(1)].map((one) => phase(one).arrive()));
          await time.advance(5_000);
          // Two calls are two parties, and not three.
          expect(arrived(world)).toBe(2);
          const last = fates(two.slice(0, 1).map((one) => phase(one).arrive()));
          expect(await time.settled(waiting)).toEqual(['passed', 'passed']);
          expect(await time.settled(last)).toEqual(['passed']);
        }
      }
    });

    it(`of an arrival that times out meanwhile: leaves nobody behind who has gone: ${what}`, async () => {
      const world = new World();
      const { time } = world;
      const [a, b, c] = three(world);
      await time.settled(Promise.all([a, b, c].map((one) => phase(one).arrive())));
      world.injectOnce(on('a', 'replace', NAME), fault);
      const gone = await time.settled(fates([phase(a).arrive({ timeout: 20 })]), 5_100);
      expect(gone).toEqual(['TIMEOUT']);
      await time.advance(10_000);
      // Either it never came, or all know that it has gone.
      expect(arrived(world)).toBe(0);
      const others = fates([b, c].map((one) => phase(one).arrive({ timeout: '5s' })));
      expect(await time.settled(others)).not.toContain('passed');
    });
  }
});
