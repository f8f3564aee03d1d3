import { blanked } from '../../../src/core/session-lease.ts';
import type { Scenario } from '../scenario.ts';
import { Violation } from '../invariants/violation.ts';
import { seeded } from '../world/random.ts';
import type { VirtualProcess } from '../world/process.ts';
import type { World } from '../world/world.ts';
import { within } from './within.ts';

const TTL_SECONDS = 5;
/** After a crash: who counts afresh may have to wait for one ttl more, for those behind the first. */
const MOST_RECOVERY_MS = 2 * TTL_SECONDS * 1_000 + 3_000;
/** After the session is blank: the patience of those who wait, and two requests. */
const MOST_AFTER_BLANK_MS = 3_000;
const DEAD_WAITERS = 6;

/** How long it takes until a lock of the dead is in other hands, and until nothing of them is left. */
export const recovery: Scenario = {
  name: 'recovery',
  run: async (world, seed) => {
    const random = seeded(seed * 9_241);
    world.latency = () => 0.3 + random() * 3;
    const dead = Array.from({ length: 1 + DEAD_WAITERS }, (_, index) =>
      world.process(`dead${String(index)}`, { ttl: TTL_SECONDS }),
    );
    const heir = world.process('heir', { ttl: TTL_SECONDS });
    for (const process of dead) await join(world, process);
    const inherited = heir.acquire('x');
    await world.time.advance(2_000 + random() * 3_000);
    for (const process of dead) {
      world.befall('crash', process.name);
      process.crash();
    }
    await within(world, MOST_RECOVERY_MS, 'recovery within 2 ttl + 3 s', inherited);

    // Those who revoked delete what they have revoked a ttl later.
    await world.time.advance(TTL_SECONDS * 1_000 + 2_000);
    const left = world.store.names().filter((name) => name.startsWith('dead'));
    if (left.length > 0) throw new Violation('left-behind', left.join(', '));

    const next = world.process('next', { ttl: TTL_SECONDS });
    const waiting = next.acquire('x');
    await world.time.advance(2_000 + random() * 2_000);
    heir.crash();
    revoke(world, 'heir');
    const last = await within(
      world,
      MOST_AFTER_BLANK_MS,
      'a blank session is dead at once',
      waiting,
    );
    await within(world, 5_000, 'every release is done', last.release());
    await within(world, 5_000, 'every client closes', next.close());
  },
};

/** Waits for x, or holds it. */
async function join(world: World, process: VirtualProcess): Promise<void> {
  void process.acquire('x');
  await world.time.advance(100);
}

/** As somebody does it who knows that the process has ended. */
function revoke(world: World, process: string): void {
  const { store } = world;
  for (const name of store.names().filter((one) => one.startsWith(`${process}-`))) {
    const lease = store.peek(name);
    if (lease) store.replace(blanked(lease, '2026-01-01T00:00:00.000000Z'));
  }
}
