import { randomBytes } from 'node:crypto';
import type { Cluster } from '../../client/cluster.ts';
import { microTime } from '../../core/lease.ts';
import type { Lease } from '../../core/lease.ts';
import { MARGIN } from '../../core/validity.ts';
import { leaseApi } from '../../kube/lease-api.ts';
import type { LeaseApi } from '../../kube/lease-api.ts';
import { isMissing } from '../../kube/outcome.ts';
import type { Outcome } from '../../kube/outcome.ts';
import { errorOf } from '../../kube/status-error.ts';
import type { Finding } from './finding.ts';

const MOST_READS = 40;
const MOST_WRITES = 10;
/** A slow server is judged by less. */
const FEWEST = 5;
const LONGEST_MS = 5_000;
const DEADLINE_MS = 5_000;
/** An outage that comes with a restart of an API server, or a new leader of etcd. */
const USUAL_OUTAGE_MS = 3_000;

export interface Latency {
  /** Milliseconds. */
  readonly median: number;
  readonly p99: number;
}

/** Milliseconds of each of some small reads of a Lease. Sends 41 GETs, or fewer to a slow server. */
export async function checkReads(
  cluster: Cluster,
  ttl: number,
): Promise<{ finding: Finding; latency: Latency | undefined }> {
  const { transport, namespace } = cluster;
  const api = leaseApi(transport, namespace, DEADLINE_MS);
  const name = probeName();
  const times: number[] = [];
  // The first also makes the connection, and is not counted.
  for (let read = 0; read <= MOST_READS && !suffice(times); read += 1) {
    const from = performance.now();
    const outcome = await api.get(name);
    if (outcome.kind !== 'done' && !isMissing(outcome)) {
      return { finding: failed('latency', outcome, 'read a Lease'), latency: undefined };
    }
    if (read > 0) times.push(performance.now() - from);
  }
  const latency = latencyOf(times);
  return {
    finding: rated('latency', `${String(times.length)} reads of a Lease`, latency, ttl),
    latency,
  };
}

/** The same for writes, on a Lease of its own that it deletes again. Sends 10 POSTs and DELETEs. */
export async function checkWrites(cluster: Cluster, ttl: number): Promise<Finding> {
  const { transport, namespace, clock } = cluster;
  const api = leaseApi(transport, namespace, DEADLINE_MS);
  const times: number[] = [];
  for (let write = 0; write < MOST_WRITES && !suffice(times); write += 1) {
    const name = probeName();
    const from = performance.now();
    const created = await api.create(probe(name, namespace, microTime(clock.wall())));
    if (created.kind !== 'done') {
      await cleanUp(api, name, created);
      return failed('writes', created, 'create a Lease');
    }
    const removed = await api.remove(created.body);
    if (removed.kind !== 'done') {
      await cleanUp(api, name, removed);
      return failed('writes', removed, `delete Lease ${name}, which may be left behind`);
    }
    times.push((performance.now() - from) / 2);
  }
  return rated(
    'writes',
    `${String(times.length)} creates and deletes of a Lease`,
    latencyOf(times),
    ttl,
  );
}

/**
 * How long an outage may last before locks are lost.
 *
 * @param ttl - milliseconds
 */
export function checkTtl(ttl: number, latency: Latency | undefined): Finding {
  const renewEvery = ttl / 3;
  // At worst it begins just before a renewal, and ends with one that takes its time.
  const left = ttl * (1 - MARGIN) - renewEvery - 2 * (latency?.p99 ?? 0);
  const tolerated = Math.max(0, left);
  const message = `with a ttl of ${seconds(ttl)}, locks are lost in outages of the API server of over ${seconds(tolerated)}, and a crash blocks a lock for ${seconds(ttl)}`;
  const data = { ttlSeconds: ttl / 1_000, toleratedOutageSeconds: tolerated / 1_000 };
  const base = { check: 'ttl', message, data };
  if (tolerated >= USUAL_OUTAGE_MS) return { ...base, level: 'good' };
  return {
    ...base,
    level: tolerated > 0 ? 'warning' : 'bad',
    remedy: `a restart of the API server or of etcd takes ${seconds(USUAL_OUTAGE_MS)} and more: use a longer ttl`,
  };
}

/** @param times - milliseconds, in any order; at least one */
export function latencyOf(times: readonly number[]): Latency {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { median: at(0.5), p99: at(0.99) };
}

/** A renewal has a third of the ttl until the next, and is tried several times within that. */
export function rated(check: string, what: string, latency: Latency, ttl: number): Finding {
  const { median, p99 } = latency;
  const message = `${what}: median ${milliseconds(median)}, p99 ${milliseconds(p99)}`;
  const data = { medianMilliseconds: median, p99Milliseconds: p99 };
  const base = { check, message, data };
  if (p99 < ttl / 30) return { ...base, level: 'good' };
  const remedy = `renewals every ${seconds(ttl / 3)} need a server that answers faster: look at its load (API priority and fairness, etcd's disks) and at the network, or use a longer ttl`;
  return { ...base, level: p99 < ttl / 6 ? 'warning' : 'bad', remedy };
}

function suffice(times: readonly number[]): boolean {
  const spent = times.reduce((sum, time) => sum + time, 0);
  return times.length >= FEWEST && spent > LONGEST_MS;
}

function probeName(): string {
  return `leasehold-doctor-${randomBytes(6).toString('hex')}`;
}

function probe(name: string, namespace: string, now: string): Lease {
  return {
    metadata: { name, namespace },
    spec: {
      holderIdentity: 'leasehold-doctor',
      leaseDurationSeconds: 1,
      acquireTime: now,
      renewTime: now,
    },
  };
}

/** What was perhaps created, or not deleted; of a name that nobody else uses. */
async function cleanUp(api: LeaseApi, name: string, outcome: Outcome<unknown>): Promise<void> {
  if (outcome.kind !== 'unknown') return;
  const read = await api.get(name);
  if (read.kind === 'done') await api.remove(read.body);
}

function failed(
  check: string,
  outcome: Exclude<Outcome<unknown>, { kind: 'done' }>,
  action: string,
): Finding {
  const isForbidden = outcome.kind === 'refused' && outcome.status === 403;
  return {
    check,
    level: isForbidden ? 'warning' : 'bad',
    message: isForbidden
      ? `not measured: not permitted to ${action}`
      : errorOf(outcome, action).message,
    remedy: isForbidden ? 'see permissions' : 'see what the API server says',
  };
}

function seconds(value: number): string {
  return `${String(Math.round(value / 100) / 10)}s`;
}

function milliseconds(value: number): string {
  return value < 10 ? `${value.toFixed(1)}ms` : `${String(Math.round(value))}ms`;
}
