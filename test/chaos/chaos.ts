import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../cluster/server.ts';
import { Administrator } from './administrator.ts';
import { Checker } from './checker.ts';
import { recoveryLimit } from './evidence.ts';
import type { Evidence, Violation } from './evidence.ts';
import { FaultScheduler } from './faults.ts';
import { Tally } from './figures.ts';
import type { Figures } from './figures.ts';
import { monotonic } from './history.ts';
import { merged } from './merge.ts';
import type { RecordedProcess } from './merge.ts';
import { SeededRandom } from './random.ts';
import { stalledWithin, StallWatch } from './stalls.ts';
import { startStore } from './store.ts';
import type { Store } from './store.ts';
import { renderViolation, timeline } from './timeline.ts';
import { WANTED } from './wanted.ts';
import { WorkerSlot } from './workers.ts';
import type { WorkerTraits, Workload } from './workers.ts';

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
  readonly figures: Figures;
  readonly violations: readonly Violation[];
  /** The first violations, with what happened around them. */
  readonly stories: readonly string[];
  /** What happened around the longest time that a lock was granted to nobody. */
  readonly longestGap: readonly string[];
  readonly workers: readonly WorkerTraits[];
  /** Of the API servers. */
  readonly ports: readonly number[];
  readonly store: Store['kind'];
  /** Milliseconds: what every lock may take after the last fault. */
  readonly limit: number;
}

const TTLS = [2, 2, 3, 3] as const;
/** Longer than any orderly end may take: whoever is not done by then hangs. */
const FINISH_MS = 45_000;
const STORIES = 5;
const DAY_MS = 86_400_000;
/** Two clocks differ by a tenth at most then; the protocol asks for less than a fifth. */
const MOST_DRIFT = 0.05;

/** Runs workers under faults on a cluster of its own, and checks their histories. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  await using stack = new AsyncDisposableStack();
  const directory = options.keep ?? (await mkdtemp(join(tmpdir(), 'leasehold-chaos-')));
  if (options.keep === undefined) {
    stack.defer(() => rm(directory, { recursive: true, force: true }));
  }
  const store = stack.use(await startStore());
  const cluster = stack.use(await startCluster());
  const second = await cluster.addApiServer();
  const servers = [Number(new URL(cluster.url).port), second.port];
  const namespace = await cluster.createNamespace();
  const { seed } = options;
  const random = new SeededRandom(seed);
  const workload: Workload = {
    ...{ namespace, directory, seed, store },
    ...{ wanted: WANTED, election: 'chaos-leader', callers: 4 },
  };
  const workers: WorkerSlot[] = [];
  for (let index = 0; index < options.workers; index += 1) {
    const worker = await WorkerSlot.create(traitsOf(index, servers, random), cluster, workload);
    stack.defer(() => worker.close());
    workers.push(worker);
  }
  const ttl = Math.max(...workers.map((worker) => worker.ttl)) * 1_000;
  const administrator = new Administrator(cluster.client, namespace, random);
  const scheduler = new FaultScheduler(
    { cluster, workers, administrator, random },
    recoveryLimit(ttl),
    options.only,
  );
  const watch = new StallWatch();
  stack.defer(() => watch.stop());
  for (const worker of workers) worker.start();
  await scheduler.run(options.milliseconds);
  await allFinished(workers, watch);
  watch.stop();
  const storeLog = join(directory, 'store.jsonl');
  const stored = await store.exportLog(storeLog);
  const slots = workers.map((worker) => worker.processes());
  const evidence: Evidence = {
    ...{ ttl, stored, storms: scheduler.storms, processes: slots.flat() },
    faults: [...scheduler.faults, ...watch.stalls].toSorted((a, b) => a.at - b.at),
    leases: await administrator.leases(),
  };
  const ended = workers.filter((worker) => !worker.running);
  const crashes = (await Promise.all(ended.map((worker) => worker.crashes()))).flat();
  const { figures, violations } = await judge(evidence, slots, storeLog);
  const all = [...crashes.map((message): Violation => ({ rule: 'error', message })), ...violations];
  const stories: string[] = [];
  for (const violation of all.slice(0, STORIES)) {
    stories.push(await renderViolation(violation, evidence, slots));
  }
  const [longest] = figures.longest;
  return {
    ...{ figures, stories, violations: all },
    longestGap: longest ? await timeline(evidence, slots, longest.lock, longest.at) : [],
    workers: workers.map(({ traits }) => traits),
    ports: servers,
    store: store.kind,
    limit: recoveryLimit(ttl),
  };
}

/** Waits for all workers to end in order, no longer than that may take. */
async function allFinished(workers: readonly WorkerSlot[], { stalls }: StallWatch): Promise<void> {
  const finishing = Promise.all(workers.map((worker) => worker.finish())).then(() => true);
  const from = monotonic();
  for (let left = FINISH_MS; left > 0;) {
    if (await Promise.race([finishing, sleep(left, false, { ref: false })])) return;
    const now = monotonic();
    left = from + FINISH_MS + stalledWithin(stalls, from, now) - now;
  }
}

async function judge(
  evidence: Evidence,
  slots: readonly (readonly RecordedProcess[])[],
  store: string,
): Promise<{ figures: Figures; violations: Violation[] }> {
  const checker = new Checker(evidence);
  const tally = new Tally(evidence);
  for await (const entry of merged(slots, store)) tally.see(entry, checker.see(entry));
  const violations = checker.finish();
  return { figures: tally.finish(checker), violations };
}

/**
 * Every other one runs under `leasehold run`; each has another clock; one in three uses the first API
 * server, one the second, and one both.
 */
function traitsOf(index: number, servers: readonly number[], random: SeededRandom): WorkerTraits {
  const isTrue = index === 0;
  return {
    name: `w${String(index)}`,
    ttl: TTLS[index % TTLS.length] ?? 2,
    supervised: index % 2 === 1,
    clock: {
      rate: isTrue ? 1 : 1 + random.between(-MOST_DRIFT, MOST_DRIFT),
      offset: isTrue ? 0 : Math.round(random.between(-DAY_MS, DAY_MS)),
    },
    servers: index % 3 === 2 ? servers : servers.slice(index % 3, (index % 3) + 1),
  };
}
