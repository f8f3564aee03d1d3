import { HOLDER_PREFIX } from '../../../src/core/record.ts';
import type { Lease } from '../../../src/core/lease.ts';
import type { Scenario } from '../scenario.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { within } from './within.ts';

const TTL_SECONDS = 3;
const ROUNDS = 6;
/** Who stands third in line asks after six ttl; the owner reads that at its next renewal. */
const MOST_WAIT_MS = 30_000;
const OWN_WAIT_MS = 2_000;

/**
 * Records of locks that are brought back as they were: by a restore, or by hand. They name attempts that
 * are over, of processes that live.
 */
export const strays: Scenario = {
  name: 'strays',
  run: async (world, seed) => {
    const random = seeded(seed * 3_571);
    const processes = ['a', 'b', 'c'].map((name) => world.process(name, { ttl: TTL_SECONDS }));
    for (let round = 0; round < ROUNDS; round += 1) {
      const [owner, ...others] = shuffled(processes, random);
      if (!owner) return;
      const record = await released(world, owner);
      bringBack(world, record);
      const isAlone = random() < 0.3;
      const waiting = isAlone ? [owner] : random() < 0.5 ? others : [...others, owner];
      const served = Promise.all(waiting.map((process) => takeOnce(process, random)));
      await within(
        world,
        isAlone ? OWN_WAIT_MS : MOST_WAIT_MS,
        'nobody waits for an attempt that is over',
        served,
      );
    }
    await within(
      world,
      30_000,
      'every client closes',
      Promise.all(processes.map((process) => process.close())),
    );
  },
};

/** The record of a lock that this process has held and given up. */
async function released(world: World, owner: VirtualProcess): Promise<Lease> {
  const held = await within(world, 10_000, 'every waiter served', owner.acquire('x'));
  const lease = world.store.peek('x');
  if (!lease) throw new Error('a lock that is held has no record');
  const record = structuredClone(lease);
  await within(world, 10_000, 'every release is done', held.release());
  return record;
}

function bringBack(world: World, { metadata, spec }: Lease): void {
  const { name, labels, annotations } = metadata;
  const holders = Object.entries(annotations ?? {}).filter(([key]) =>
    key.startsWith(HOLDER_PREFIX),
  );
  world.befall('entry brought back', name);
  world.store.create({
    metadata: { name, ...(labels ? { labels } : {}), annotations: Object.fromEntries(holders) },
    ...(spec ? { spec } : {}),
  });
}

async function takeOnce(process: VirtualProcess, random: () => number): Promise<void> {
  await new Promise((resolve) => void process.host.schedule(random() * 20, () => resolve(true)));
  const held = await process.acquire('x');
  await held.release();
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, turn: random() }))
    .sort((a, b) => a.turn - b.turn)
    .map(({ item }) => item);
}
