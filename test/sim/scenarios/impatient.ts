import { isLeaseholdError } from '../../../src/core/errors.ts';
import type { Held } from '../../../src/lock/held.ts';
import type { Scenario } from '../scenario.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import { within } from './within.ts';

const TTL_SECONDS = 3;
const MOST_RECOVERY_MS = 20_000;

/** Nobody waits for as long as a ttl, or at all: a lock of the dead is recovered nevertheless. */
export const impatient: Scenario = {
  name: 'impatient',
  run: async (world, seed) => {
    const random = seeded(seed * 7_013);
    const dead = world.process('a', { ttl: TTL_SECONDS });
    const heir = world.process('b', { ttl: TTL_SECONDS });
    await within(world, 5_000, 'a free lock is taken', dead.acquire('x'));
    await world.time.advance(random() * 4_000);
    world.befall('crash', 'a');
    dead.crash();
    const attempt =
      seed % 2 === 0
        ? () => heir.acquire('x', { timeout: 1_500 + random() * 800 })
        : () => heir.tryAcquire('x');
    await within(world, MOST_RECOVERY_MS, 'the impatient are served', until(heir, attempt));
    await within(world, 20_000, 'every client closes', heir.close());
  },
};

async function until(
  process: VirtualProcess,
  attempt: () => Promise<Held | undefined>,
): Promise<void> {
  for (;;) {
    try {
      const held = await attempt();
      if (held) {
        await held.release();
        return;
      }
    } catch (error) {
      if (!isLeaseholdError(error, 'TIMEOUT')) throw error;
    }
    await new Promise((resolve) => void process.host.schedule(300, () => resolve(undefined)));
  }
}
