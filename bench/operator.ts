import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiServer } from '../src/testing/index.ts';
import { objectAt } from '../src/testing/api-server/object.ts';
import {
  LOCKS,
  PODS,
  SESSIONS,
  podUid,
  populate,
  putPod,
  terminated,
} from '../test/embedded/population.ts';
import type { Figure } from './report.ts';
import { median, monotonic } from './statistics.ts';

const program = join(import.meta.dirname, '../dist/cli/main.js');
const nodeOptions = '--max-semi-space-size=4';
const idleMilliseconds = 60_000;
const deaths = 20;
/** As of a node that goes down: 500 sessions. */
const massPods = 100;
const longestMilliseconds = 120_000;
/** In which /proc counts processor time. */
const tickMilliseconds = 10;

/**
 * What `leasehold operator` costs with 5,000 sessions, 10,000 locks and 1,000 Pods, and how fast it
 * reclaims, on the embedded API server. Of the built program (`npm run build`).
 */
export async function measure(): Promise<Figure[]> {
  if (!existsSync(program)) throw new Error('there is no dist: npm run build');
  let served = 0;
  // Its heartbeat as the leader is the only thing that it does while nothing happens.
  const server = await ApiServer.start({ onServed: () => (served += 1) });
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-bench-'));
  const { store } = server.handler;
  populate(store);
  const kubeconfig = join(directory, 'kubeconfig');
  await writeFile(kubeconfig, server.kubeconfig(), { mode: 0o600 });
  const start = monotonic();
  const child = spawn('node', [program, 'operator', '--port', '0'], {
    env: { PATH: process.env.PATH, KUBECONFIG: kubeconfig, NODE_OPTIONS: nodeOptions },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = child.pid ?? 0;
  try {
    const port = await portOf(child.stdout);
    const get = async (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
    await until(async () => (await get('/readyz')).ok);
    const synced = monotonic() - start;
    const swept = `leasehold_sessions{state="live"} ${String(SESSIONS)}`;
    await until(async () => (await (await get('/metrics')).text()).includes(swept));
    const started = { at: monotonic() - start, cpu: processorTime(pid) };

    // The look at the Leases of others, which follows the first sweep, is over by then.
    await sleep(5_000);
    const before = { at: monotonic(), cpu: processorTime(pid), served };
    await sleep(idleMilliseconds);
    const idle = (monotonic() - before.at) / 1_000;
    const idleCpu = (processorTime(pid) - before.cpu) / 1_000 / idle;
    const idleRequests = (served - before.served) / idle;
    const resident = memory(pid, 'VmRSS');

    const single: number[] = [];
    const cpuBefore = processorTime(pid);
    for (let at = 0; at < deaths; at += 1) {
      single.push(await reclaimed(server, [at]));
      await sleep(200);
    }
    const singleCpu = (processorTime(pid) - cpuBefore) / deaths;
    const many = Array.from({ length: massPods }, (_, at) => deaths + at);
    const mass = await reclaimed(server, many);
    const sessionsOfPod = SESSIONS / PODS;
    const locksOfPod = LOCKS / PODS;
    const ofPod = `${String(sessionsOfPod)} sessions and ${String(locksOfPod)} locks`;
    return [
      {
        name: 'residentMiB',
        value: resident,
        atMost: 150,
        meaning: `with ${String(SESSIONS)} sessions, ${String(LOCKS)} locks and ${String(PODS)} Pods, NODE_OPTIONS=${nodeOptions}`,
      },
      {
        name: 'mostMiB',
        value: memory(pid, 'VmHWM'),
        meaning: 'the most that it ever had, the mass failure included',
      },
      {
        name: 'idlePercent',
        value: idleCpu * 100,
        atMost: 5,
        meaning: 'of one core, while no lock moves',
      },
      {
        name: 'idleRequestsPerSecond',
        value: idleRequests,
        atMost: 1,
        meaning: 'meanwhile; 0.5 are the heartbeat of its own election',
      },
      {
        name: 'syncedSeconds',
        value: synced / 1_000,
        atMost: 10,
        meaning: `from its start to /readyz; to the first sweep ${(started.at / 1_000).toFixed(1)}, for ${(started.cpu / 1_000).toFixed(1)} s of processor time`,
      },
      {
        name: 'reclaimMs',
        value: median(single),
        atMost: 100,
        meaning: `from the end of a container to all of its Pod's ${ofPod} being settled, the server's part and that of a busy machine included; at most ${Math.max(...single).toFixed(0)}`,
      },
      {
        name: 'reclaimCpuMs',
        value: singleCpu,
        atMost: 100,
        meaning: "the operator's own processor time for that, with its Events",
      },
      {
        name: 'massSeconds',
        value: mass / 1_000,
        // By then whoever waits would have revoked them without an operator.
        atMost: 15,
        meaning: `the same of ${String(massPods)} Pods at once: ${String(massPods * sessionsOfPod)} sessions, 100 a second`,
      },
    ];
  } finally {
    child.kill('SIGKILL');
    await server.stop();
    await rm(directory, { recursive: true });
  }
}

/** Milliseconds from the report of the end of these Pods' containers to nothing of them being left. */
async function reclaimed(server: ApiServer, pods: readonly number[]): Promise<number> {
  const { store } = server.handler;
  const uids = new Set(pods.map(podUid));
  let sessions = (pods.length * SESSIONS) / PODS;
  let locks = (pods.length * LOCKS) / PODS;
  const { promise, resolve } = Promise.withResolvers<number>();
  const unsubscribe = store.subscribe(({ type, storage, object }) => {
    if (storage !== 'leases') return;
    const { name = '', labels } = object.metadata;
    const uid = labels?.['leasehold.dev/pod-uid'] ?? '';
    const isBlank = objectAt(object, 'spec').holderIdentity === '';
    if (type === 'MODIFIED' && uids.has(uid) && isBlank) sessions -= 1;
    if (type === 'DELETED' && name.startsWith('lock-')) locks -= 1;
    if (sessions === 0 && locks === 0) resolve(monotonic());
  });
  const start = monotonic();
  for (const at of pods) putPod(store, at, terminated(at));
  const patience = AbortSignal.timeout(longestMilliseconds);
  patience.addEventListener('abort', () => resolve(Number.NaN));
  const end = await promise;
  unsubscribe();
  return end - start;
}

async function portOf(output: NodeJS.ReadableStream): Promise<string> {
  const lines = createInterface({ input: output });
  return new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const port = /"event":"started","port":(\d+)/.exec(line)?.[1];
      if (port !== undefined) resolve(port);
    });
    lines.on('close', () => {
      reject(new Error('the operator has ended'));
    });
  });
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = monotonic() + longestMilliseconds;
  while (!(await isSo())) {
    if (monotonic() > deadline) throw new Error('waited in vain for the operator');
    await sleep(10);
  }
}

/** Milliseconds of processor time, of all threads. */
function processorTime(pid: number): number {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMilliseconds;
}

/** In MiB. */
function memory(pid: number, which: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  return Number(new RegExp(`${which}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1_024;
}
