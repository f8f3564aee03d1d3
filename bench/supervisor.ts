import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { announcementOf } from '../src/client/announcement.ts';
import { systemClock } from '../src/client/system-clock.ts';
import { Transport } from '../src/kube/transport.ts';
import { Announcements } from '../src/supervisor/announcements.ts';
import type { Figure } from './report.ts';
import { Site } from './site.ts';
import { holdSupervised } from './supervised.ts';
import type { Holder } from './supervised.ts';
import { median, monotonic, quantile } from './statistics.ts';

const deaths = 48;
const oldHolders = 6;
const gapMilliseconds = 100;
/** From then on a waiter watches the session of the holder. */
const patientMilliseconds = 1_500;
/** By then no connection is open any more. */
const oldMilliseconds = 65_000;
const announcedCycles = 20_000;

/**
 * From SIGKILL of a holder under `leasehold run` to the end of acquire in another process; beside a
 * bare PUT in one process and its watch event in another. Of the built program (`npm run build`).
 */
export async function measure(): Promise<Figure[]> {
  await using site = await Site.open();
  const writer = await site.worker('handoff-worker.ts');
  const waiter = await site.worker('handoff-worker.ts');
  const environment = await site.podEnvironment();
  const namesOf = (kind: string, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${kind}-${String(index)}`);

  const killed = async (holder: Holder, name: string): Promise<number> => {
    const granted = waiter.call<number>('granted', name);
    const killedAt = monotonic();
    process.kill(holder.pid, 'SIGKILL');
    const took = (await granted) - killedAt;
    await holder.ended;
    await waiter.call('release', name);
    return took;
  };

  const startedAt = monotonic();
  const oldNames = namesOf('old', oldHolders);
  const old: [Holder, string][] = [];
  for (const name of oldNames) old.push([await holdSupervised(environment, name), name]);
  await waiter.call('wait', oldNames);

  const idleFrom = {
    at: monotonic(),
    processor: old.map(([{ supervisor }]) => processorTime(supervisor)),
  };
  const names = namesOf('death', deaths);
  const versions = await writer.call<string[]>('createBare', names);
  await waiter.call('watchBare', { names, versions });
  const recent: number[] = [];
  const patient: number[] = [];
  const bare: number[] = [];
  const memory: number[] = [];
  for (const [index, name] of names.entries()) {
    const isPatient = index % 4 === 3;
    const holder = await holdSupervised(environment, name);
    await waiter.call('wait', [name]);
    await sleep(isPatient ? patientMilliseconds : gapMilliseconds);
    memory.push(resident(holder.supervisor));
    (isPatient ? patient : recent).push(await killed(holder, name));
    const arrival = waiter.call<number>('changed', name);
    const start = await writer.call<number>('putBare', name);
    bare.push((await arrival) - start);
  }
  await sleep(Math.max(0, startedAt + oldMilliseconds - monotonic()));
  const idleMinutes = (monotonic() - idleFrom.at) / 60_000;
  const idle = old.map(
    ([{ supervisor }], index) => processorTime(supervisor) - (idleFrom.processor[index] ?? 0),
  );
  const cold: number[] = [];
  for (const [holder, name] of old) cold.push(await killed(holder, name));

  const put = median(bare);
  const beside = `; a bare PUT to its watch event ${put.toFixed(2)} ms (p99 ${quantile(bare, 0.99).toFixed(1)})`;
  return [
    {
      name: 'deathToHolderMs',
      value: median(recent),
      meaning: `SIGKILL to acquire of a waiter that has just come, p99 ${quantile(recent, 0.99).toFixed(1)}${beside}`,
    },
    {
      name: 'patientMs',
      value: median(patient),
      meaning: `the same, of one that has waited for ${String(patientMilliseconds)} ms`,
    },
    {
      name: 'oldMs',
      value: median(cold),
      meaning: `the same, of a holder that has run for a minute: all connections are closed`,
    },
    { name: 'ratio', value: median(recent) / put, atMost: 8, meaning: 'deathToHolder over PUT' },
    { name: 'residentMiB', value: Math.max(...memory), atMost: 60, meaning: 'of leasehold run' },
    {
      name: 'idleMsPerMinute',
      value: Math.max(...idle) / idleMinutes,
      meaning: `processor time of leasehold run while its command holds a lock, the most of ${String(oldHolders)}`,
    },
    {
      name: 'announceMicroseconds',
      value: announcementTime(),
      atMost: 50,
      meaning: 'what an acquisition and its release cost the application more',
    },
  ];
}

/** Microseconds for one attempt, announced and settled. */
function announcementTime(): number {
  const announcements = Announcements.open();
  if (!announcements) throw new Error('nowhere to write');
  const access = {
    server: 'https://10.0.0.1',
    namespace: 'billing',
    source: 'nowhere',
    tls: {},
    authorization: () => undefined,
  };
  const clock = systemClock();
  const transport = new Transport(access, clock);
  const cluster = { access, transport, namespace: 'billing', clock, choice: {} };
  const announcement = announcementOf(announcements.variables, cluster);
  const start = monotonic();
  for (let cycle = 0; cycle < announcedCycles; cycle += 1) {
    announcement?.attemptBegan('billing-x2kq4-1f9a3c21', `1f9a3c21-${String(cycle)}`, 'invoices');
    announcement?.attemptSettled(`1f9a3c21-${String(cycle)}`);
  }
  const took = monotonic() - start;
  announcements.close();
  return (took * 1_000) / announcedCycles;
}

/** Resident memory in MiB. */
function resident({ pid }: ChildProcess): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024;
}

/** Milliseconds of processor time, to a hundredth of a second. */
function processorTime({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
