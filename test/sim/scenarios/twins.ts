import { released } from '../../../src/core/election.ts';
import type { Scenario } from '../scenario.ts';
import { Violation } from '../invariants/violation.ts';
import { seeded } from '../world/random.ts';
import { within } from './within.ts';

const TIMES = { leaseDuration: '3s', renewDeadline: '2s', retryPeriod: '500ms' } as const;
/** One renewal, with the reading that it takes to find out. */
const MOST_UNAWARE_MS = 700;

/**
 * What people do to the Lease of an election: it is released in the leader's name, and the next one leads,
 * perhaps under the same identity, as a Pod of a StatefulSet that was started anew; it is deleted.
 */
export const twins: Scenario = {
  name: 'twins',
  run: async (world, seed) => {
    const random = seeded(seed * 5_003);
    world.latency = () => 0.3 + random() * 10;
    const [older, younger] = [world.process('a'), world.process('b')];
    const areTwins = random() < 0.5;
    const first = older.election('e', { ...TIMES, identity: 'web-0' });
    const second = younger.election('e', { ...TIMES, identity: areTwins ? 'web-0' : 'web-1' });
    const term = await within(world, 5_000, 'a free Lease is taken', first.acquire());
    const standing = second.acquire();
    await world.time.advance(1_000 + random() * 3_000);
    const lease = world.store.peek('e');
    if (!lease) throw new Error('a leader without a Lease');
    world.befall('released by force', 'e');
    world.store.replace(released(lease, '2026-01-01T00:00:00.000000Z'));
    await within(world, 1_000, 'a free Lease is taken', standing);
    await world.time.advance(MOST_UNAWARE_MS);
    if (term.valid) throw new Violation('overlap', 'a leader was followed, and leads on');

    const again = older.election('f', TIMES);
    for (let turn = 0; turn < 3; turn += 1) {
      const held = await within(world, 5_000, 'a free Lease is taken', older.lead(again));
      await within(world, 5_000, 'every release is done', held.resign());
      world.befall('delete', 'f');
      world.store.removeByHand('f');
      await world.time.advance(random() * 1_000);
    }
    const closing = Promise.all([older.close(), younger.close()]);
    await within(world, 20_000, 'every client closes', closing);
  },
};
