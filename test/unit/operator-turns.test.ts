import { beforeEach, describe, expect, it } from 'vitest';
import { ReclaimQueue } from '../../src/operator/reclaim-queue.ts';
import type { Victim } from '../../src/operator/revocation.ts';
import { Host } from '../../src/testing/virtual/host.ts';
import { VirtualTime } from '../../src/testing/virtual/time.ts';
import { OperatorWorld, revocations } from './operator-world.ts';

const SOON_MS = 1_000;
const AT_ONCE = 100;
const A_SECOND = 100;

describe('of 500 sessions that end at once, those go first behind which somebody has waited longest', () => {
  // None is among the first that are told of.
  const wanted = ['p-450', 'p-307', 'p-499', 'p-333', 'p-410', 'p-308'];

  /** The waits are those for the wanted, in that order. */
  async function given(): Promise<{
    world: OperatorWorld;
    waits: Promise<unknown>;
    end: () => Promise<void>;
  }> {
    const world = new OperatorWorld();
    const pods = await Promise.all(
      Array.from({ length: 500 }, (_, at) => world.pod(`p-${String(at).padStart(3, '0')}`)),
    );
    for (const { name, leasehold } of pods) {
      await world.time.settled(leasehold.lock(`own-${name}`).acquire());
    }
    const waiter = await world.pod('waiter');
    const waiting: Promise<unknown>[] = [];
    for (const name of wanted) {
      waiting.push(waiter.leasehold.lock(`own-${name}`).acquire());
      await world.time.advance(1_100);
    }
    await world.time.advance(5_000);
    const end = async (): Promise<void> => {
      for (const pod of pods) world.crash(pod);
      for (const pod of pods) await world.reportEnd(pod);
    };
    return { world, waits: Promise.all(waiting), end };
  }

  it('for an operator that begins to lead', async () => {
    const { world, waits, end } = await given();
    const { reports, lead } = world.operator();
    await end();
    lead();
    await world.time.settled(waits, SOON_MS);
    await world.time.advance(10_000);
    const order = revocations(reports).map(({ proof }) => proof?.pod);
    expect(order).toHaveLength(500);
    expect(order.slice(0, wanted.length)).toEqual(wanted);
    expect(world.leases('lock')).toHaveLength(wanted.length);
  });

  it('for one that leads, past those that it revokes at once, and so many a second', async () => {
    const { world, waits, end } = await given();
    const { reports, lead } = world.operator();
    lead();
    await world.time.advance(SOON_MS);
    await end();
    await world.time.advance(0);
    expect(revocations(reports)).toHaveLength(AT_ONCE);
    for (let seconds = 1; seconds <= 4; seconds += 1) {
      await world.time.advance(1_000);
      expect(revocations(reports)).toHaveLength(AT_ONCE + seconds * A_SECOND);
    }
    await world.time.settled(waits, 0);
    const order = revocations(reports).map(({ proof }) => proof?.pod);
    expect(order.slice(AT_ONCE, AT_ONCE + wanted.length)).toEqual(wanted);
    expect(world.leases('lock')).toHaveLength(wanted.length);
  });
});

describe('the queue of those to reclaim', () => {
  const time = new VirtualTime();
  const clock = new Host(time);
  let queue: ReclaimQueue;
  let stopping: AbortController;
  let began: string[];

  beforeEach(() => {
    queue = new ReclaimQueue(clock);
    stopping = new AbortController();
    began = [];
  });

  /** @param work - of one whose name begins with `hangs`: lasts for ever */
  async function run(): Promise<void> {
    await queue.run(stopping.signal, ({ session: { name } }) => {
      began.push(name);
      return name.startsWith('hangs') ? new Promise(() => undefined) : Promise.resolve(true);
    });
  }

  function victim(namespace: string, name: string): Victim {
    const pod = { namespace, name, uid: name, resourceVersion: '1', node: 'a', containers: [] };
    const end = { pod: name, podUid: name, container: 'app', containerID: name, reason: 'Error' };
    return {
      lease: { metadata: { name } },
      session: { namespace, name, uid: name },
      pod: {
        ...pod,
        createdAt: undefined,
        hostname: undefined,
        holdingContainer: undefined,
        leads: undefined,
      },
      proof: { ...end, exitCode: 1, finishedAt: 2, sessionStart: 1 },
      isHeard: true,
    };
  }

  function add(name: string, since?: number, namespace = 'default'): Promise<boolean | undefined> {
    return queue.add(victim(namespace, name), since);
  }

  it('has no namespace wait for the writes of another', async () => {
    void run();
    for (let at = 0; at < 50; at += 1) void add(`hangs-${String(at)}`, at, 'slow');
    await time.advance(0);
    expect(began).toHaveLength(8);
    await time.settled(add('quick', undefined, 'other'), 0);
  });

  it.each([
    ['last', 59_000, 20],
    ['in the tenth turn if it has been there for a minute', 61_000, 9],
  ])('lets one behind which nobody waits go %s', async (_, delay, turn) => {
    void add('unawaited');
    await time.advance(delay);
    // Their clocks may be years ahead.
    for (let at = 0; at < 20; at += 1) void add(String(at), clock.wall() + 1e12 - at);
    void run();
    await time.advance(0);
    expect(began.indexOf('unawaited')).toBe(turn);
    const others = began.filter((name) => name !== 'unawaited').map(Number);
    expect(others).toEqual(others.toSorted((a, b) => b - a));
    expect(others).toHaveLength(20);
  });

  it('gives up those whose turn has not come when the lead ends', async () => {
    const lasts = run();
    const results = Array.from({ length: AT_ONCE + 1 }, (_, at) => add(String(at)));
    await time.advance(0);
    stopping.abort();
    await time.settled(lasts, 0);
    expect(await results[0]).toBe(true);
    expect(await results[AT_ONCE]).toBeUndefined();
  });
});
