import type { Scenario } from '../scenario.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { within } from './within.ts';

/** More than two versions' worth of tokens. */
const MANY_TURNS = 150_000;
const MOST_WAIT_MS = 2_000;

/** A process with more work of its own than it can do gives way, and never runs out of tokens. */
export const turns: Scenario = {
  name: 'turns',
  run: async (world, seed) => {
    const random = seeded(seed * 1_511);
    const [busy, other] = [world.process('a'), world.process('b')];
    await within(world, 5_000, 'a free lock is taken', take(other, 'y'));
    await inARow(world, busy, MANY_TURNS);
    await within(world, 5_000, 'a free lock is taken', take(other, 'x'));

    let working = true;
    const work = async (): Promise<void> => {
      while (working) {
        const held = await busy.acquire('x');
        await new Promise(
          (resolve) => void busy.host.schedule(1 + random() * 3, () => resolve(true)),
        );
        await held.release();
      }
    };
    const all = Promise.all([work(), work(), work()]);
    await world.time.advance(1_000 * random());
    await within(world, MOST_WAIT_MS, 'a busy process gives way', take(other, 'x'));
    working = false;
    await within(world, 5_000, 'every waiter served', all);
    const closing = Promise.all([busy.close(), other.close()]);
    await within(world, 5_000, 'every client closes', closing);
  },
};

/** Two workers of one process that hand over to each other without a pause. */
async function inARow(world: World, process: VirtualProcess, count: number): Promise<void> {
  const work = async (): Promise<void> => {
    for (let turn = 0; turn < count / 2; turn += 1) {
      const held = await process.acquire('x');
      await held.release();
    }
  };
  await within(world, 60_000, 'every waiter served', Promise.all([work(), work()]));
}

async function take(process: VirtualProcess, lock: string): Promise<void> {
  const held = await process.acquire(lock);
  await held.release();
}
