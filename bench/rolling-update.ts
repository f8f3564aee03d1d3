import { rollOut } from '../test/e2e/rollout.ts';
import type { World } from '../test/e2e/world.ts';
import { eventually } from '../test/e2e/world.ts';

/** Milliseconds for which nobody led while three replicas that elect a leader were replaced. */
export async function rollingUpdate(world: World): Promise<number> {
  await world.runDeployment('app', 'lead', 3);
  await world.story.untilTold('connected', 3);
  await world.story.untilTold('leads');
  await rollOut(world, 'app');
  await eventually('a leader of the new Pods', async () => {
    const holder = (await world.lease('leader'))?.spec?.holderIdentity ?? '';
    return (await world.pods('app')).find((name) => holder.startsWith(name));
  });
  const ends = world.story.told('led');
  return world.story
    .told('leads')
    .slice(1)
    .map(({ at }, index) => at - (ends[index]?.at ?? Number.NaN))
    .reduce((total, gap) => total + gap, 0);
}
