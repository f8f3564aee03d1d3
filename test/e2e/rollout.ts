import { eventually, type World } from './world.ts';

interface Deployment {
  readonly metadata: { readonly generation: number };
  readonly status: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  };
}

/** Replaces all three Pods of a Deployment, and waits until that has been done. */
export async function rollOut(world: World, deployment: string): Promise<void> {
  const path = `${world.path('/apis/apps/v1', 'deployments')}/${deployment}`;
  const annotations = { version: '2' };
  await world.client.expect(
    'PATCH',
    path,
    { spec: { template: { metadata: { annotations } } } },
    { contentType: 'application/merge-patch+json' },
  );
  await eventually('an end of the update', async () => {
    const { metadata, status } = await world.client.expect<Deployment>('GET', path);
    const { observedGeneration, replicas, updatedReplicas, availableReplicas } = status;
    const isDone = [replicas, updatedReplicas, availableReplicas].every((count) => count === 3);
    return observedGeneration === metadata.generation && isDone ? true : undefined;
  });
}
