// HTTP/1.1 against HTTP/2 as the way to talk to a real API server: writes, watches, and their cost.
// Prints one line of JSON. Usage: npx node bench/transport/run.ts
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, startCluster } from '../../test/cluster/server.ts';
import { BenchLease, sequenceOf } from './leases.ts';
import { monotonicMilliseconds, round, type Summary, summarize } from './statistics.ts';
import { type Endpoint, type Transport, type TransportName, transports } from './transport.ts';
import type { EventReport, OpenReport } from './watcher.ts';

const warmUps = 100;
const samples = 600;
const watchCounts = [1, 10, 100] as const;
const processWatchCounts = [1, 10, 100, 300] as const;

let sequence = 0;

await using cluster = await startCluster();
const endpoint: Endpoint = { url: cluster.url, ca: cluster.ca, token: cluster.adminToken };
const namespace = await cluster.createNamespace();
const leases: BenchLease[] = [];
for (let index = 0; index < 300; index += 1) {
  leases.push(await BenchLease.create(cluster, namespace, `lease-${String(index)}`));
}

const results: Record<TransportName, unknown[]> = { http1: [], http2: [] };
await measure('http1'); // Only warms the server up.
// There and back again, so that neither of them gains by what the server learns or forgets with time.
for (const name of ['http1', 'http2', 'http2', 'http1'] as const) {
  results[name].push(await measure(name));
}
process.stdout.write(`${JSON.stringify(results)}\n`);

async function measure(name: TransportName): Promise<unknown> {
  process.stderr.write(`measuring ${name}\n`);
  return {
    sequentialPut: await measurePuts(transports[name](endpoint)),
    parallelPut20: await measureParallelPuts(transports[name](endpoint), 20),
    oneProcess: await collect(watchCounts, (count) => measureOneProcess(name, count)),
    twoProcesses: await collect(processWatchCounts, (count) => measureTwoProcesses(name, count)),
  };
}

async function collect<T>(
  counts: readonly number[],
  measure: (count: number) => Promise<T>,
): Promise<Record<string, T>> {
  const collected: Record<string, T> = {};
  for (const count of counts) {
    collected[String(count)] = await measure(count);
  }
  return collected;
}

async function measurePuts(transport: Transport): Promise<Summary> {
  const durations: number[] = [];
  for (let index = 0; index < warmUps + samples; index += 1) {
    const started = monotonicMilliseconds();
    await pick(index, 1).renew(transport, (sequence += 1));
    if (index >= warmUps) {
      durations.push(monotonicMilliseconds() - started);
    }
  }
  transport.close();
  return summarize(durations);
}

async function measureParallelPuts(transport: Transport, width: number): Promise<unknown> {
  const durations: number[] = [];
  let started = 0;
  for (let batch = 0; batch < 40; batch += 1) {
    if (batch === 10) {
      started = monotonicMilliseconds();
    }
    await Promise.all(
      leases.slice(0, width).map(async (lease) => {
        const begin = monotonicMilliseconds();
        await lease.renew(transport, (sequence += 1));
        if (batch >= 10) {
          durations.push(monotonicMilliseconds() - begin);
        }
      }),
    );
  }
  const seconds = (monotonicMilliseconds() - started) / 1000;
  const connections = transport.connections();
  transport.close();
  return {
    ...summarize(durations),
    perSecond: Math.round(durations.length / seconds),
    connections,
  };
}

async function measureOneProcess(name: TransportName, count: number): Promise<unknown> {
  const fresh = await recreate(count);
  const transport = transports[name](endpoint);
  const waiting = new Map<number, (time: number) => void>();
  await Promise.all(
    fresh.map((lease) =>
      transport.watch(lease.watchPath, (line) => {
        const time = monotonicMilliseconds();
        const seen = sequenceOf(line);
        if (seen !== undefined) {
          waiting.get(seen)?.(time);
        }
      }),
    ),
  );
  const eventLatencies: number[] = [];
  const putLatencies: number[] = [];
  let eventsFirst = 0;
  for (let index = 0; index < warmUps + samples; index += 1) {
    const current = (sequence += 1);
    const arrival = new Promise<number>((resolve) => waiting.set(current, resolve));
    const started = monotonicMilliseconds();
    const answer = pick(index, count, fresh).renew(transport, current).then(monotonicMilliseconds);
    const [arrived, answered] = await Promise.all([arrival, answer]);
    waiting.delete(current);
    if (index >= warmUps) {
      eventLatencies.push(arrived - started);
      putLatencies.push(answered - started);
      eventsFirst += arrived < answered ? 1 : 0;
    }
  }
  const connections = transport.connections();
  transport.close();
  return {
    putToEvent: summarize(eventLatencies),
    put: summarize(putLatencies),
    eventBeforeAnswer: round(eventsFirst / samples),
    connections,
  };
}

async function measureTwoProcesses(name: TransportName, count: number): Promise<unknown> {
  const fresh = await recreate(count);
  const serverBefore = await serverRss(cluster);
  const child = fork(`${import.meta.dirname}/watcher.ts`, {
    execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning'],
  });
  const ask = async <T>(message: object | string): Promise<T> => {
    child.send(message);
    const [answer] = (await once(child, 'message')) as [T];
    return answer;
  };
  const paths = fresh.map((lease) => lease.watchPath);
  const opened = await ask<OpenReport>({ endpoint, transport: name, paths });
  const serverAfter = await serverRss(cluster);

  // The writer is the same for both: only the watchers are compared.
  const writer = transports.http1(endpoint);
  const startedAt = new Map<number, number>();
  for (let index = 0; index < warmUps + samples; index += 1) {
    const current = (sequence += 1);
    startedAt.set(current, monotonicMilliseconds());
    await pick(index, count, fresh).renew(writer, current);
  }
  await sleep(300);
  writer.close();
  const { arrivals, cpuMicroseconds } = await ask<EventReport>('collect');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const latencies = arrivals
    .slice(-samples)
    .map(([seen, arrived]) => arrived - (startedAt.get(seen) ?? NaN));
  return {
    putToEvent: summarize(latencies),
    events: arrivals.length,
    cpuMicrosecondsPerEvent: Math.round(cpuMicroseconds / arrivals.length),
    openMilliseconds: round(opened.openMilliseconds),
    rssMebibytes: round((opened.rssAfter - opened.rssBefore) / 2 ** 20),
    serverRssMebibytes: round((serverAfter - serverBefore) / 2 ** 20),
    connections: opened.connections,
    maxConcurrentStreams: opened.maxConcurrentStreams,
  };
}

/** Leases of fresh versions, so that no watch starts with a backlog of old events. */
async function recreate(count: number): Promise<BenchLease[]> {
  const fresh: BenchLease[] = [];
  for (let index = 0; index < count; index += 1) {
    const name = `watched-${String((sequence += 1))}`;
    fresh.push(await BenchLease.create(cluster, namespace, name));
  }
  return fresh;
}

function pick(index: number, count: number, from: readonly BenchLease[] = leases): BenchLease {
  const lease = from[index % count];
  if (lease === undefined) {
    throw new RangeError('no such Lease');
  }
  return lease;
}

async function serverRss(server: Cluster): Promise<number> {
  const status = await readFile(`/proc/${String(server.processIds.apiServer)}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
}
