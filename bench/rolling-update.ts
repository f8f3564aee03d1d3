import type { World } from '../test/e2e/world.ts';
import { eventually } from '../test/e2e/world.ts';

interface Deployment {
  readonly metadata: { readonly generation: number };
  readonly status: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  };
}

/** Milliseconds for which nobody led while three replicas that elect a leader were replaced. */
export async function rollingUpdate(world: World): Promise<number> {
  await world.runDeployment('app', 'lead', 3);
  await world.story.untilTold('connected', 3);
  await world.story.untilTold('leads');
  const path = `${world.path('/apis/apps/v1', 'deployments')}/app`;
  const template = { metadata: { annotations: { version: '2' } } };
  await world.client.expect(
    'PATCH',
    path,
    { spec: { template } },
    { contentType: 'application/merge-patch+json' },
  );
  await eventually('an end of the update', async () => {
    const { metadata, status } = await world.client.expect<Deployment>('GET', path);
    const { observedGeneration, replicas, updatedReplicas, availableReplicas } = status;
    const isDone = [replicas, updatedReplicas, availableReplicas].every((count) => count === 3);
    return observedGeneration === metadata.generation && isDone ? true : undefined;
  });
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
