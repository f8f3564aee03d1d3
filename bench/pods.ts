import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findKubectl } from '../test/cluster/binaries.ts';
import { findBuilder } from '../test/cluster/image/builder.ts';
import { buildProjectImage } from '../test/cluster/image/project.ts';
import { startNode } from '../test/cluster/node/node.ts';
import { installOperator } from '../test/e2e/operator.ts';
import { surroundingsVariable } from '../test/e2e/surroundings.ts';
import type { Line } from '../test/e2e/story.ts';
import { World } from '../test/e2e/world.ts';
import { hostProcess } from './host-process.ts';
import { startPostgres } from './peers/postgres.ts';
import { peerDeath } from './peers/death.ts';
import type { Figure } from './report.ts';
import { rollingUpdate } from './rolling-update.ts';
import { median, quantile } from './statistics.ts';
import { KubeletReports, Succession } from './succession.ts';

const image = 'leasehold.test/leasehold:bench';
/** One holds, two wait. The kubelet lets a container that ends again and again wait, so they are new each time. */
const pods = 3;
const processDeaths = 20;
const containerDeaths = 8;
const updates = 3;

/**
 * Recovery and hand-over of real Pods on a real node: a process killed in its container, under
 * `leasehold run`, beside PostgreSQL's advisory lock in the same run; a container killed, under the
 * operator; and the time without a leader in a rolling update.
 */
export async function measure(): Promise<Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-bench-'));
  const builder = await findBuilder();
  const archive = join(directory, 'image.tar');
  await buildProjectImage(builder, image);
  await builder.save(image, archive);
  const node = await startNode();
  try {
    await node.importImage(archive);
    const path = join(directory, 'surroundings.json');
    const kubeconfig = node.cluster.kubeconfigPath;
    await writeFile(path, JSON.stringify({ kubeconfig, image, kubectl: await findKubectl() }));
    process.env[surroundingsVariable] = path;
    return [...(await deaths()), ...(await rollingUpdates())];
  } finally {
    await node.stop();
    await rm(directory, { recursive: true });
  }
}

async function deaths(): Promise<Figure[]> {
  await using postgres = await startPostgres();
  const advisory: number[] = [];
  const world = await World.create();
  try {
    const supervised: number[] = [];
    for (let death = 0; death < processDeaths; death += 1) {
      const name = `death-${String(death)}`;
      advisory.push(await peerDeath(postgres, 'postgres-worker.ts', name));
      await using succession = await Succession.begin(world, name, pods);
      supervised.push(await succession.next((holder) => killProcess(world, holder)));
    }
    await installOperator(world);
    const kubelet = await KubeletReports.of(world);
    const operated: number[] = [];
    const afterReport: number[] = [];
    for (let death = 0; death < containerDeaths; death += 1) {
      await using succession = await Succession.begin(world, `end-${String(death)}`, pods);
      let reported = Promise.resolve(Number.NaN);
      operated.push(
        await succession.next(({ pod }) => {
          reported = kubelet.ofDeath(pod).at;
          return world.killContainer(pod);
        }),
      );
      afterReport.push(succession.grantedAt - (await reported));
    }
    kubelet.stop();
    const spread = (times: readonly number[]): string =>
      `median of ${String(times.length)}, p99 ${quantile(times, 0.99).toFixed(0)}`;
    return [
      { name: 'postgresMs', value: median(advisory), meaning: spread(advisory) },
      {
        name: 'processMs',
        value: median(supervised),
        meaning: `SIGKILL of a process under leasehold run to the next Pod, ${spread(supervised)}`,
      },
      {
        name: 'medianRatio',
        value: median(supervised) / median(advisory),
        atMost: 3,
        meaning: 'processMs over postgresMs',
      },
      {
        name: 'p99Ratio',
        value: quantile(supervised, 0.99) / quantile(advisory, 0.99),
        atMost: 10,
        meaning: 'the same of their slowest hundredth',
      },
      {
        name: 'containerMs',
        value: median(operated),
        meaning: `SIGKILL of a container to the next Pod, by the operator, ${spread(operated)}`,
      },
      {
        name: 'afterReportMs',
        value: median(afterReport),
        meaning: `of it after the kubelet's report had come, ${spread(afterReport)}`,
      },
    ];
  } finally {
    await world.end();
  }
}

/** As the processes of the peers are killed, and says when. */
async function killProcess(world: World, { pod, pid }: Line): Promise<number> {
  const { metadata } = await world.pod(pod);
  const host = hostProcess(metadata.uid, pid);
  const killedAt = Date.now();
  process.kill(host, 'SIGKILL');
  return killedAt;
}

async function rollingUpdates(): Promise<Figure[]> {
  const gaps: number[] = [];
  for (let update = 0; update < updates; update += 1) {
    const world = await World.create();
    try {
      gaps.push(await rollingUpdate(world));
    } finally {
      await world.end();
    }
  }
  return [
    {
      name: 'leaderlessMs',
      value: median(gaps),
      atMost: 50,
      meaning: `without a leader in a rolling update of 3 replicas, in all: ${gaps.join(', ')}`,
    },
  ];
}
