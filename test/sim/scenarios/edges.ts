import type { Held } from '../../../src/lock/held.ts';
import type { Scenario } from '../scenario.ts';
import type { SentRequest } from '../world/network.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { within } from './within.ts';

const TTL_SECONDS = 6;
const TIMES = { leaseDuration: '3s', renewDeadline: '2s', retryPeriod: '500ms' } as const;
/** Nearly as far apart as they may be. */
const SLOW = 0.91;
const FAST = 1.09;

/** What goes wrong in the worst moment, with clocks as bad as they may be: each seed one thing. */
export const edges: Scenario = {
  name: 'edges',
  run: async (world, seed) => {
    const cases = [
      renewalInDoubt,
      takeOverInDoubt,
      outageAsLongAsValidity,
      silentWatch,
      lateWithdrawal,
    ];
    const edge = cases[seed % cases.length];
    if (!edge) return;
    const random = seeded(seed * 4_327);
    world.latency = () => 0.3 + random() * 3;
    world.befall(edge.name, 'somebody');
    await edge({ world, random });
    const alive = world.processes.filter(({ host }) => host.state !== 'crashed');
    for (const { host } of alive) host.cut = false;
    const closing = Promise.all(alive.map((process) => process.close()));
    await within(world, 60_000, 'every client closes', closing);
  },
};

interface Scene {
  readonly world: World;
  readonly random: () => number;
}

/** The answer to a renewal is lost, and it is looked up late; nothing gets through after that. */
async function renewalInDoubt({ world, random }: Scene): Promise<void> {
  const { first, second, waiting } = await holderAndWaiter(world);
  await world.time.advance(2_000 + random() * 4_000);
  const isOfSession = ({ process, name }: SentRequest): boolean =>
    process === first.name && name.startsWith(`${first.name}-`);
  let isLost = false;
  let isFound = false;
  world.inject((request) => {
    if (!isOfSession(request)) return undefined;
    if (request.verb === 'replace' && !isLost) {
      isLost = true;
      return { kind: 'lose-answer', after: 20 };
    }
    if (!isLost || isFound) return undefined;
    isFound = true;
    return { kind: 'slow', there: 1, back: random() * 2_000 };
  });
  await world.time.runUntil(() => isFound, 10_000, 'a renewal is looked up');
  await world.time.advance(random() * 2_500);
  first.host.cut = true;
  const next = await within(world, 30_000, 'every waiter served', waiting);
  await within(world, 10_000, 'every release is done', next.release());
  second.host.cut = false;
}

/** The same for the write that takes an election over. */
async function takeOverInDoubt({ world, random }: Scene): Promise<void> {
  const older = world.process('a');
  const slow = world.process('b', { rate: SLOW });
  const fast = world.process('c', { rate: FAST });
  const leading = older.lead(older.election('e', TIMES));
  const term = await within(world, 5_000, 'a free Lease is taken', leading);
  // Once it knows that it leads, nobody hears of it any more.
  const winning = slow.lead(slow.election('e', TIMES)).then(() => (slow.host.cut = true));
  await world.time.advance(500 + random() * 500);
  let isSent = false;
  let isFound = false;
  world.inject(({ process, verb }) => {
    if (process !== slow.name) return undefined;
    if (verb === 'replace' && !isSent) {
      isSent = true;
      for (const watch of slow.requests.watches) watch.silence();
      return { kind: 'lose-answer', after: 10 };
    }
    if (!isSent || isFound) return undefined;
    isFound = true;
    return { kind: 'slow', there: 1, back: random() * 2_800 };
  });
  await within(world, 5_000, 'every release is done', term.resign());
  await world.time.runUntil(() => isFound, 5_000, 'a write in doubt is looked up');
  const standing = fast.lead(fast.election('e', TIMES));
  await Promise.race([winning, world.time.advance(3_000)]);
  slow.host.cut = true;
  await within(world, 20_000, 'somebody leads', standing);
  await world.time.advance(3_000);
}

/** An outage that the session does not outlast, and that is over before others can have noticed. */
async function outageAsLongAsValidity({ world, random }: Scene): Promise<void> {
  const ttl = 15;
  const first = world.process('a', { ttl });
  await within(world, 5_000, 'a free lock is taken', first.acquire('x'));
  const waiting = world.process('b', { ttl }).acquire('x');
  await world.time.advance(3_000);
  const session = world.store.names().find((name) => name.startsWith(`${first.name}-`)) ?? '';
  const before = world.store.peek(session);
  const isRenewed = (): boolean => world.store.peek(session) !== before;
  await world.time.runUntil(isRenewed, 10_000, 'a session renews');
  first.host.cut = true;
  await world.time.advance(ttl * 800 + 20 + random() * 200);
  first.host.cut = false;
  // A waiter would ask its owner after two ttl.
  const next = await within(world, ttl * 800, 'a lost session is not renewed', waiting);
  await within(world, 10_000, 'every release is done', next.release());
}

/** The watch of the next in line says nothing any more, as if nothing happened. */
async function silentWatch({ world, random }: Scene): Promise<void> {
  const { held, second, waiting } = await holderAndWaiter(world);
  await world.time.advance(random() * 5_000);
  for (const watch of second.requests.watches) watch.silence();
  await within(world, 10_000, 'every release is done', held.release());
  const next = await within(world, 15_000, 'a silent watch is not trusted', waiting);
  await within(world, 10_000, 'every release is done', next.release());
}

/** A request by which somebody leaves a full queue arrives when it holds, and is the last it hears of. */
async function lateWithdrawal({ world, random }: Scene): Promise<void> {
  const processes = ['a', 'b', 'c'].map((name) => world.process(name, { ttl: TTL_SECONDS }));
  const take = async (process: VirtualProcess, lock: string, duration: number): Promise<void> => {
    const held = await process.acquire(lock);
    if (duration > 0) for (const watch of process.requests.watches) watch.silence();
    await new Promise((resolve) => void process.host.schedule(duration, () => resolve(true)));
    await held.release();
  };
  // With sessions, so that all of them join at the same time.
  for (const one of processes)
    await within(world, 5_000, 'a free lock is taken', take(one, 'y', 0));
  world.inject(({ verb, name, body }) => {
    const leaves = verb === 'patch' && name === 'x' && JSON.stringify(body).includes(':null');
    return leaves ? { kind: 'late', after: 20, lands: 300 + random() * 5_000 } : undefined;
  });
  const turns = processes.map(async (process) => {
    for (let turn = 0; turn < 3; turn += 1) await take(process, 'x', 1_500);
  });
  await within(world, 200_000, 'every waiter served', Promise.all(turns));
}

async function holderAndWaiter(world: World): Promise<{
  first: VirtualProcess;
  second: VirtualProcess;
  held: Held;
  waiting: Promise<Held>;
}> {
  const first = world.process('a', { ttl: TTL_SECONDS, rate: SLOW });
  const second = world.process('b', { ttl: TTL_SECONDS, rate: FAST });
  const held = await within(world, 5_000, 'a free lock is taken', first.acquire('x'));
  const waiting = second.acquire('x');
  await world.time.advance(50);
  return { first, second, held, waiting };
}
