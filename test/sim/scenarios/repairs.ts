import { HOLDER_PREFIX } from '../../../src/core/record.ts';
import type { Leadership } from '../../../src/election/term.ts';
import type { Held } from '../../../src/lock/held.ts';
import type { Workshop } from '../../../src/repair/compare-and-swap.ts';
import { findHolder, releaseHolder, tellHolder } from '../../../src/repair/release.ts';
import type { Holder } from '../../../src/repair/release.ts';
import { askToResign, findLeader } from '../../../src/repair/resign.ts';
import type { ShownTerm } from '../../../src/repair/resign.ts';
import { revoke } from '../../../src/repair/revoke.ts';
import { readSession } from '../../../src/repair/session-state.ts';
import type { Scenario } from '../scenario.ts';
import { Violation } from '../invariants/violation.ts';
import { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { within } from './within.ts';

const TTL_SECONDS = 6;
const RETRY_MS = 500;
const TIMES = { leaseDuration: '6s', renewDeadline: '4s', retryPeriod: '500ms' } as const;
/** Longer than any request takes. */
const SLACK_MS = 100;

/** What people on call do who know what they do, and what has changed while they thought: each seed one thing. */
export const repairs: Scenario = {
  name: 'repairs',
  run: async (world, seed) => {
    const cases = [
      holderHasReleased,
      holderIsTold,
      sessionHasRenewed,
      anotherLeads,
      requestIsOld,
      leaderIsAsked,
      entryNamesAnotherLease,
      lockIsEditedInALoop,
    ];
    const happens = cases[seed % cases.length];
    if (!happens) return;
    const dice = new Dice(seeded(seed * 7_433));
    world.latency = () => dice.between(0.3, 5);
    const [first, second] = [
      world.process('a', { ttl: TTL_SECONDS }),
      world.process('b', { ttl: TTL_SECONDS }),
    ];
    world.befall(happens.name, 'somebody on call');
    await happens({ world, dice, first, second });
    const closing = Promise.all([first.close(), second.close()]);
    await within(world, 30_000, 'every client closes', closing);
  },
};

interface Scene {
  readonly world: World;
  readonly dice: Dice;
  readonly first: VirtualProcess;
  readonly second: VirtualProcess;
}

/** By force, but who was shown has released meanwhile: the next one keeps the lock. */
async function holderHasReleased(scene: Scene): Promise<void> {
  const { world, dice, second } = scene;
  const held = await hold(scene);
  const waiting = second.acquire('x');
  await world.time.advance(dice.between(100, 3_000));
  const workshop = onCall(world);
  const holder = await shownHolder(world, workshop);
  await give(world, held);
  const next = await within(world, 5_000, 'every waiter served', waiting);
  await within(world, 5_000, 'every repair ends', releaseHolder(workshop, holder));
  await world.time.advance(SLACK_MS);
  if (!next.valid) throw new Violation('dropped', 'x: of who was granted it meanwhile');
  await give(world, next);
}

/** By force, from a holder that hears nothing of its lock: it learns at its next renewal. */
async function holderIsTold(scene: Scene): Promise<void> {
  const { world, dice, first } = scene;
  const held = await hold(scene);
  await world.time.advance(dice.between(1_500, 4_000));
  for (const watch of first.requests.watches) watch.silence();
  const workshop = onCall(world);
  world.registry.person(nameOfLast(world));
  const holder = await shownHolder(world, workshop);
  await within(world, 5_000, 'every repair ends', releaseHolder(workshop, holder));
  await within(world, 5_000, 'every repair ends', tellHolder(workshop, holder));
  await world.time.advance((TTL_SECONDS * 1_000) / 3 + SLACK_MS);
  if (held.valid) throw new Violation('steal-unnoticed', 'x was taken, and is relied on');
}

/** A session that was silent when it was shown, and has renewed since. */
async function sessionHasRenewed(scene: Scene): Promise<void> {
  const { world, dice, first } = scene;
  const held = await hold(scene);
  first.host.pause();
  await world.time.advance(dice.between(2_500, 4_000));
  const workshop = onCall(world);
  const [name = ''] = world.store.names().filter((one) => one.startsWith(`${first.name}-`));
  const session = await within(world, 5_000, 'a read', readSession(workshop, name));
  first.host.resume();
  await world.time.advance(SLACK_MS);
  if (session.state !== 'present') throw new Error(session.state);
  await within(world, 5_000, 'every repair ends', revoke(workshop, session, false));
  await give(world, held);
}

/** Who was shown as the leader has resigned meanwhile: the next one is not asked. */
async function anotherLeads(scene: Scene): Promise<void> {
  const { world, second } = scene;
  const term = await lead(scene);
  const standing = second.lead(second.election('e', TIMES));
  await world.time.advance(RETRY_MS);
  const workshop = onCall(world);
  const shown = await shownTerm(world, workshop);
  await within(world, 5_000, 'every release is done', term.resign());
  const next = await within(world, 5_000, 'somebody leads', standing);
  await within(world, 5_000, 'every repair ends', askToResign(workshop, shown, undefined));
  await isAsked(scene, next, false);
}

/** A request that has stood there since another term. */
async function requestIsOld(scene: Scene): Promise<void> {
  const { world, dice } = scene;
  const term = await lead(scene);
  const another = dice.pick(['a_1/7', 'b_1/0', '']) ?? '';
  world.store.editByHand('e', { annotations: { 'leasehold.dev/resign': another } });
  await isAsked(scene, term, false);
}

async function leaderIsAsked(scene: Scene): Promise<void> {
  const { world } = scene;
  const term = await lead(scene);
  const workshop = onCall(world);
  const shown = await shownTerm(world, workshop);
  await within(world, 5_000, 'every repair ends', askToResign(workshop, shown, undefined));
  await isAsked(scene, term, true);
}

/** Somebody has made an entry whose session is the Lease of something else, which nobody renews. */
async function entryNamesAnotherLease({ world, second }: Scene): Promise<void> {
  const other = world.store.create({
    metadata: { name: 'heart' },
    spec: { holderIdentity: 'somebody', leaseDurationSeconds: 1 },
  });
  if (other.kind !== 'done') throw new Error('no Lease was made');
  const before = JSON.stringify(world.store.peek('heart')?.spec);
  const uid = world.store.peek('heart')?.metadata.uid ?? '';
  const key = `${HOLDER_PREFIX}ffffffff-1`;
  world.store.create({
    metadata: {
      name: 'x',
      labels: { 'leasehold.dev/role': 'lock' },
      annotations: { [key]: `v=1 session=heart uid=${uid} ttl=3 mode=exclusive` },
    },
    spec: { holderIdentity: 'heart' },
  });
  const waiting = second.acquire('x');
  await world.time.advance(3 * TTL_SECONDS * 1_000);
  // A question to its owner may stand on it.
  if (JSON.stringify(world.store.peek('heart')?.spec) !== before) {
    throw new Violation('foreign', 'the Lease of something else was revoked');
  }
  world.store.editByHand('x', { annotations: { [key]: null } });
  await give(world, await within(world, 15_000, 'every waiter served', waiting));
}

/** Faster than anybody can read and write it. */
async function lockIsEditedInALoop(scene: Scene): Promise<void> {
  const { world, dice, second } = scene;
  const held = await hold(scene);
  const waiting = second.acquire('x');
  await world.time.advance(dice.between(100, 3_000));
  world.latency = () => dice.between(3, 6);
  let edits = 0;
  const edit = (): void => {
    edits += 1;
    world.store.editByHand('x', { labels: { edited: String(edits) } });
    cancel = world.time.schedule(dice.between(1, 3), edit);
  };
  let cancel = world.time.schedule(0, edit);
  // Whoever waits settles, and competes, too: until the loop ends.
  const releasing = held.release();
  const id = world.holders('x')[0] ?? '';
  const isOut = (): boolean => !world.holders('x').includes(id);
  await world.time.runUntil(isOut, 3_000, 'a release does not compete for ever');
  cancel();
  await within(world, 5_000, 'every release is done', releasing);
  await give(world, await within(world, 15_000, 'every waiter served', waiting));
}

/** Somebody on call, with a machine of their own. */
function onCall(world: World): Workshop {
  return world.process(`op${String(world.processes.length)}`).workshop;
}

function nameOfLast(world: World): string {
  return world.processes.at(-1)?.name ?? '';
}

async function shownHolder(world: World, workshop: Workshop): Promise<Holder> {
  const found = await within(world, 5_000, 'a read', findHolder(workshop, 'x'));
  if (found.kind !== 'found') throw new Error(found.kind);
  return found.holder;
}

async function shownTerm(world: World, workshop: Workshop): Promise<ShownTerm> {
  const found = await within(world, 5_000, 'a read', findLeader(workshop, 'e'));
  if (found.kind !== 'found') throw new Error(found.kind);
  return found.term;
}

function hold({ world, first }: Scene): Promise<Held> {
  return within(world, 5_000, 'a free lock is taken', first.acquire('x'));
}

function lead({ world, first }: Scene): Promise<Leadership> {
  return within(world, 5_000, 'a free Lease is taken', first.lead(first.election('e', TIMES)));
}

async function give(world: World, held: Held): Promise<void> {
  await within(world, 10_000, 'every release is done', held.release());
}

/** Whether it ends its work, at its next renewal. */
async function isAsked({ world }: Scene, term: Leadership, expected: boolean): Promise<void> {
  await world.time.advance(2 * RETRY_MS + SLACK_MS);
  if (term.signal.aborted === expected) return;
  const what = expected ? 'goes on' : 'ends its work';
  throw new Violation('asked', `the leader of ${term.name} ${what}`);
}
