import { afterEach, beforeEach, expect, test } from 'vitest';
import { World } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await World.create();
});

afterEach(async () => {
  await world.end();
});

test('three replicas take turns at a lock and elect one leader, each as its own Pod', async () => {
  await world.runDeployment('app', 'turns', 3);
  await world.story.untilTold('done', 3);
  await world.story.untilTold('leads');

  // One node, one clock: whoever holds has ended before the next begins.
  const turns = world.story.lines.filter(({ event }) => event === 'holds' || event === 'held');
  const byFence = Map.groupBy(turns, ({ fence }) => BigInt(fence ?? 0));
  const inOrder = [...byFence].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, of]) => of);
  expect(inOrder).toHaveLength(30);
  for (const [index, of] of inOrder.entries()) {
    expect(of.map(({ event }) => event)).toEqual(['holds', 'held']);
    const [before, next] = [inOrder[index - 1]?.[1]?.at ?? 0, of[0]?.at ?? 0];
    expect(next).toBeGreaterThanOrEqual(before);
  }
  expect(world.story.told('leads')).toHaveLength(1);

  const pods = new Set(turns.map(({ pod }) => pod));
  expect(pods.size).toBe(3);
  for (const name of pods) {
    const { metadata } = await world.pod(name);
    const [session] = await world.sessionsOf(metadata.uid);
    // What its token says, and the container that the kubelet's mounts name.
    expect(session?.metadata.ownerReferences).toMatchObject([
      { kind: 'Pod', name, uid: metadata.uid },
    ]);
    expect(session?.metadata.annotations?.['leasehold.dev/container']).toBe('main');
  }
});
