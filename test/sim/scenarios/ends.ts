import { Violation } from '../invariants/violation.ts';
import { running, terminated } from '../life/kubelet.ts';
import type { Ended, Pod, Run } from '../life/kubelet.ts';
import { Node } from '../life/node.ts';
import type { Scenario } from '../scenario.ts';
import { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import { within } from './within.ts';

const TTL_SECONDS = 15;
/** A process may rely on its session for so long after a renewal. */
const VALID_MS = TTL_SECONDS * 800;
/** In so long the operator has done what it does when it hears of an end. */
const ACTS_MS = 6_000;
/** Two sweeps of the operator, and a bit. */
const TWO_SWEEPS_MS = 700_000;

/**
 * What kubelets tell of containers while processes live, by clocks of nodes that are set: each seed one
 * thing. The operator revokes nobody who relies on its session.
 */
export const ends: Scenario = {
  name: 'ends',
  run: async (world, seed) => {
    const cases = [
      sightIsLost,
      sidecarEnds,
      labelIsCopied,
      restartsBeforeTheReport,
      clockIsSetBack,
      clockIsSetFarBack,
      endIsNotHeard,
      standsStillAfterwards,
      labelIsTakenAway,
    ];
    const happens = cases[seed % cases.length];
    if (!happens) return;
    const node = new Node(world, new Dice(seeded(seed * 9_377)));
    // Not always at the beginning of a second.
    await node.wait(0, 1_000);
    world.latency = () => node.dice.between(0.3, 5);
    world.befall(happens.name, 'a kubelet');
    await happens(node);
    const alive = world.processes.filter((process) => process.alive);
    const closing = Promise.all(alive.map((process) => process.close()));
    await within(world, 30_000, 'every client closes', closing);
  },
};

/** The kubelet has lost sight of the container, and others say what they take for its end. */
async function sightIsLost(node: Node): Promise<void> {
  const { kubelet, dice } = node;
  node.operate();
  const pod = await kubelet.pod('p', dice.between(-1_000, 1_000));
  const run = await kubelet.began(pod, undefined);
  await lives(node, pod, 'main');
  await node.wait(2_000, 6_000);
  if (dice.chance(0.5)) {
    const guess = kubelet.ends(pod, run, 'ContainerStatusUnknown');
    await kubelet.tell(pod, [terminated(run, guess)]);
  } else {
    const reason = dice.pick(['Evicted', 'NodeLost', 'PodGC']) ?? '';
    const condition = { type: 'DisruptionTarget', status: 'True', reason };
    await kubelet.tell(pod, [], { phase: 'Failed', reason, conditions: [condition] });
    if (dice.chance(0.5)) await kubelet.remove(pod);
  }
  await node.wait(ACTS_MS);
}

/** Another container of the Pod ends, and where the process runs its session may not say. */
async function sidecarEnds(node: Node): Promise<void> {
  const { kubelet, dice } = node;
  node.operate();
  const containers = ['main', 'side'];
  const pod = await kubelet.pod('p', dice.between(-1_000, 1_000), { containers });
  const [main, side] = [kubelet.starts(pod, 'main'), kubelet.starts(pod, 'side')];
  await kubelet.tell(pod, [running(main), running(side)]);
  await node.wait(1_000, 2_000);
  await lives(node, pod, dice.chance(0.3) ? 'main' : undefined);
  await node.wait(2_000, 6_000);
  const end = kubelet.ends(pod, side);
  await node.wait(0, 2_000);
  await kubelet.tell(pod, [running(main), terminated(side, end)]);
  await node.wait(0, 2_000);
  await kubelet.tell(pod, [running(main), running(kubelet.starts(pod, 'side'), end)]);
  await node.wait(ACTS_MS);
}

/** Somebody labels a session with the uid of another Pod, whose container ends. */
async function labelIsCopied(node: Node): Promise<void> {
  const { kubelet } = node;
  node.operate();
  const [one, other] = [await kubelet.pod('p1', 0), await kubelet.pod('p2', 0)];
  const run = await kubelet.began(one, undefined);
  await kubelet.began(other, undefined);
  await node.wait(1_000, 2_000);
  const session = await lives(node, other, 'main');
  await node.label(session, { 'leasehold.dev/pod-uid': one.uid });
  await node.wait(2_000, 6_000);
  await kubelet.tell(one, [terminated(run, kubelet.ends(one, run))]);
  await node.wait(ACTS_MS);
}

/** A clock that is ahead, but by no more than it may: the next run begins before the end is reported. */
async function restartsBeforeTheReport(node: Node): Promise<void> {
  const pod = await node.kubelet.pod('p', node.dice.between(1_300, 1_990));
  node.operate();
  await nextRun(node, pod, { lasts: 4_000, reported: [1_000, 2_400], skew: pod.skew });
  await node.wait(ACTS_MS);
}

/** The clock of the node is set back after the end, by a few seconds. */
async function clockIsSetBack(node: Node): Promise<void> {
  const { dice } = node;
  const pod = await node.kubelet.pod('p', dice.between(-1_000, 0));
  node.operate();
  const skew = pod.skew - dice.between(1_000, 8_000);
  await nextRun(node, pod, { lasts: 12_000, reported: [1_500, 4_000], skew });
  await node.wait(ACTS_MS);
}

/** It was ahead, and is set back so far that it does not agree with the server's any more. */
async function clockIsSetFarBack(node: Node): Promise<void> {
  const { dice } = node;
  const pod = await node.kubelet.pod('p', dice.between(2_500, 5_000));
  node.operate();
  const skew = -dice.between(12_000, 20_000);
  await nextRun(node, pod, { lasts: 28_000, reported: [pod.skew, pod.skew + 1_500], skew });
  await node.wait(ACTS_MS);
}

/** It was ahead, is set right, and the operator begins only after the end was reported. */
async function endIsNotHeard(node: Node): Promise<void> {
  const { dice } = node;
  const ahead = dice.between(3_000, 4_500);
  const pod = await node.kubelet.pod('p', ahead);
  const skew = dice.between(-3_000, 500);
  await nextRun(node, pod, {
    lasts: 12_000,
    reported: [200, 1_000],
    skew,
    untilRunning: 8_000,
    meanwhile: async () => {
      await node.wait(ahead - 1_000, ahead);
      node.operate();
    },
  });
  await node.wait(ACTS_MS);
}

/** The same, but the Pod is seen to run again; and the process stands still for as long as it may. */
async function standsStillAfterwards(node: Node): Promise<void> {
  const { kubelet, dice } = node;
  const ahead = dice.between(1_600, 4_000);
  const pod = await kubelet.pod('p', ahead);
  node.operate();
  const before = await kubelet.began(pod, undefined);
  await node.wait(10_000, 12_000);
  const end = kubelet.ends(pod, before);
  pod.skew = -dice.between(0, 4_000);
  const run = kubelet.starts(pod);
  const { host } = await process(node, pod, 'main');
  await node.wait(20, 50);
  host.pause();
  await node.wait(ahead - 700, ahead);
  await kubelet.tell(pod, [running(run, end)]);
  await node.wait(VALID_MS - ahead - 500);
  host.resume();
  await node.wait(ACTS_MS);
}

/** Somebody takes away the label by which sessions are listed: it is there nevertheless. */
async function labelIsTakenAway(node: Node): Promise<void> {
  const { kubelet, world } = node;
  const pods = [await kubelet.pod('p1', 0), await kubelet.pod('p2', 0)] as const;
  for (const pod of pods) await kubelet.began(pod, undefined);
  const session = await lives(node, pods[0], 'main');
  await node.label(session, { 'leasehold.dev/role': null });
  const waiting = node.process('next', pods[1], TTL_SECONDS, 'main').acquire('x');
  waiting.catch(() => undefined);
  node.operate();
  await node.wait(TWO_SWEEPS_MS);
  if (world.invariants.isRelied('x')) return;
  throw new Violation('dropped', `x: of ${session}, which lives`);
}

/** A container ends and begins again at once, with a session; what of that is told, and when, differs. */
async function nextRun(
  node: Node,
  pod: Pod,
  how: {
    /** Milliseconds of the run that ends. */
    readonly lasts: number;
    /** The least and the most until its end is told. */
    readonly reported: readonly [number, number];
    /** Of the node's clock, from the end on. */
    readonly skew: number;
    /** The most until it is told that it runs again. */
    readonly untilRunning?: number;
    readonly meanwhile?: () => Promise<void>;
  },
): Promise<void> {
  const { kubelet, world } = node;
  const before: Run = await kubelet.began(pod, undefined);
  await node.wait(how.lasts, how.lasts + 1_000);
  const end: Ended = kubelet.ends(pod, before);
  const endedAt = world.time.now;
  pod.skew = how.skew;
  await node.wait(0, 200);
  const run = kubelet.starts(pod);
  await process(node, pod, 'main');
  const [least, most] = how.reported;
  const told = node.dice.between(least, most);
  await node.wait(Math.max(0, told - (world.time.now - endedAt)));
  await kubelet.tell(pod, [terminated(before, end)]);
  await how.meanwhile?.();
  await node.wait(500, how.untilRunning ?? 2_500);
  await kubelet.tell(pod, [running(run, end)]);
}

/** A process that holds a lock. */
async function process(
  node: Node,
  pod: Pod,
  container: string | undefined,
): Promise<VirtualProcess> {
  const living = node.process(`in ${pod.name}`, pod, TTL_SECONDS, container);
  await within(node.world, 5_000, 'a free lock is taken', living.acquire('x'));
  return living;
}

/** The name of its session. */
async function lives(node: Node, pod: Pod, container: string | undefined): Promise<string> {
  const { sessions } = await process(node, pod, container);
  return (await sessions.current()).name;
}
