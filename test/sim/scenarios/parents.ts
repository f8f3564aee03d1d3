import type { Scenario } from '../scenario.ts';
import { Violation } from '../invariants/violation.ts';
import { Notebook, superviseEnd } from '../life/supervisor.ts';
import { Dice } from '../world/dice.ts';
import { seeded } from '../world/random.ts';
import { within } from './within.ts';

const TTL_SECONDS = 15;
/** A parent looks again after 100 ms. */
const LOOKED_AGAIN_MS = 90;
/** Whoever finds a blank session waits for a second at most. */
const MOST_WAIT_MS = 2_500;

/**
 * A process dies under its parent while a request of it, which takes a lock or waits for one, is on its way:
 * what lands soon is found by the parent, and what lands later costs nobody a ttl.
 */
export const parents: Scenario = {
  name: 'parents',
  run: async (world, seed) => {
    const dice = new Dice(seeded(seed * 3_301));
    world.latency = () => dice.between(0.3, 3);
    const notebook = new Notebook();
    const child = world.process('child', { ttl: TTL_SECONDS, announcer: notebook });
    const [other, next] = ['other', 'next'].map((name) => world.process(name, { ttl: 3 }));
    if (!other || !next) return;
    await within(world, 5_000, 'a free lock is taken', child.acquire('y'));
    const waits = dice.chance(0.5);
    const held = waits
      ? await within(world, 5_000, 'a free lock is taken', other.acquire('x'))
      : undefined;
    const verb = waits ? 'patch' : 'create';
    const isSoon = dice.chance(0.5);
    const lands = isSoon ? dice.between(20, LOOKED_AGAIN_MS) : dice.between(300, 5_000);
    world.injectOnce(
      (request) => request.process === child.name && request.verb === verb && request.name === 'x',
      { kind: 'slow', there: lands, back: 1 },
    );
    void child.acquire('x');
    const isOnItsWay = (): boolean =>
      world.requests.some(({ fault, process }) => process === child.name && fault !== undefined);
    await world.time.runUntil(isOnItsWay, 1_000, 'a request is on its way');
    child.crash();
    world.befall('crash', child.name);
    const ended = superviseEnd(world, child.name, notebook);
    await within(world, 10_000, 'every supervision ends', ended);
    await world.time.advance(lands);
    const left = [...world.holders('x'), ...world.queue('x')].filter(
      (id) => !held || !world.holders('x').includes(id),
    );
    if (isSoon && left.length > 0) throw new Violation('left-behind', `x: ${left.join(', ')}`);
    await within(world, 5_000, 'every release is done', held?.release() ?? Promise.resolve());
    const taken = await within(world, MOST_WAIT_MS, 'the dead cost no ttl', next.acquire('x'));
    await within(world, 5_000, 'every release is done', taken.release());
    await within(world, 30_000, 'every client closes', Promise.all([other.close(), next.close()]));
  },
};
