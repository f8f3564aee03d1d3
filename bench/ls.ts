import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ClusterAccess } from '../test/cluster/access.ts';
import { startCluster } from '../test/cluster/server.ts';
import type { Figure } from './report.ts';
import { median, monotonic } from './statistics.ts';

const program = join(import.meta.dirname, '../dist/cli/main.js');
const leases = 10_000;
const creators = 16;
const runs = 5;
/** Preloaded: the most memory that the process ever had, in KiB, on the descriptor 3. */
const preload = `data:text/javascript,process.on('exit', () => {
  process.getBuiltinModule('node:fs').writeSync(3, String(process.resourceUsage().maxRSS));
})`;

/** What `leasehold ls` costs in a namespace of 10,000 Leases; `npm run build` first. */
export async function measure(): Promise<Figure[]> {
  // Stopped with all that is in it: emptying the namespace would take longer than the bench.
  await using cluster = await startCluster();
  const namespace = await cluster.createNamespace();
  await fill(cluster, namespace);
  const all: Run[] = [];
  for (let count = 0; count < runs; count += 1) all.push(await list(cluster, namespace));
  return [
    {
      name: 'seconds',
      value: median(all.map((one) => one.seconds)),
      atMost: 2,
      meaning: `leasehold ls of ${String(leases)} Leases, from start to exit`,
    },
    {
      name: 'mostMiB',
      value: median(all.map((one) => one.mebibytes)),
      atMost: 150,
      meaning: 'the most resident memory that it had',
    },
  ];
}

interface Run {
  readonly seconds: number;
  readonly mebibytes: number;
}

async function list(cluster: ClusterAccess, namespace: string): Promise<Run> {
  const words = ['ls', '-n', namespace, '--kubeconfig', cluster.kubeconfigPath];
  const start = monotonic();
  const child = spawn('node', ['--import', preload, program, ...words], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  });
  const [output, memory] = await Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stdio[3] as NodeJS.ReadableStream),
    once(child, 'exit'),
  ]);
  const seconds = (monotonic() - start) / 1_000;
  const lines = output.trim().split('\n').length;
  if (lines < leases) throw new Error(`leasehold ls has shown ${String(lines)} lines only`);
  return { seconds, mebibytes: Number(memory) / 1_024 };
}

/** Half of them locks, each held by the session next to it. */
async function fill(cluster: ClusterAccess, namespace: string): Promise<void> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const now = new Date().toISOString().replace('Z', '000Z');
  let next = 0;
  const create = async (): Promise<void> => {
    for (let index = next++; index < leases / 2; index = next++) {
      const suffix = index.toString(16).padStart(8, '0');
      const session = `worker-${suffix}`;
      const { metadata } = await cluster.client.expect<{ metadata: { uid: string } }>(
        'POST',
        path,
        {
          metadata: { name: session, labels: { 'leasehold.dev/role': 'session' } },
          spec: {
            holderIdentity: 'worker',
            leaseDurationSeconds: 15,
            acquireTime: now,
            renewTime: now,
          },
        },
      );
      const entry = `v=1 session=${session} uid=${metadata.uid} ttl=15 mode=exclusive`;
      await cluster.client.expect('POST', path, {
        metadata: {
          name: `lock-${String(index)}`,
          labels: { 'leasehold.dev/role': 'lock' },
          annotations: { [`holder.leasehold.dev/${suffix}-1`]: entry },
        },
        spec: { holderIdentity: session, leaseDurationSeconds: 2_147_483_647, acquireTime: now },
      });
    }
  };
  await Promise.all(Array.from({ length: creators }, create));
}
