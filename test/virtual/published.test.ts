import { describe, expect, it } from 'vitest';
import type { Leader } from '../../src/election/observe.ts';
import { candidate, led } from './world/candidates.ts';
import { must, on, rejection } from './world/helpers.ts';
import { World } from './world/world.ts';

const RENEW_DEADLINE = 10_000;
const LEASE_DURATION = 15_000;
const KEYS = ['leasehold.dev/term', 'leasehold.dev/value', 'leasehold.dev/priority'];

function notes(world: World): Record<string, string> {
  return must(world.store.peek('controller')).metadata.annotations ?? {};
}

function observed(world: World): string[] {
  const seen: string[] = [];
  void (async () => {
    for await (const leader of world.process('o').election('controller').observe()) {
      seen.push(textOf(leader));
    }
  })();
  return seen;
}

function textOf(leader: Leader | undefined): string {
  return leader ? `${leader.identity} ${leader.value ?? 'nothing'}` : 'nobody';
}

describe('a value that a leader publishes', () => {
  it('is in the write that wins, and costs none of its own', async () => {
    const world = new World();
    const { election, process } = candidate(world, 'a');
    const term = await world.time.settled(election.acquire({ value: 'http://a:80' }));
    expect(world.requestsOn('controller').filter((sent) => !sent.endsWith('watch'))).toEqual([
      'a create',
    ]);
    const seen = observed(world);
    await world.time.advance(10_000);
    expect(seen).toEqual(['a_1 http://a:80']);
    await world.time.settled(term.resign());
    expect(Object.keys(notes(world)).filter((key) => KEYS.includes(key))).toEqual([]);
    expect(process.sessions).toBeDefined();
    expect(world.store.names()).toEqual(['controller']);
  });

  it('changes by one write, which observers see, and is one leader all the time', async () => {
    const world = new World();
    const { term } = await led(world);
    const seen = observed(world);
    await world.time.advance(100);
    const before = world.requests.length;
    await world.time.settled(term.publish('v1'), 100);
    expect(world.requestsOn('controller', before)).toEqual(['a replace']);
    await world.time.settled(term.publish('v2'), 100);
    await world.time.settled(term.publish(undefined), 100);
    await world.time.advance(10);
    expect(seen).toEqual(['a_1 nothing', 'a_1 v1', 'a_1 v2', 'a_1 nothing']);
    const o = must(world.store.peek('controller'));
    expect(KEYS.some((key) => key in (o.metadata.annotations ?? {}))).toBe(false);
    const changes = world.processes.flatMap((process) => process.eventsOf('leader-changed'));
    expect(changes).toHaveLength(1);
  });

  it('is stored with later ones that came while a renewal was on its way', async () => {
    const world = new World();
    const { term } = await led(world);
    world.injectOnce(on('a', 'replace'), { kind: 'slow', there: 300, back: 300 });
    const all = ['1', '2', '3'].map((value) => term.publish(value));
    await world.time.settled(Promise.all(all), 2_000);
    expect(notes(world)['leasehold.dev/value']).toBe('3');
  });

  it('is known to be stored although the answer was lost', async () => {
    const world = new World();
    const { term } = await led(world);
    world.injectOnce(on('a', 'replace'), { kind: 'lose-answer', after: 50 });
    const before = world.requests.length;
    await world.time.settled(term.publish('v1'), 3_000);
    expect(world.requestsOn('controller', before)).toEqual(['a replace', 'a get']);
    expect(notes(world)['leasehold.dev/value']).toBe('v1');
  });

  it('that could not be stored before the end of the term is refused', async () => {
    const world = new World();
    const { a, term } = await led(world);
    a.process.host.cut = true;
    const error = await world.time.settled(rejection(term.publish('v1')), RENEW_DEADLINE + 100);
    expect(error).toMatchObject({ code: 'LOST' });
    expect(await world.time.settled(rejection(term.publish('v2')))).toMatchObject({ code: 'LOST' });
  });

  it('is never shown as that of another leader', async () => {
    const world = new World();
    const { election, process } = candidate(world, 'a');
    await world.time.settled(election.acquire({ value: 'of a' }));
    const seen = observed(world);
    await world.time.advance(5_000);
    process.crash();
    // As client-go takes over: it keeps annotations that it does not know.
    await world.time.advance(LEASE_DURATION + 1_000);
    const dead = must(world.store.peek('controller'));
    const spec = { ...dead.spec, holderIdentity: 'go', leaseTransitions: 1 };
    world.store.replace({ ...dead, spec }, { manager: 'client-go' });
    await world.time.advance(100);
    expect(notes(world)['leasehold.dev/value']).toBe('of a');
    expect(seen).toEqual(['a_1 of a', 'nobody', 'go nothing']);
    const b = candidate(world, 'b');
    const term = await world.time.settled(b.lead(), 2 * LEASE_DURATION);
    expect(term.valid).toBe(true);
    expect(KEYS.some((key) => key in notes(world))).toBe(false);
  });

  it('comes back when somebody has edited it by hand', async () => {
    const world = new World();
    const { term } = await led(world);
    await world.time.settled(term.publish('mine'));
    world.store.editByHand('controller', { annotations: { 'leasehold.dev/value': 'theirs' } });
    await world.time.advance(3_000);
    expect(notes(world)['leasehold.dev/value']).toBe('mine');
    expect(term.valid).toBe(true);
  });

  it('of too many bytes, or that is no text, is refused before anything is sent', async () => {
    const world = new World();
    const { election } = candidate(world, 'a');
    for (const value of ['ä'.repeat(513), '\ud800', 7 as unknown as string]) {
      const refused = [election.acquire({ value }), election.run(() => undefined, { value })];
      for (const one of refused) {
        expect(await rejection(one)).toMatchObject({ code: 'INVALID_ARGUMENT' });
      }
    }
    expect(world.requests).toEqual([]);
    const term = await world.time.settled(election.acquire({ value: 'ä'.repeat(512) }));
    expect(await rejection(term.publish('ä'.repeat(513)))).toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});
