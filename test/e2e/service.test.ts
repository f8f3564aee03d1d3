import { afterEach, beforeEach, expect, test } from 'vitest';
import { installOperator } from './operator.ts';
import { rollOut } from './rollout.ts';
import { World, eventually } from './world.ts';

let world: World;

beforeEach(async () => {
  world = await World.create();
});

afterEach(async () => {
  await world.end();
});

/** A Service by the label of the leader; returns its address. */
async function createService(): Promise<string> {
  const path = world.path('/api/v1', 'services');
  const { spec } = await world.client.expect<{ spec: { clusterIP: string } }>('POST', path, {
    metadata: { name: 'web-leader' },
    spec: {
      selector: { app: 'web', 'leasehold.dev/leader': 'web' },
      ports: [{ port: 80, targetPort: 8080 }],
    },
  });
  return spec.clusterIP;
}

function labelled(): Promise<string[]> {
  return world.podsOf('leasehold.dev/leader=web');
}

/** Waits until nobody else has answered for some seconds on end. */
async function answersAlone(pod: string): Promise<void> {
  await eventually(`nobody but ${pod} that answers`, () => {
    const last = world.story.told('answered').slice(-5);
    const isAlone = last.every(({ by }) => by?.length === 1 && by[0] === pod);
    return Promise.resolve(last.length === 5 && isAlone ? true : undefined);
  });
}

test('a Service reaches the leader, and goes on while all Pods are replaced', async () => {
  await installOperator(world, '--set', 'operator.leaderLabel=true');
  const address = await createService();
  await world.runDeployment('web', 'serve', 3);
  const [leader] = await world.story.untilTold('leads');
  await eventually('the label of the leader', async () => {
    const names = await labelled();
    return names.length === 1 && names[0] === leader.pod ? true : undefined;
  });
  // Until the endpoints are there, too.
  await eventually('an endpoint', async () => {
    const slices = world.path('/apis/discovery.k8s.io/v1', 'endpointslices');
    const { items } = await world.client.expect<{
      items: { endpoints: { conditions: { ready?: boolean } }[] | null }[];
    }>('GET', `${slices}?labelSelector=kubernetes.io%2Fservice-name%3Dweb-leader`);
    const isReady = items.some(({ endpoints }) => endpoints?.some((one) => one.conditions.ready));
    return isReady ? true : undefined;
  });

  const old = await world.pods('web');
  await world.runPod('client', 'load', { URL: `http://${address}/` });
  await world.story.untilTold('loads');
  await answersAlone(leader.pod);
  await rollOut(world, 'web');
  const last = await eventually('the label on one of the new Pods alone', async () => {
    const [name = '', ...others] = await labelled();
    return name !== '' && others.length === 0 && !old.includes(name) ? name : undefined;
  });
  await world.story.until('its lead', ({ pod, event }) => pod === last && event === 'leads');
  await answersAlone(last);
  await world.deletePod('client');
  const [ended] = await world.story.untilTold('loaded');
  const { requests = 0, perSecond = 0, failed, failedTwice, slowestMs } = ended;
  process.stdout.write(
    `at ${String(perSecond)} a second to the leader's Service: ${String(requests)} requests, ${String(failed)} failed, ${String(failedTwice)} of them again; the slowest answer took ${String(slowestMs)} ms\n`,
  );
  // However slow the machine: a tenth of the pace.
  expect(perSecond).toBeGreaterThan(10);
  expect(failedTwice).toBe(0);
});
