import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../cluster/server.ts';
import { Administrator } from './administrator.ts';
import { check } from './checker.ts';
import type { Evidence, Violation } from './checker.ts';
import { FaultScheduler } from './faults.ts';
import { monotonic } from './history.ts';
import { SeededRandom } from './random.ts';
import { figuresOf } from './report.ts';
import type { Figures } from './report.ts';
import { WorkerSlot } from './workers.ts';
import type { Workload } from './workers.ts';

export interface ChaosOptions {
  readonly milliseconds: number;
  readonly seed: number;
  readonly workers: number;
  /** Only faults whose kind begins with one of these. */
  readonly only?: readonly string[] | undefined;
  /** Keep the histories in this directory. */
  readonly keep?: string | undefined;
}

export interface ChaosResult {
  readonly evidence: Evidence;
  readonly figures: Figures;
  readonly violations: readonly Violation[];
}

/** One lock that all want, some that few want, and one whose Lease has another name. */
const LOCKS: Workload['locks'] = [
  ['hot', 6],
  ['warm', 4],
  ['Invoices of März', 3],
  ['cool', 2],
  ['cold', 1],
];
/** Longer than any orderly end may take: whoever is not done by then hangs. */
const FINISH_MS = 45_000;

/** Runs workers under faults on a cluster of its own, and checks their histories. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const directory = options.keep ?? (await mkdtemp(join(tmpdir(), 'leasehold-chaos-')));
  const cluster = await startCluster();
  const workers: WorkerSlot[] = [];
  try {
    const { seed } = options;
    const namespace = await cluster.createNamespace();
    const workload: Workload = {
      ...{ namespace, directory, seed, locks: LOCKS, election: 'chaos-leader', callers: 4 },
    };
    for (let index = 0; index < options.workers; index += 1) {
      workers.push(await WorkerSlot.create(index, 2 + (index % 2), cluster, workload));
    }
    const random = new SeededRandom(seed);
    const administrator = new Administrator(cluster, namespace, random);
    const scheduler = new FaultScheduler({ cluster, workers, administrator, random }, options.only);
    for (const worker of workers) worker.start();
    await scheduler.run(options.milliseconds);
    const healedAt = monotonic();
    await Promise.race([
      Promise.all(workers.map((worker) => worker.finish())),
      sleep(FINISH_MS, undefined, { ref: false }),
    ]);
    const evidence: Evidence = {
      healedAt,
      ttl: Math.max(...workers.map((worker) => worker.ttl)) * 1_000,
      faults: scheduler.faults,
      leases: await administrator.leases(),
      processes: workers.flatMap((worker) => worker.histories()),
    };
    const crashes = (
      await Promise.all(
        workers.filter((worker) => !worker.running).map((worker) => worker.crashes()),
      )
    ).flat();
    const violations: Violation[] = [
      ...crashes.map((message) => ({ rule: 'error' as const, message })),
      ...check(evidence),
    ];
    return { evidence, figures: figuresOf(evidence), violations };
  } finally {
    for (const worker of workers) {
      await worker.kill();
      worker.proxy.close();
    }
    await cluster.stop();
    if (options.keep === undefined) await rm(directory, { recursive: true, force: true });
  }
}
