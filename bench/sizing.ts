import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatEntry } from '../src/core/entry.ts';
import { microTime } from '../src/core/lease.ts';
import type { Lease } from '../src/core/lease.ts';
import { HOLDER_PREFIX, NEVER_LAPSES, QUEUE_PREFIX } from '../src/core/record.ts';
import { newSessionLease } from '../src/core/session-lease.ts';
import { connect } from '../src/index.ts';
import type { Leasehold } from '../src/index.ts';
import type { RequestCounts } from '../test/cluster/metrics.ts';
import { startCluster } from '../test/cluster/server.ts';
import type { Cluster } from '../test/cluster/server.ts';
import type { Figure } from './report.ts';

const sessions = 100;
const renewals = 5_000;
const writers = 4;
const writesOfALock = 1_000;
const waiters = [0, 10, 100];
const processes = 50;
const ttlSeconds = 6;
const idleSeconds = 30;
const cycles = 500;
const longRunning = /^apiserver_longrunning_requests\{([^}]*)\} (\S+)$/gm;
const pods = { uid: '7a5d6e7c-3b0f-4b4e-9d2a-5f1c8e6b9a10', name: 'billing-7d9f8c6b5-x2kq4' };

/**
 * What leasehold costs an API server and its etcd: bytes of a revision, requests of an idle process and
 * of a handoff, and where priority and fairness puts them. For the table in docs/operations.md.
 */
export async function measure(): Promise<Figure[]> {
  // All that etcd counts is then of this bench.
  await using cluster = await startCluster();
  const namespace = await cluster.createNamespace();
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const figures = [...(await renewal(cluster, namespace, path))];
  for (const count of waiters) figures.push(await lockRecord(cluster, path, count));
  figures.push(...(await library(cluster, namespace)));
  figures.push(...(await priority(cluster, namespace, path)));
  return figures;
}

/** Sessions renewed as the library does it. */
async function renewal(cluster: Cluster, namespace: string, path: string): Promise<Figure[]> {
  const leases: Lease[] = [];
  for (let at = 0; at < sessions; at += 1) {
    const lease = newSessionLease({
      name: `${pods.name}-${hex(at)}`,
      namespace,
      identity: pods.name,
      ttl: 15,
      now: microTime(Date.now()),
      // Nobody collects garbage in this cluster.
      owner: { apiVersion: 'v1', kind: 'Pod', name: pods.name, uid: pods.uid },
      container: 'main',
    });
    leases.push(await cluster.client.expect<Lease>('POST', path, lease));
  }
  const cost = await storage(cluster, renewals, async (at) => {
    const lease = leases[at % sessions];
    if (!lease) throw new Error('there is one');
    const spec = { ...lease.spec, renewTime: microTime(Date.now()) };
    const body = { ...lease, spec };
    leases[at % sessions] = await put(cluster, path, body);
  });
  return [
    {
      name: 'renewalBytes',
      value: cost.put,
      atMost: 1_000,
      meaning: 'key and value of a renewal in etcd',
    },
    {
      name: 'renewalFileBytes',
      value: cost.file,
      meaning: "what etcd's file holds of it, until it is compacted",
    },
  ];
}

/** A lock that so many wait for, written again and again. */
async function lockRecord(cluster: Cluster, path: string, count: number): Promise<Figure> {
  const entry = (at: number, seen?: bigint): string =>
    formatEntry({
      session: `${pods.name}-${hex(at)}`,
      sessionUid: pods.uid,
      ttl: 15,
      mode: 'exclusive',
      since: microTime(Date.now()),
      ...(seen === undefined ? {} : { seen }),
    });
  const annotations: Record<string, string> = { [`${HOLDER_PREFIX}${hex(0)}-1`]: entry(0) };
  for (let at = 1; at <= count; at += 1) {
    annotations[`${QUEUE_PREFIX}${hex(at)}-1`] = entry(at, 123_456n);
  }
  let lease = await cluster.client.expect<Lease>('POST', path, {
    metadata: {
      name: `lock-${String(count)}`,
      labels: { 'leasehold.dev/role': 'lock' },
      annotations,
    },
    spec: { holderIdentity: `${pods.name}-${hex(0)}`, leaseDurationSeconds: NEVER_LAPSES },
  });
  const cost = await storage(
    cluster,
    writesOfALock,
    async () => {
      const spec = { ...lease.spec, renewTime: microTime(Date.now()) };
      lease = await put(cluster, path, { ...lease, spec });
    },
    1,
  );
  return {
    name: `lock${String(count)}Bytes`,
    value: cost.put,
    meaning: `key and value of a lock for which ${String(count)} wait; ${cost.file.toFixed(0)} of etcd's file`,
  };
}

/** The library itself: what the API server counts. */
async function library(cluster: Cluster, namespace: string): Promise<Figure[]> {
  const open = async (at: number): Promise<Leasehold> => {
    const leasehold = await connect({
      kubeconfig: cluster.kubeconfigPath,
      namespace,
      identity: `process-${String(at)}`,
      ttl: `${String(ttlSeconds)}s`,
    });
    await leasehold.lock(`own-${String(at)}`).acquire();
    return leasehold;
  };
  const all = await Promise.all(Array.from({ length: processes }, (_, at) => open(at)));
  await sleep(2_000);
  const idle = await counted(cluster, () => sleep(idleSeconds * 1_000));
  const perSecond = (verb: string): number =>
    idle.total({ resource: 'leases', verb, code: '200' }) / idleSeconds;

  // All but one wait for the lock of the first.
  const before = await watches(cluster);
  const stop = new AbortController();
  const waits = all.slice(1).map(async (leasehold) => {
    await leasehold
      .lock('own-0')
      .acquire({ signal: stop.signal })
      .catch(() => undefined);
  });
  await sleep(3_000);
  const watching = ((await watches(cluster)) - before) / (processes - 1);
  stop.abort();
  await Promise.all(waits);

  const [first, second, ...others] = all;
  if (!first || !second) throw new Error('there are many');
  // Their renewals are not to be counted.
  await Promise.all(others.map((leasehold) => leasehold.close()));
  const free = await counted(cluster, async () => {
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      await (await first.lock('free').acquire()).release();
    }
  });
  const handoffs = await counted(cluster, async () => {
    let held = await first.lock('handed').acquire();
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      const next = (cycle % 2 === 0 ? second : first).lock('handed').acquire();
      await queued(cluster, namespace, 'handed');
      await held.release();
      held = await next;
    }
    await held.release();
  });
  const perCycle = (counts: RequestCounts, verb: string, code?: string): number =>
    counts.total({ resource: 'leases', verb, ...(code === undefined ? {} : { code }) }) / cycles;
  await Promise.all([first.close(), second.close()]);
  const writes = ['POST', 'PUT', 'PATCH', 'DELETE'];
  const sum = (counts: RequestCounts): number =>
    writes.reduce((total, verb) => total + perCycle(counts, verb), 0);
  return [
    {
      name: 'renewalsPerSecond',
      value: perSecond('PUT'),
      meaning: `of ${String(processes)} processes with a ttl of ${String(ttlSeconds)} s; by formula ${((3 * processes) / ttlSeconds).toFixed(0)}`,
    },
    {
      name: 'watchesPerWaiter',
      value: watching,
      meaning: `that ${String(processes - 1)} processes open which wait for one lock: on it, and on sessions`,
    },
    { name: 'cycleWrites', value: sum(free), meaning: 'of acquire and release of a free lock' },
    {
      name: 'handoffWrites',
      value: sum(handoffs),
      meaning: `of a handoff: ${writes.map((verb) => `${perCycle(handoffs, verb).toFixed(2)} ${verb}`).join(', ')}; ${perCycle(handoffs, 'POST', '409').toFixed(2)} of them refused, and so not stored`,
    },
  ];
}

/** Where the requests of a service account go. */
async function priority(cluster: Cluster, namespace: string, path: string): Promise<Figure[]> {
  const account = 'application';
  await cluster.createPod(namespace, 'asking', account);
  const subject = { kind: 'ServiceAccount', name: account, namespace } as const;
  await cluster.grant(namespace, subject, [
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
  ]);
  const token = await cluster.podToken(namespace, account, 'asking');
  const body = { metadata: { name: 'asked' }, spec: { holderIdentity: 'x' } };
  const { headers } = await cluster.client.request('POST', path, body, { token });
  const flows = '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas';
  const { items } = await cluster.client.expect<{
    items: {
      metadata: { name: string; uid: string };
      spec: { priorityLevelConfiguration: { name: string } };
    }[];
  }>('GET', flows);
  const uid = String(headers['x-kubernetes-pf-flowschema-uid']);
  const flow = items.find(({ metadata }) => metadata.uid === uid);
  const level = flow?.spec.priorityLevelConfiguration.name ?? '';
  const text = await cluster.metrics();
  const seats = new RegExp(
    `^apiserver_flowcontrol_nominal_limit_seats\\{priority_level="${level}"\\} (\\S+)$`,
    'm',
  ).exec(text)?.[1];
  return [
    {
      name: 'seats',
      value: Number(seats),
      meaning: `of priority level ${level}, where flow schema ${flow?.metadata.name ?? ''} puts the requests of service accounts`,
    },
  ];
}

/** Bytes that one write costs etcd. */
async function storage(
  cluster: Cluster,
  writes: number,
  write: (at: number) => Promise<void>,
  concurrency = writers,
): Promise<{ put: number; file: number }> {
  const before = await etcdMetrics(cluster);
  let next = 0;
  const worker = async (): Promise<void> => {
    // Each writes to its own, so that no version is missed.
    const own = next++;
    for (let at = own; at < writes; at += concurrency) await write(at);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  // The file is written in batches.
  await sleep(1_000);
  const after = await etcdMetrics(cluster);
  return { put: (after.put - before.put) / writes, file: (after.file - before.file) / writes };
}

async function etcdMetrics({ directory }: Cluster): Promise<{ put: number; file: number }> {
  const socketPath = join(directory, 'etcd.sock');
  const text = await new Promise<string>((resolve, reject) => {
    request({ socketPath, path: '/metrics' }, (response) => {
      let received = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (received += part));
      response.on('end', () => {
        resolve(received);
      });
    })
      .on('error', reject)
      .end();
  });
  const value = (name: string): number =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  return {
    put: value('etcd_debugging_mvcc_total_put_size_in_bytes'),
    file: value('etcd_mvcc_db_total_size_in_use_in_bytes'),
  };
}

async function put(cluster: Cluster, path: string, lease: Lease): Promise<Lease> {
  return cluster.client.expect<Lease>('PUT', `${path}/${lease.metadata.name}`, lease);
}

/** Of Leases, that are open. */
async function watches(cluster: Cluster): Promise<number> {
  let sum = 0;
  for (const [, labels = '', count] of (await cluster.metrics()).matchAll(longRunning)) {
    if (labels.includes('resource="leases"') && labels.includes('verb="WATCH"'))
      sum += Number(count);
  }
  return sum;
}

async function counted(cluster: Cluster, work: () => Promise<unknown>): Promise<RequestCounts> {
  const before = await cluster.countRequests();
  await work();
  // A request is counted a moment after it was answered.
  await sleep(500);
  return (await cluster.countRequests()).since(before);
}

async function queued(cluster: Cluster, namespace: string, lock: string): Promise<void> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${lock}`;
  for (;;) {
    const { body } = await cluster.request<Lease>('GET', path);
    const keys = Object.keys(body.metadata.annotations ?? {});
    if (keys.some((key) => key.startsWith(QUEUE_PREFIX))) return;
  }
}

function hex(at: number): string {
  return at.toString(16).padStart(8, '0');
}
