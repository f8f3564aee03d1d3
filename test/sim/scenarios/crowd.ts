import { isLeaseholdError } from '../../../src/core/errors.ts';
import type { Scenario } from '../scenario.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import { within } from './within.ts';

/** More than the 64 who may wait in the record. */
const PROCESSES = 70;
const TTL_SECONDS = 15;
/** Whoever does not find room looks again after 22.5 s at the latest, with its old place in the line. */
const CROWDED_MS = 40_000;

/** So many wait for one lock that its queue is full: those who come in vain leave it for a while. */
export const crowd: Scenario = {
  name: 'crowd',
  run: async (world, seed) => {
    const random = seeded(seed * 4_409);
    let crowded = true;
    const sleep = (process: VirtualProcess, delay: number): Promise<unknown> =>
      new Promise((resolve) => void process.host.schedule(delay, () => resolve(undefined)));
    const work = async (process: VirtualProcess): Promise<void> => {
      await sleep(process, random() * 1_000);
      while (crowded) {
        const options = random() < 0.1 ? { timeout: random() * 5_000 } : {};
        try {
          const held = await process.acquire('x', options);
          await sleep(process, 50 + random() * 300);
          await held.release();
        } catch (error) {
          if (!isLeaseholdError(error, 'TIMEOUT')) throw error;
        }
      }
    };
    // Whoever leaves the queue, and is granted before that arrives, holds.
    world.inject(({ verb, body }) => {
      const leaves = verb === 'patch' && JSON.stringify(body).includes(':null');
      if (!leaves || random() > 0.5) return undefined;
      return { kind: 'late', after: 20, lands: 100 + random() * 2_000 };
    });
    world.latency = () => 5 + random() * 50;
    const processes = Array.from({ length: PROCESSES }, (_, index) =>
      world.process(`p${String(index)}`, { ttl: TTL_SECONDS }),
    );
    const all = Promise.all(processes.map(work));
    await world.time.advance(CROWDED_MS);
    crowded = false;
    await within(world, 120_000, 'every waiter served', all);
    const closing = Promise.all(processes.map((process) => process.close()));
    await within(world, 60_000, 'every client closes', closing);
  },
};
