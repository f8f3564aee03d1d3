import { isLeaseholdError } from '../../../src/core/errors.ts';
import { HOLDER_PREFIX, QUEUE_PREFIX } from '../../../src/core/record.ts';
import { blanked } from '../../../src/core/session-lease.ts';
import type { Lease } from '../../../src/core/lease.ts';
import type { Held } from '../../../src/lock/held.ts';
import type { Scenario } from '../scenario.ts';
import { Violation } from '../invariants/violation.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { within } from './within.ts';

const TTL_SECONDS = 3;
const TIMES = { leaseDuration: '3s', renewDeadline: '2s', retryPeriod: '500ms' } as const;
const MOST_WAIT_MS = 15_000;

/** What a clumsy administrator does to Leases by hand: each seed one thing. */
export const clumsy: Scenario = {
  name: 'clumsy',
  run: async (world, seed) => {
    const mishaps = [
      garblesHolder,
      garblesWaiter,
      knowsNewerVersion,
      takesTheName,
      deletesHeldLock,
      shortensSession,
      shortensElection,
      makesSessionAgain,
      blanksSession,
    ];
    const mishap = mishaps[seed % mishaps.length];
    const processes = ['a', 'b', 'c'].map((name) => world.process(name, { ttl: TTL_SECONDS }));
    const [first, second, third] = processes;
    if (!mishap || !first || !second || !third) return;
    world.befall(mishap.name, 'somebody');
    const random = seeded(seed * 8_017);
    world.latency = () => 0.5 + random() * 8;
    await mishap({ world, random, first, second, third });
    const alive = processes.filter(({ host }) => host.state !== 'crashed');
    const closing = Promise.all(alive.map((process) => process.close()));
    await within(world, 30_000, 'every client closes', closing);
  },
};

interface Scene {
  readonly world: World;
  readonly random: () => number;
  readonly first: VirtualProcess;
  readonly second: VirtualProcess;
  readonly third: VirtualProcess;
}

/** The holder cannot be read any more: until somebody repairs that, nobody else holds. */
async function garblesHolder({ world, random, first, second }: Scene): Promise<void> {
  const held = await hold(world, first);
  const waiting = second.acquire('x').catch((error: unknown) => error);
  await world.time.advance(random() * 200);
  const key = keyOf(world, HOLDER_PREFIX);
  annotate(world, { [key]: 'v=1 session' });
  await world.time.advance(8_000 + random() * 4_000);
  await give(world, held);
  annotate(world, { [key]: null });
  const result = await within(world, MOST_WAIT_MS, 'every waiter served', waiting);
  if (isLeaseholdError(result, 'UNREADABLE_RECORD')) return;
  await give(world, result as Held);
}

/** A waiter cannot be read any more: the others are served nevertheless. */
async function garblesWaiter({ world, first, second }: Scene): Promise<void> {
  const held = await hold(world, first);
  const waiting = second.acquire('x');
  await world.time.advance(50);
  annotate(world, { [`${QUEUE_PREFIX}ffffffff-1`]: 'garbled' });
  await give(world, held);
  const next = await within(world, 5_000, 'what cannot be read in a queue is ignored', waiting);
  await give(world, next);
}

/** A newer version of the library holds, by an entry of which only the version can be read. */
async function knowsNewerVersion({ world, random, first }: Scene): Promise<void> {
  const key = `${HOLDER_PREFIX}ffffffff-1`;
  world.store.create({
    metadata: {
      name: 'x',
      labels: { 'leasehold.dev/role': 'lock' },
      annotations: { [key]: 'v=2 session=newer-ffffffff uid=newer ttl=3 mode=exclusive' },
    },
    spec: { holderIdentity: 'newer-ffffffff' },
  });
  let holds = true;
  world.invariants.granted({
    name: 'x',
    who: 'a newer version',
    fence: 1n,
    isRelied: () => holds,
    isStolen: false,
  });
  const waiting = first.acquire('x');
  await world.time.advance(10_000 + random() * 5_000);
  holds = false;
  annotate(world, { [key]: null });
  const held = await within(world, MOST_WAIT_MS, 'every waiter served', waiting);
  await give(world, held);
}

/** A Lease of that name belongs to somebody else: an error, and it stays as it is. */
async function takesTheName({ world, first, second }: Scene): Promise<void> {
  world.store.create({ metadata: { name: 'x' }, spec: { holderIdentity: 'somebody' } });
  const before = JSON.stringify(world.store.peek('x'));
  const outcomes = await within(
    world,
    5_000,
    'a Lease of others is an error',
    Promise.allSettled([first.acquire('x', { timeout: 4_000 }), second.tryAcquire('x')]),
  );
  const areRefused = outcomes.every(
    (one) => one.status === 'rejected' && isLeaseholdError(one.reason, 'FOREIGN_LEASE'),
  );
  if (!areRefused || JSON.stringify(world.store.peek('x')) !== before) {
    throw new Violation('kept', JSON.stringify(world.store.peek('x')));
  }
}

/** A steal, which the holder learns of by its watch. */
async function deletesHeldLock({ world, random, first }: Scene): Promise<void> {
  const held = await within(world, 5_000, 'a free lock is taken', first.lock('x').acquire());
  await world.time.advance(1_500 + random() * 3_000);
  world.store.removeByHand('x');
  await world.time.advance(500);
  if (held.valid) throw new Violation('overlap', 'the lock was deleted, and is relied on');
}

/** Its duration in the Lease is edited: it counts for as long as its entries say. */
async function shortensSession(scene: Scene): Promise<void> {
  const { world, random, first, second } = scene;
  const held = await hold(world, first);
  const waiting = second.acquire('x');
  await world.time.advance(1_500 + random() * 2_000);
  const session = sessionOf(world, first);
  world.store.replace({ ...session, spec: { ...session.spec, leaseDurationSeconds: 1 } });
  // Before it can write the right one again.
  first.host.pause();
  await world.time.advance(1_200 + random() * 4_000);
  first.host.resume();
  await world.time.advance(100);
  await give(world, held);
  const next = await within(world, MOST_WAIT_MS, 'every waiter served', waiting);
  await give(world, next);
}

async function shortensElection({ world, random, first, second }: Scene): Promise<void> {
  await within(world, 5_000, 'a free Lease is taken', first.lead(first.election('e', TIMES)));
  const standing = second.lead(second.election('e', TIMES));
  await world.time.advance(500 + random() * 500);
  const lease = world.store.peek('e');
  if (!lease) throw new Error('a leader without a Lease');
  world.store.replace({ ...lease, spec: { ...lease.spec, leaseDurationSeconds: 1 } });
  first.host.pause();
  await world.time.advance(1_200 + random() * 3_000);
  first.host.resume();
  first.crash();
  await within(world, MOST_WAIT_MS, 'somebody leads', standing);
}

/** A backup of it is applied: it has another uid, so all others count the session as missing. */
async function makesSessionAgain({ world, random, first, second }: Scene): Promise<void> {
  const held = await hold(world, first);
  const waiting = second.acquire('x');
  await world.time.advance(1_500 + random() * 1_000);
  const { metadata, spec } = sessionOf(world, first);
  const { name, labels } = metadata;
  world.store.removeByHand(name);
  world.store.create({
    metadata: { name, ...(labels ? { labels } : {}) },
    ...(spec ? { spec } : {}),
  });
  const next = await within(world, MOST_WAIT_MS, 'every waiter served', waiting);
  await give(world, next);
  await give(world, held);
}

/** As `leasehold revoke` does it: the owner, if it lives, learns at its next renewal. */
async function blanksSession({ world, random, first, second }: Scene): Promise<void> {
  const held = await within(world, 5_000, 'a free lock is taken', first.lock('x').acquire());
  await world.time.advance(random() * 4_000);
  world.store.replace(blanked(sessionOf(world, first), '2026-01-01T00:00:00.000000Z'));
  await world.time.advance((TTL_SECONDS * 1_000) / 3 + 100);
  if (held.valid) throw new Violation('overlap', 'a revoked owner has not given up');
  await give(world, await within(world, 5_000, 'every waiter served', second.acquire('x')));
}

async function hold(world: World, process: VirtualProcess): Promise<Held> {
  return within(world, 5_000, 'a free lock is taken', process.acquire('x'));
}

async function give(world: World, held: Held): Promise<void> {
  await within(world, 10_000, 'every release is done', held.release());
}

function annotate(world: World, annotations: Record<string, string | null>): void {
  world.store.editByHand('x', { annotations });
}

function keyOf(world: World, prefix: string): string {
  const annotations = world.store.peek('x')?.metadata.annotations ?? {};
  const key = Object.keys(annotations).find((one) => one.startsWith(prefix));
  if (key === undefined) throw new Error(`no ${prefix}`);
  return key;
}

function sessionOf(world: World, process: VirtualProcess): Lease {
  const name = world.store.names().find((one) => one.startsWith(`${process.name}-`));
  const lease = name === undefined ? undefined : world.store.peek(name);
  if (!lease) throw new Error(`${process.name} has no session`);
  return structuredClone(lease);
}
