import { rollOut } from '../test/e2e/rollout.ts';
import type { World } from '../test/e2e/world.ts';
import { eventually } from '../test/e2e/world.ts';

/** Milliseconds for which nobody led while three replicas that elect a leader were replaced. */
export async function rollingUpdate(world: World): Promise<number> {
  await world.runDeployment('app', 'lead', 3);
  await world.story.untilTold('connected', 3);
  await world.story.untilTold('leads');
  const old = await world.pods('app');
  await rollOut(world, 'app');
  const leader = await eventually('a leader of the new Pods', async () => {
    const holder = (await world.lease('leader'))?.spec?.holderIdentity ?? '';
    return (await world.pods('app')).find((name) => holder.startsWith(name));
  });
  await world.story.until('its lead', ({ pod, event }) => pod === leader && event === 'leads');
  // Each Pod tells by a stream of its own.
  await world.story.untilEnded(old);
  const ends = new Map(world.story.told('led').map(({ fence, at }) => [fence, at]));
  const terms = world.story.told('leads').sort((a, b) => Number(a.fence) - Number(b.fence));
  return terms
    .slice(1)
    .map(({ at }, index) => at - (ends.get(terms[index]?.fence) ?? Number.NaN))
    .reduce((total, gap) => total + gap, 0);
}
