import { chart, runHelm } from '../chart/helm.ts';
import type { Line } from './story.ts';
import { eventually, type World } from './world.ts';

const component = 'app.kubernetes.io/component=operator';

/** Runs Helm in the namespace of a test. */
export function helm(world: World, ...words: readonly string[]): Promise<string> {
  return runHelm(words, {
    KUBECONFIG: world.surroundings.kubeconfig,
    HELM_NAMESPACE: world.namespace,
  });
}

/** The chart's values for the image that is tested, and the namespace of the test alone. */
export function ownValues({ surroundings, namespace }: World): string[] {
  const [, repository = '', tag = ''] = /^(.+):([^:/]+)$/.exec(surroundings.image) ?? [];
  return [
    // A tag of digits alone is no number.
    ...['--set-string', `image.repository=${repository},image.tag=${tag}`],
    ...['--set', `operator.namespaces={${namespace}},operator.verbose=true`],
  ];
}

/**
 * Installs the operator with two replicas in the namespace, for this namespace alone: nothing that is
 * not deleted with it. Resolves when both are ready and one leads.
 */
export async function installOperator(world: World, ...more: readonly string[]): Promise<void> {
  const without = 'rbac.roles=false,operator.priorityClass.create=false,test=false';
  const options = ['--set', without, ...more, '--wait', '--timeout', '150s'];
  await helm(world, 'install', 'leasehold', chart, ...ownValues(world), ...options);
  await leadingOperator(world);
}

/** The name of the Pod. */
export async function leadingOperator(world: World): Promise<string> {
  const identity = await eventually('a leading operator', async () => {
    const holder = (await world.lease('leasehold-operator'))?.spec?.holderIdentity ?? '';
    return holder === '' ? undefined : holder;
  });
  const leader = (await world.podsOf(component)).find((name) => identity.startsWith(name));
  if (leader === undefined) throw new Error(`no Pod is ${identity}`);
  return leader;
}

/** Waits until operators have logged that they have revoked so many sessions; returns all such lines. */
export async function revocations(world: World, count: number): Promise<Line[]> {
  return world.story.until(
    'a revocation',
    ({ pod, text }) => pod.includes('leasehold-operator-') && text.includes('"revoked"'),
    count,
  );
}
