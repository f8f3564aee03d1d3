import { afterEach, beforeEach, expect, test } from 'vitest';
import { rollOut } from './rollout.ts';
import { World, eventually } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await World.create();
});

afterEach(async () => {
  await world.end();
});

test('a rolling update hands leadership on, one term after the other', async () => {
  await world.runDeployment('app', 'lead', 3);
  await world.story.untilTold('connected', 3);
  await world.story.untilTold('leads');
  const old = await world.pods('app');

  await rollOut(world, 'app');
  const leader = await eventually('a leader of the new Pods', async () => {
    const holder = (await world.lease('leader'))?.spec?.holderIdentity ?? '';
    return (await world.pods('app')).find((name) => holder.startsWith(name));
  });
  expect(old).not.toContain(leader);
  await world.story.until('its lead', ({ pod, event }) => pod === leader && event === 'leads');
  // Each Pod tells by a stream of its own, the older ones perhaps later.
  await world.story.untilEnded(old);

  // One node, one clock. Whoever leads has told that it does, and all others that they have led.
  const terms = world.story.told('leads').sort((a, b) => Number(fence(a) - fence(b)));
  expect(terms.length).toBeGreaterThan(1);
  const led = await world.story.untilTold('led', terms.length - 1);
  const ends = new Map(led.map((line) => [fence(line), line]));
  expect(terms.at(-1)?.pod).toBe(leader);
  expect(ends.size).toBe(terms.length - 1);
  for (const [index, term] of terms.slice(1).entries()) {
    const before = terms[index];
    const end = before && ends.get(fence(before));
    expect(term.at).toBeGreaterThanOrEqual(end?.at ?? Infinity);
  }
  const gaps = terms.slice(1).map((term, index) => {
    const before = terms[index];
    return term.at - ((before && ends.get(fence(before))?.at) ?? 0);
  });
  process.stdout.write(`between the terms of the rolling update: ${gaps.join(', ')} ms\n`);
});

function fence(line: { readonly fence?: string }): bigint {
  return BigInt(line.fence ?? 0);
}
