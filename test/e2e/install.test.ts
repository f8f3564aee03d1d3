import { afterEach, beforeEach, expect, test } from 'vitest';
import { chart } from '../chart/helm.ts';
import { helm, leadingOperator, ownValues, revocations } from './operator.ts';
import type { Line } from './story.ts';
import { LONG_TTL, expectNoTtl } from './succession.ts';
import { World, eventually } from './world.ts';

const account = 'worker';
/** That the example application has if it is told none. */
const TTL_MS = 15_000;
let world: World;
let release: string;

beforeEach(async () => {
  world = await World.create();
  release = `e2e-${world.namespace.slice(-8)}`;
});

afterEach(async () => {
  await helm(world, 'uninstall', release, '--ignore-not-found', '--wait');
  await world.end();
});

/** Waits for as long as a lock could be thought valid without a renewal, and longer: it was renewed meanwhile. */
async function expectStillHeld(kept: Line): Promise<void> {
  const told = (): Line[] => world.story.lines.filter(({ pod }) => pod === kept.pod);
  const from = Math.max(...told().map(({ at }) => at));
  await world.story.until(
    'a lock that is still valid',
    ({ pod, event, at }) => pod === kept.pod && event === 'still' && at > from + TTL_MS,
  );
  expect(told().filter(({ event, valid }) => event === 'held' || valid === false)).toEqual([]);
  expect(told().filter(({ event }) => event === 'holds')).toEqual([kept]);
}

/** Everything of the release in the namespace and in the whole cluster, by kind and name. */
async function installed(): Promise<string[]> {
  const selector = `labelSelector=app.kubernetes.io%2Finstance%3D${release}`;
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const collections = [
    world.path('/api/v1', 'pods'),
    world.path('/api/v1', 'services'),
    world.path('/api/v1', 'serviceaccounts'),
    world.path('/apis/apps/v1', 'deployments'),
    world.path('/apis/coordination.k8s.io/v1', 'leases'),
    world.path(rbac, 'roles'),
    world.path(rbac, 'rolebindings'),
    `${rbac}/clusterroles`,
    `${rbac}/clusterrolebindings`,
    '/apis/scheduling.k8s.io/v1/priorityclasses',
  ];
  const found = await Promise.all(
    collections.map(async (path) => {
      const { items } = await world.client.expect<{ items: { metadata: { name: string } }[] }>(
        'GET',
        `${path}?${selector}`,
      );
      return items.map(({ metadata }) => `${path} ${metadata.name}`);
    }),
  );
  return found.flat();
}

test('one helm install, and a Pod has a lock that its crash does not keep', async () => {
  const { namespace } = world;
  await world.create('/api/v1', 'serviceaccounts', { metadata: { name: account } });
  const startedAt = Date.now();
  const notes = await helm(
    world,
    ...['install', release, chart, ...ownValues(world), '--wait', '--timeout', '150s'],
    ...['--set', `rbac.applications[0].namespace=${namespace}`],
    ...['--set', `rbac.applications[0].serviceAccounts={${account}}`],
  );
  expect(notes).toMatch(/leasehold .* is installed in namespace/);

  for (const name of ['first', 'second']) {
    await world.create('/api/v1', 'pods', {
      metadata: { name },
      spec: { ...world.podOf('hold', LONG_TTL), serviceAccountName: account },
    });
  }
  const [holder] = await world.story.untilTold('holds');
  process.stdout.write(
    `from helm install to a lock in a Pod: ${String(holder.at - startedAt)} ms\n`,
  );
  // The image is on the node: what README.md promises of the rest.
  expect(holder.at - startedAt).toBeLessThan(60_000);

  await world.story.untilTold('waiting');
  await leadingOperator(world);
  await world.killContainer(holder.pod);
  const [, next] = await world.story.untilTold('holds', 2);
  expect(next?.pod).not.toBe(holder.pod);
  expectNoTtl(world);
  expect(await revocations(world, 1)).toHaveLength(1);

  expect(await helm(world, 'test', release, '--timeout', '150s')).toMatch(/Phase:\s+Succeeded/);
  // The others may use locks by a role of the release, which goes with it; this one by its own.
  await world.runPod('third', 'hold', { LOCK: 'kept' });
  const [kept] = await world.story.until('its lock', ({ pod, event }) => {
    return pod === 'third' && event === 'holds';
  });
  await helm(
    world,
    ...['upgrade', release, chart, '--reuse-values', '--wait', '--timeout', '150s'],
    ...['--set', 'operator.podLabels.upgraded=yes'],
  );
  await eventually('a leader of the new Pods', async () => {
    const leader = (await world.lease('leasehold-operator'))?.spec?.holderIdentity ?? '';
    return (await world.podsOf('upgraded=yes')).find((name) => leader.startsWith(name));
  });
  await expectStillHeld(kept);

  await helm(world, 'uninstall', release, '--wait', '--timeout', '150s');
  await eventually('nothing left of the release', async () => {
    const left = await installed();
    return left.length === 0 ? true : undefined;
  });
  await expectStillHeld(kept);
});
