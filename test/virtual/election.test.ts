import { describe, expect, it } from 'vitest';
import type { Leadership } from '../../src/election/term.ts';
import { candidate, led } from './world/candidates.ts';
import { guardSays, must, on, rejection } from './world/helpers.ts';
import { World } from './world/world.ts';

const LEASE_DURATION = 15_000;
const RENEW_DEADLINE = 10_000;
const RETRY_PERIOD = 2_000;

function spec(world: World) {
  return must(world.store.peek('controller')).spec;
}

describe('an election', () => {
  it('without a leader is won by one CREATE, as client-go writes it', async () => {
    const world = new World();
    const { term } = await led(world);
    expect(world.requestsOn('controller').filter((sent) => sent !== 'a watch')).toEqual([
      'a create',
    ]);
    expect(term.valid).toBe(true);
    expect(spec(world)).toEqual({
      holderIdentity: 'a_1',
      leaseDurationSeconds: 15,
      acquireTime: expect.any(String) as string,
      renewTime: expect.any(String) as string,
      leaseTransitions: 0,
    });
    expect(must(world.store.peek('controller')).metadata.labels).toBeUndefined();
    const before = world.requests.length;
    await world.time.advance(60_000);
    const renewals = world.requestsOn('controller', before);
    expect(renewals.length).toBeGreaterThanOrEqual(29);
    expect(renewals.every((sent) => sent === 'a replace')).toBe(true);
    expect(term.validFor).toBeGreaterThan(RENEW_DEADLINE - RETRY_PERIOD - 100);
  });

  it('whose leader is dead is taken over after the lease duration, and not before', async () => {
    const world = new World();
    const { a, b, term } = await led(world);
    const waiting = b.lead();
    await world.time.advance(60_000);
    a.process.crash();
    const crashedAt = world.time.now;
    const next = await world.time.settled(waiting, 60_000);
    const took = world.time.now - crashedAt;
    expect(took).toBeGreaterThan(LEASE_DURATION - RETRY_PERIOD - 100);
    expect(took).toBeLessThan(LEASE_DURATION + 1_000);
    expect(next.fence).toBeGreaterThan(term.fence);
    expect(spec(world)).toMatchObject({ holderIdentity: 'b_1', leaseTransitions: 1 });
  });

  it('is handed over within milliseconds by a resignation', async () => {
    const world = new World();
    const { b, term } = await led(world);
    const waiting = b.lead();
    await world.time.advance(5_000);
    const resignedAt = world.time.now;
    const resigning = term.resign();
    expect(term.valid).toBe(false);
    expect(term.signal.reason).toMatchObject({ code: 'ABORTED' });
    await world.time.settled(waiting);
    expect(world.time.now - resignedAt).toBeLessThan(10);
    await world.time.settled(resigning);
    expect(spec(world)).toMatchObject({ holderIdentity: 'b_1', leaseTransitions: 1 });
  });

  it('leaves a free Lease behind when nobody stands', async () => {
    const world = new World();
    const { a, term } = await led(world);
    await world.time.settled(term.resign());
    expect(spec(world)).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    await world.time.settled(a.process.close());
    await world.time.advance(1);
    expect(a.process.host.timers).toBe(0);
  });

  it('goes to the candidate whom the leader names, if it comes within a retry period', async () => {
    for (const named of ['c_1', 'nobody']) {
      const world = new World();
      const { b, term } = await led(world);
      const c = candidate(world, 'c');
      const leaders: string[] = [];
      const stand = async (who: ReturnType<typeof candidate>): Promise<Leadership> => {
        const next = await who.lead();
        leaders.push(next.identity);
        return next;
      };
      void stand(b);
      await world.time.advance(1_000);
      const transferredAt = world.time.now;
      await world.time.settled(term.transfer(named));
      await world.time.advance(500);
      if (named === 'c_1') void stand(c);
      await world.time.runUntil(() => leaders.length === 1, 10_000);
      expect(leaders).toEqual([named === 'c_1' ? 'c_1' : 'b_1']);
      if (named === 'nobody') {
        expect(world.time.now - transferredAt).toBeGreaterThanOrEqual(RETRY_PERIOD);
        expect(world.time.now - transferredAt).toBeLessThan(RETRY_PERIOD + 100);
      }
      expect(must(world.store.peek('controller')).metadata.annotations ?? {}).toEqual({});
    }
  });

  it('stands an outage that is shorter than the renew deadline', async () => {
    const world = new World();
    const { a, b, term } = await led(world);
    void b.lead();
    for (let outage = 0; outage < 5; outage += 1) {
      await world.time.advance(20_000);
      a.process.host.cut = true;
      await world.time.advance(RENEW_DEADLINE - RETRY_PERIOD - 1_500);
      a.process.host.cut = false;
    }
    await world.time.advance(20_000);
    expect(term.valid).toBe(true);
  });

  it('is lost at the renew deadline by the own clock, before anybody takes over', async () => {
    const world = new World();
    const { a, b, term } = await led(world);
    const waiting = b.lead();
    await world.time.advance(30_000);
    a.process.host.cut = true;
    const cutAt = world.time.now;
    const lost = new Promise<number>((resolve) => {
      term.signal.addEventListener('abort', () => resolve(world.time.now), { once: true });
    });
    const lostAt = await world.time.settled(lost);
    expect(lostAt - cutAt).toBeGreaterThan(RENEW_DEADLINE - RETRY_PERIOD - 100);
    expect(lostAt - cutAt).toBeLessThanOrEqual(RENEW_DEADLINE);
    expect(term.signal.reason).toMatchObject({ code: 'LOST' });
    await world.time.settled(waiting);
    expect(world.time.now - lostAt).toBeGreaterThanOrEqual(LEASE_DURATION - RENEW_DEADLINE);
  });

  it('stands edits of labels by others', async () => {
    const world = new World();
    const { term } = await led(world);
    for (let edits = 0; edits < 20; edits += 1) {
      await world.time.advance(700);
      world.store.editByHand('controller', { labels: { edits: String(edits) } });
    }
    expect(term.valid).toBe(true);
    expect(must(world.store.peek('controller')).metadata.labels).toEqual({ edits: '19' });
  });

  it('takes over from a dead leader although people edit its labels', async () => {
    const world = new World();
    const { a, b } = await led(world);
    a.process.crash();
    let edits = 0;
    const edit = (): void => {
      edits += 1;
      world.store.editByHand('controller', { labels: { edits: String(edits) } });
      world.time.schedule(900, edit);
    };
    edit();
    await world.time.settled(b.lead(), LEASE_DURATION + 3_000);
  });

  it('asks a guard that says later once a second at most, and tells of that once', async () => {
    const world = new World();
    const { a, b } = await led(world);
    a.process.crash();
    const waiting = b.lead();
    const isTaking = on('b', 'replace');
    let until: number | undefined;
    world.inject((request) => {
      if (!isTaking(request)) return undefined;
      until ??= world.time.now + 20_000;
      return world.time.now < until ? guardSays('held') : undefined;
    });
    await world.time.settled(waiting, 45_000);
    expect(world.requests.filter(isTaking).length).toBeLessThanOrEqual(22);
    expect(b.process.eventsOf('api-trouble')).toHaveLength(1);
  });

  it('tells of each trouble once, however often it is read meanwhile', async () => {
    const world = new World();
    const { a, b } = await led(world);
    a.process.crash();
    const waiting = b.lead();
    const stop = world.inject((request) =>
      on('b', 'replace')(request) ? { kind: 'refuse', status: 429 } : undefined,
    );
    await world.time.advance(60_000);
    expect(b.process.eventsOf('api-trouble')).toHaveLength(1);
    stop();
    await world.time.settled((await world.time.settled(waiting)).resign());
    const c = candidate(world, 'c');
    await world.time.settled(c.lead());
    void rejection(b.lead());
    await world.time.advance(10_000);
    c.process.crash();
    world.inject((request) =>
      on('b', 'replace')(request) ? { kind: 'refuse', status: 429 } : undefined,
    );
    await world.time.advance(60_000);
    expect(b.process.eventsOf('api-trouble')).toHaveLength(2);
  });

  it('knows its own writes again whose answers were lost', async () => {
    const world = new World();
    world.injectOnce(on('a', 'create'), { kind: 'lose-answer', after: 50 });
    const { a, b, term } = await led(world);
    expect(world.requests.filter(on('a', 'create'))).toHaveLength(1);
    const waiting = b.lead();
    await world.time.advance(1_000);
    a.process.crash();
    world.injectOnce(on('b', 'replace'), { kind: 'lose-answer', after: 50 });
    const next = await world.time.settled(waiting, 30_000);
    expect(next.fence).toBeGreaterThan(term.fence);
    expect(spec(world)?.leaseTransitions).toBe(1);
    await world.time.advance(30_000);
    expect(next.valid).toBe(true);
  });

  it('ends a term whose Lease was taken or deleted by hand', async () => {
    const world = new World();
    const { a, term } = await led(world);
    const taken = { ...must(world.store.peek('controller')), spec: { holderIdentity: 'thief' } };
    world.store.replace(taken, { manager: 'kubectl-edit' });
    await world.time.advance(RETRY_PERIOD + 100);
    expect(term.valid).toBe(false);
    expect(a.process.eventsOf('leadership-lost')[0]?.reason).toBe('taken');
    world.store.removeByHand('controller');
    const next = await world.time.settled(a.lead(), 1_000);
    world.store.removeByHand('controller');
    await world.time.advance(RETRY_PERIOD + 100);
    expect(next.signal.reason).toMatchObject({ code: 'LOST' });
  });

  it('does not touch a Lease of the coordinated leader election', async () => {
    const world = new World();
    const lease = {
      metadata: { name: 'controller' },
      spec: { strategy: 'OldestEmulationVersion' },
    };
    world.store.create(lease, { manager: 'kube-scheduler' });
    const error = await world.time.settled(rejection(candidate(world, 'a').lead()));
    expect(error).toMatchObject({ code: 'FOREIGN_LEASE' });
  });

  it('is won by a candidate that stood still only if the leader is dead', async () => {
    const world = new World();
    const { b, term } = await led(world);
    void b.lead();
    await world.time.advance(10_000);
    b.process.host.pause();
    await world.time.advance(60_000);
    b.process.host.resume();
    await world.time.advance(60_000);
    expect(term.valid).toBe(true);
    expect(b.election.leadership).toBeUndefined();
  });
});
