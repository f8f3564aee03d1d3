import { describe, expect, it } from 'vitest';
import type { ElectionOptions } from '../../src/election/options.ts';
import type { Leadership } from '../../src/election/term.ts';
import { candidate } from './world/candidates.ts';
import type { Candidate } from './world/candidates.ts';
import { guardSays, must, on, sessionOf } from './world/helpers.ts';
import { World } from './world/world.ts';

const PREEMPT_AFTER = 15_000;
const RETRY_PERIOD = 2_000;
const LIST = 'candidates-of-controller-';

/** Leads until it is asked to stop, again and again. */
function stands(world: World, name: string, options: ElectionOptions): Candidate {
  const standing = candidate(world, name, options);
  void standing.election.run(
    ({ signal }: Leadership) =>
      new Promise((resolve) => {
        if (signal.aborted) resolve(undefined);
        signal.addEventListener('abort', resolve, { once: true });
      }),
  );
  return standing;
}

function spec(world: World) {
  return must(world.store.peek('controller')).spec;
}

function listLease(world: World): string {
  return world.store.names().find((name) => name.startsWith(LIST)) ?? '';
}

describe('a candidate of higher priority', () => {
  it('is handed the election over in an orderly way, after the time that it has to wait', async () => {
    const world = new World();
    stands(world, 'a', { priority: 1 });
    await world.time.advance(5_000);
    const b = stands(world, 'b', { priority: 2 });
    const c = stands(world, 'c', {});
    await world.time.advance(PREEMPT_AFTER - 200);
    expect(spec(world)?.holderIdentity).toBe('a_1');
    await world.time.advance(2 * RETRY_PERIOD);
    expect(spec(world)).toMatchObject({ holderIdentity: 'b_1', leaseTransitions: 1 });
    expect(b.process.eventsOf('preempting')).toMatchObject([{ leader: 'a_1', priority: 2 }]);
    await world.time.advance(300_000);
    expect(spec(world)).toMatchObject({ holderIdentity: 'b_1', leaseTransitions: 1 });
    expect(c.process.eventsOf('leading')).toEqual([]);
  });

  it('takes one look into the list and one PATCH more', async () => {
    const world = new World();
    stands(world, 'a', { priority: 1 });
    // Not in the moment of a renewal.
    await world.time.advance(5_500);
    stands(world, 'b', { priority: 2 });
    await world.time.advance(10_000);
    const before = world.requests.length;
    await world.time.advance(10_000);
    expect(spec(world)?.holderIdentity).toBe('b_1');
    const sent = world.requests.slice(before).filter(({ process }) => process === 'b');
    expect(sent.filter(({ verb }) => verb === 'patch')).toHaveLength(1);
    expect(sent.filter(({ verb }) => verb === 'get').map(({ name }) => name)).toHaveLength(3);
  });

  it('waits for nothing when the leader is of the same priority, or states none', async () => {
    for (const priority of [2, undefined]) {
      const world = new World();
      stands(world, 'a', priority === undefined ? {} : { priority });
      await world.time.advance(1_000);
      const b = stands(world, 'b', { priority: 2 });
      await world.time.advance(300_000);
      expect(spec(world)).toMatchObject({ holderIdentity: 'a_1', leaseTransitions: 0 });
      expect(b.process.eventsOf('preempting')).toEqual([]);
    }
  });

  it('of several is the best, in one step', async () => {
    const world = new World();
    stands(world, 'a', { priority: -5 });
    await world.time.advance(1_000);
    for (const priority of [3, 9, 7]) stands(world, `p${String(priority)}`, { priority });
    await world.time.advance(PREEMPT_AFTER + 3 * RETRY_PERIOD);
    expect(spec(world)).toMatchObject({ holderIdentity: 'p9_1', leaseTransitions: 1 });
  });

  it('is not kept from it by a better one that is in the list and does not act', async () => {
    const world = new World();
    stands(world, 'a', { priority: 1 });
    await world.time.advance(1_000);
    const best = stands(world, 'best', { priority: 9 });
    stands(world, 'b', { priority: 2 });
    world.inject((request) =>
      on('best', 'patch', 'controller')(request) ? guardSays('held') : undefined,
    );
    await world.time.advance(PREEMPT_AFTER + 4 * RETRY_PERIOD);
    expect(spec(world)?.holderIdentity).toBe('b_1');
    expect(best.process.eventsOf('preempting')).toEqual([]);
  });

  it('changes hands for a priority no more often than once in the time to wait', async () => {
    const world = new World();
    stands(world, 'a', { priority: 1 });
    await world.time.advance(1_000);
    const { election } = stands(world, 'b', { priority: 2 });
    for (let round = 0; round < 20; round += 1) {
      await world.time.advance(15_000);
      // It is no good leader.
      void election.resign();
    }
    const changes = spec(world)?.leaseTransitions ?? 0;
    expect(changes).toBeGreaterThan(4);
    expect(changes).toBeLessThanOrEqual((2 * 300_000) / PREEMPT_AFTER);
  });

  it('asks again when its request was lost, and no later leader', async () => {
    const world = new World();
    stands(world, 'a', { priority: 1 });
    await world.time.advance(1_000);
    const b = stands(world, 'b', { priority: 2 });
    let lost = 0;
    world.inject((request) => {
      if (!on('b', 'patch', 'controller')(request) || lost === 3) return undefined;
      lost += 1;
      return { kind: 'lose-request', after: 50 };
    });
    await world.time.advance(PREEMPT_AFTER + 5 * RETRY_PERIOD);
    expect(lost).toBe(3);
    expect(spec(world)?.holderIdentity).toBe('b_1');
    expect(b.process.eventsOf('preempting')).toHaveLength(1);
  });

  it('that arrives when the leader has changed is of no effect', async () => {
    const world = new World();
    stands(world, 'a', { priority: 1 });
    await world.time.advance(1_000);
    stands(world, 'b', { priority: 2 });
    const c = stands(world, 'c', { priority: 2 });
    world.injectOnce(on('b', 'patch', 'controller'), { kind: 'late', after: 100, lands: 60_000 });
    await world.time.advance(100_000);
    const { leaseTransitions } = spec(world) ?? {};
    expect(leaseTransitions).toBe(1);
    const leading = c.election.leadership;
    expect(leading?.signal.aborted ?? false).toBe(false);
  });
});

describe('the list of candidates', () => {
  it('has those who gave a priority, the best first, and nobody else', async () => {
    const world = new World();
    stands(world, 'a', { priority: 0 });
    stands(world, 'b', { priority: 7, identity: 'pod b/1 ü' });
    stands(world, 'c', {});
    await world.time.advance(1_000);
    const observer = world.process('o').election('controller');
    const before = world.requests.length;
    expect(await world.time.settled(observer.candidates())).toEqual([
      { identity: 'pod b/1 ü', priority: 7 },
      { identity: 'a_1', priority: 0 },
    ]);
    const sent = world.requests.slice(before).filter(({ process }) => process === 'o');
    expect(sent.map(({ verb }) => verb)).toEqual(['get', 'get', 'get']);
  });

  it('is empty where there are none', async () => {
    const world = new World();
    const election = world.process('o').election('controller');
    expect(await world.time.settled(election.candidates())).toEqual([]);
  });

  it('leaves out who is sick, who has not stood long enough, and who is dead', async () => {
    const world = new World();
    let healthy = true;
    stands(world, 'a', { priority: 1, health: () => healthy });
    const b = stands(world, 'b', { priority: 2 });
    stands(world, 'c', { priority: 3, standFor: '60s' });
    await world.time.advance(10_000);
    const { election } = candidate(world, 'o');
    const listed = async (): Promise<string[]> =>
      (await world.time.settled(election.candidates())).map(({ identity }) => identity);
    expect(await listed()).toEqual(['b_1', 'a_1']);
    healthy = false;
    await world.time.advance(RETRY_PERIOD + 100);
    expect(await listed()).toEqual(['b_1']);
    b.process.crash();
    healthy = true;
    await world.time.advance(17_000);
    expect(await listed()).toEqual(['a_1']);
    await world.time.advance(60_000);
    expect(await listed()).toEqual(['c_1', 'a_1']);
  });

  it('is freed of the dead by whoever comes next, and gone with the last', async () => {
    const world = new World();
    const a = stands(world, 'a', { priority: 1 });
    const b = stands(world, 'b', { priority: 2 });
    await world.time.advance(5_000);
    a.process.crash();
    await world.time.advance(60_000);
    expect(world.holders(listLease(world))).toHaveLength(2);
    const c = stands(world, 'c', { priority: 3 });
    await world.time.advance(60_000);
    expect(world.holders(listLease(world))).toHaveLength(2);
    await world.time.settled(Promise.all([b.process.close(), c.process.close()]), 30_000);
    await world.time.advance(60_000);
    expect(listLease(world)).toBe('');
    expect(b.process.host.timers).toBe(0);
  });

  it('has a candidate again whose session was lost', async () => {
    const world = new World();
    const a = stands(world, 'a', { priority: 1 });
    await world.time.advance(5_000);
    const session = sessionOf(world, 'a').metadata.name;
    world.store.removeByHand(session);
    await world.time.advance(40_000);
    expect(a.process.eventsOf('session-lost')).toHaveLength(1);
    const { election } = candidate(world, 'o');
    const listed = await world.time.settled(election.candidates());
    expect(listed).toEqual([{ identity: 'a_1', priority: 1 }]);
  });

  it('costs a candidate with one a few requests to enter and one to leave', async () => {
    const world = new World();
    const sent = (of: string, since: number): string[] =>
      world.requests
        .slice(since)
        .filter(({ process, name }) => process === of && name !== 'controller')
        .map(({ verb }) => verb);
    const a = stands(world, 'a', { priority: 1 });
    await world.time.advance(3_000);
    // Its session, the list, and a look whether anybody in it is dead.
    expect(sent('a', 0)).toEqual(['create', 'create', 'create', 'get', 'watch']);
    stands(world, 'b', { priority: 1 });
    await world.time.advance(3_000);
    const [own, ...entry] = sent('b', 0);
    expect(own).toBe('create');
    // Refused, as there is one; and in the end the session of the other.
    expect(entry).toEqual(['create', 'watch', 'replace', 'create', 'get', 'get']);
    const before = world.requests.length;
    await world.time.settled(a.process.close(), 5_000);
    expect(sent('a', before)).toEqual(['patch', 'remove']);
  });

  it('costs a candidate without a priority nothing', async () => {
    const world = new World();
    stands(world, 'a', { standFor: '1s', health: () => true });
    await world.time.advance(60_000);
    expect(world.store.names()).toEqual(['controller']);
  });
});
