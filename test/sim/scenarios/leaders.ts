import { Violation } from '../invariants/violation.ts';
import { standAsClientGo } from '../life/client-go.ts';
import { running, terminated } from '../life/kubelet.ts';
import type { Pod } from '../life/kubelet.ts';
import { Node } from '../life/node.ts';
import type { Scenario } from '../scenario.ts';
import { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import { within } from './within.ts';

const TTL_SECONDS = 15;
const TIMES = { leaseDuration: '15s', renewDeadline: '10s', retryPeriod: '4s' } as const;
const NAMESPACE = '/api/v1/namespaces/default';
const RECLAIM = 'leasehold.dev/reclaim';
/** In so long the operator has done what it does when it hears of an end. */
const ACTS_MS = 3_000;

/**
 * Elections whose leaders are known by the names of their Pods, and an operator that hears of ends: each
 * seed one thing. It releases no Lease whose leader lives, and none that is not opted in.
 */
export const leaders: Scenario = {
  name: 'leaders',
  run: async (world, seed) => {
    const cases = [oldPodLives, podElsewhereLives, nextRunGoesOn, isNotOptedIn];
    const happens = cases[seed % cases.length];
    if (!happens) return;
    const node = new Node(world, new Dice(seeded(seed * 6_551)));
    await node.wait(0, 1_000);
    world.latency = () => node.dice.between(0.3, 5);
    world.befall(happens.name, 'a leader');
    await happens(node);
    const alive = world.processes.filter((process) => process.alive);
    const closing = Promise.all(alive.map((process) => process.close()));
    await within(world, 30_000, 'every client closes', closing);
    for (const { host } of alive) host.crash();
  },
};

/** The leader's Pod was deleted by force, and another has its name. */
async function oldPodLives(node: Node): Promise<void> {
  const { kubelet } = node;
  node.operate();
  const old = await kubelet.pod('web-0', node.dice.between(-1_000, 1_000));
  await kubelet.began(old, undefined);
  await leads(node, old, 'web-0');
  await node.wait(1_000, 3_000);
  await kubelet.remove(old);
  await endsBeside(node);
}

/** The leader's Pod is in another namespace, and one here has its name. */
async function podElsewhereLives(node: Node): Promise<void> {
  const { kubelet } = node;
  node.operate();
  const other = await kubelet.pod('web-0', 0, { namespace: 'kube-system' });
  await kubelet.began(other, undefined);
  await leads(node, other, 'web-0');
  await endsBeside(node);
}

/** A Pod of the leader's name begins, and its container ends. */
async function endsBeside(node: Node): Promise<void> {
  const { kubelet } = node;
  const pod = await kubelet.pod('web-0', node.dice.between(-1_000, 1_000));
  const run = await kubelet.began(pod, undefined);
  // The leader has renewed meanwhile.
  await node.wait(5_000, 10_000);
  const end = kubelet.ends(pod, run);
  await node.wait(0, 500);
  await kubelet.tell(pod, [terminated(run, end)]);
  await node.wait(ACTS_MS);
}

/** The next process in the container has the identity of the one before, and goes on with its term. */
async function nextRunGoesOn(node: Node): Promise<void> {
  const { kubelet, world } = node;
  node.operate();
  const pod = await kubelet.pod('web-0', node.dice.between(-500, 1_000));
  const before = await kubelet.began(pod, undefined);
  const first = node.process('first run', pod, TTL_SECONDS, 'main');
  standAsClientGo(world, first, 'e', 'web-0');
  await node.wait(1_000);
  await node.label('e', { [RECLAIM]: 'enabled' });
  await waits(node);
  await node.wait(3_000, 6_000);
  first.crash();
  const end = kubelet.ends(pod, before);
  await node.wait(0, 200);
  const run = kubelet.starts(pod);
  standAsClientGo(world, node.process('next run', pod, TTL_SECONDS, 'main'), 'e', 'web-0');
  await node.wait(0, 1_000);
  await kubelet.tell(pod, [terminated(run, end)]);
  await node.wait(100, 1_000);
  await kubelet.tell(pod, [running(run, end)]);
  await node.wait(ACTS_MS);
}

/** The leader has ended, and whether its Lease is to be released is said by the Lease and its namespace. */
async function isNotOptedIn(node: Node): Promise<void> {
  const { kubelet, dice, world } = node;
  const own = dice.pick(['enabled', 'disabled', null]) ?? null;
  const ofAll = dice.pick(['enabled', 'disabled', null]) ?? null;
  const isOptedIn = own === 'enabled' || (own === null && ofAll === 'enabled');
  const released: string[] = [];
  node.operate((report) => {
    if (report.type !== 'released') return;
    released.push(report.lease);
    if (isOptedIn) return;
    world.fail(new Violation('foreign', 'a Lease that is not opted in was released'));
  });
  await kubelet.edit(NAMESPACE, { metadata: { labels: { [RECLAIM]: ofAll } } });
  const pod = await kubelet.pod('web-0', dice.between(-1_000, 1_000));
  const run = await kubelet.began(pod, undefined);
  await node.wait(1_000, 2_000);
  const identity = dice.pick(['web-0', 'web-0_0a1b2c3d']) ?? '';
  const leader = await leads(node, pod, identity, own);
  // No renewal is in the second of the end.
  await node.wait(2_000);
  leader.crash();
  const end = kubelet.ends(pod, run);
  await node.wait(0, 500);
  await kubelet.tell(pod, [terminated(run, end)]);
  await node.wait(ACTS_MS);
  if (isOptedIn && released.length === 0) {
    throw new Violation('slow-recovery', 'the Lease of a leader that has ended was not released');
  }
}

/** A process that leads, and another that waits for that. */
async function leads(
  node: Node,
  pod: Pod,
  identity: string,
  choice: string | null = 'enabled',
): Promise<VirtualProcess> {
  const { world } = node;
  const process = node.process(`in ${pod.namespace}`, pod, TTL_SECONDS, 'main');
  const election = process.election('e', { ...TIMES, identity });
  await within(world, 5_000, 'a free Lease is taken', process.lead(election));
  await node.label('e', { [RECLAIM]: choice });
  await waits(node);
  return process;
}

async function waits(node: Node): Promise<void> {
  const pod = await node.kubelet.pod('web-1', 0);
  await node.kubelet.began(pod, undefined);
  const process = node.process('next', pod, TTL_SECONDS, 'main');
  process
    .lead(process.election('e', { ...TIMES, identity: 'web-1' }))
    // It is over before anybody leads.
    .catch(() => undefined);
}
