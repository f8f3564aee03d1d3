import type { Scenario } from '../scenario.ts';
import { seeded } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { within } from './within.ts';

const TTL_SECONDS = 3;
const TIMES = { leaseDuration: '3s', renewDeadline: '2s', retryPeriod: '500ms' } as const;
const MOST_RECOVERY_MS = 10_000;

/** A controller labels each Lease again and again, also those of the dead: they are dead all the same. */
export const labels: Scenario = {
  name: 'labels',
  run: async (world, seed) => {
    const random = seeded(seed * 2_089);
    const [first, second] = [
      world.process('a', { ttl: TTL_SECONDS }),
      world.process('b', { ttl: TTL_SECONDS }),
    ];
    const election = { first: first.election('e', TIMES), second: second.election('e', TIMES) };
    await within(world, 5_000, 'a free lock is taken', first.acquire('x'));
    await within(world, 5_000, 'a free Lease is taken', first.lead(election.first));
    let labelling = true;
    const label = (): void => {
      if (!labelling) return;
      for (const name of world.store.names()) {
        world.store.editByHand(name, { labels: { edited: String(Math.round(world.time.now)) } });
      }
      world.time.schedule(200 + random() * 500, label);
    };
    label();
    const waiting = second.acquire('x');
    const standing = second.lead(election.second);
    await world.time.advance(random() * 6_000);
    world.befall('crash', 'a');
    first.crash();
    const [held, term] = await within(
      world,
      MOST_RECOVERY_MS,
      'the dead are found dead, whoever labels them',
      Promise.all([waiting, standing]),
    );
    labelling = false;
    await end(world, [held.release(), term.resign()]);
    await end(world, [second.close()]);
  },
};

function end(world: World, promises: readonly Promise<unknown>[]): Promise<unknown> {
  return within(world, 20_000, 'every client closes', Promise.all(promises));
}
