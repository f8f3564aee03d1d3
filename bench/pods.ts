import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findElector, findKubectl } from '../test/cluster/binaries.ts';
import { findBuilder } from '../test/cluster/image/builder.ts';
import { buildProjectImage } from '../test/cluster/image/project.ts';
import { startNode } from '../test/cluster/node/node.ts';
import { surroundingsVariable } from '../test/e2e/surroundings.ts';
import { World } from '../test/e2e/world.ts';
import { ownAddressFor } from './peers/own-address.ts';
import { startPostgres } from './peers/postgres.ts';
import { startRedis } from './peers/redis.ts';
import { reclaimedDeaths, slowDeaths, supervisedDeaths } from './pod-deaths.ts';
import type { Figure } from './report.ts';
import { rollingUpdate } from './rolling-update.ts';
import { median } from './statistics.ts';

const image = 'leasehold.test/leasehold:bench';

/** How often each thing happens. */
interface Counts {
  readonly supervised: number;
  readonly reclaimed: number;
  /** Each takes longer than a ttl. */
  readonly slow: number;
  readonly updates: number;
}

/**
 * Recovery and hand-over of real Pods on a real node, all of them killed in the same way: under
 * `leasehold run`, beside PostgreSQL's advisory lock; alone, beside client-go and redlock; under the
 * operator, and client-go's beside it. And the time without a leader in a rolling update.
 *
 * `npm run bench -- pods --supervised 20 --slow 3 --reclaimed 6 --updates 3` says how often, 0 for not at all.
 */
export async function measure(): Promise<Figure[]> {
  const counts = countsOf(process.argv.slice(3));
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-bench-'));
  const builder = await findBuilder();
  const archive = join(directory, 'image.tar');
  await buildProjectImage(builder, image);
  await builder.save(image, archive);
  // Built before anything is measured.
  await findElector();
  const node = await startNode();
  try {
    await node.importImage(archive);
    const path = join(directory, 'surroundings.json');
    const kubeconfig = node.cluster.kubeconfigPath;
    await writeFile(path, JSON.stringify({ kubeconfig, image, kubectl: await findKubectl() }));
    process.env[surroundingsVariable] = path;
    const host = await ownAddressFor(new URL(node.cluster.url).hostname);
    return [...(await deaths(host, counts)), ...(await rollingUpdates(counts.updates))];
  } finally {
    await node.stop();
    await rm(directory, { recursive: true });
  }
}

function countsOf(words: readonly string[]): Counts {
  const { values } = parseArgs({
    args: [...words],
    options: {
      supervised: { type: 'string', default: '20' },
      slow: { type: 'string', default: '3' },
      reclaimed: { type: 'string', default: '6' },
      updates: { type: 'string', default: '3' },
    },
  });
  return {
    supervised: Number(values.supervised),
    slow: Number(values.slow),
    reclaimed: Number(values.reclaimed),
    updates: Number(values.updates),
  };
}

/** @param host - the address of this host for Pods */
async function deaths(host: string, counts: Counts): Promise<Figure[]> {
  await using postgres = await startPostgres(host);
  await using redis = await startRedis(host);
  const world = await World.create();
  try {
    return [
      ...(await supervisedDeaths(world, postgres, host, counts.supervised)),
      ...(await slowDeaths(world, { host, port: redis.port }, counts.slow)),
      // The last, as the operator stays.
      ...(await reclaimedDeaths(world, counts.reclaimed)),
    ];
  } finally {
    await world.end();
  }
}

async function rollingUpdates(updates: number): Promise<Figure[]> {
  const gaps: number[] = [];
  for (let update = 0; update < updates; update += 1) {
    const world = await World.create();
    try {
      gaps.push(await rollingUpdate(world));
    } finally {
      await world.end();
    }
  }
  if (updates === 0) return [];
  return [
    {
      name: 'leaderlessMs',
      value: median(gaps),
      atMost: 50,
      meaning: `without a leader in a rolling update of 3 replicas, in all: ${gaps.join(', ')}`,
    },
  ];
}
