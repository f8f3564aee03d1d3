import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Lease } from '../../src/core/lease.ts';
import { parseRecord } from '../../src/core/record.ts';
import { isBlank, isSession } from '../../src/core/session-lease.ts';
import { asLease } from '../../src/kube/lease-shape.ts';
import { ApiServer } from '../../src/testing/index.ts';
import { ELECTION } from './protocol.ts';
import { Faults } from './faults.ts';
import type { Buried, ClientSettings, FromClient } from './protocol.ts';
import { Rival } from './rival.ts';
import type { Sample } from './sample.ts';
import { judge, judgeLoad } from './verdict.ts';
import type { LoadVerdict, Verdict } from './verdict.ts';

export interface SoakResult {
  readonly milliseconds: number;
  readonly samples: readonly Sample[];
  readonly verdicts: readonly Verdict[];
  readonly load: LoadVerdict;
  /** Sessions of clients that were closed while the API server was silent, and said so. */
  readonly lapsed: number;
  readonly faults: Readonly<Record<string, number>>;
  /** What the client told at its end; undefined if it has not come to that. */
  readonly end: Extract<FromClient, { type: 'end' }> | undefined;
  /** What is wrong; nothing if everything is flat and nothing is left. */
  readonly complaints: readonly string[];
}

/**
 * What V8 compiles, and what it notes of types to do that better, grows for tens of thousands of
 * operations, and goes when it is not used: some MiB of the heap that are none of the client's. And its
 * young generation grows with the rate of operations, by 120 MiB, and stays so.
 */
const V8_AT_REST = [
  '--no-opt',
  '--no-maglev',
  '--no-sparkplug',
  '--no-flush-bytecode',
  '--invocation-count-for-feedback-allocation=1000000000',
  '--max-semi-space-size=2',
];
/** It ends by itself, or not at all. */
const LONGEST_EXIT_MS = 30_000;
/** A machine that is busy takes its time for that, too. */
const AT_ONCE_MS = 5_000;
/** From the end of the run: what has begun has to end, and connections that nobody uses to be dropped. */
const LONGEST_END_MS = 180_000;
/** What the last of the client's requests may wait for is over by then. */
const CALM_MS = 10_000;

/** Lets one client do everything, on an embedded API server, beside a rival and under faults. */
export async function soak(
  milliseconds: number,
  onSample: (sample: Sample) => void,
): Promise<SoakResult> {
  await using server = await ApiServer.start();
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-soak-'));
  const kubeconfig = join(directory, 'kubeconfig');
  const token = server.token({ user: 'soak', groups: ['system:masters'] });
  await writeFile(kubeconfig, server.kubeconfig({ token }), { mode: 0o600 });
  const rival = await Rival.start(server);
  const faults = new Faults(server, token);
  const calm = new AbortController();
  const faulting = faults.run(calm.signal);

  const samples: Sample[] = [];
  let end: SoakResult['end'];
  const settings: ClientSettings = { kubeconfig, milliseconds };
  const client = fork(fileURLToPath(import.meta.resolve('./client.ts')), [], {
    execArgv: ['--expose-gc', ...V8_AT_REST],
    env: { ...process.env, SOAK_CLIENT: JSON.stringify(settings) },
  });
  const calmer = setTimeout(() => calm.abort(), Math.max(0, milliseconds - CALM_MS));
  let killer = setTimeout(() => client.kill('SIGKILL'), milliseconds + LONGEST_END_MS);
  let endedAt = Number.POSITIVE_INFINITY;
  client.on('message', (message: FromClient) => {
    if (message.type === 'sample') {
      samples.push(message.sample);
      onSample(message.sample);
    } else if (message.type === 'bury') {
      faults.bury(message.lock);
      client.send({ buried: message.lock } satisfies Buried);
    } else {
      end = message;
      endedAt = performance.now();
      clearTimeout(killer);
      killer = setTimeout(() => client.kill('SIGKILL'), LONGEST_EXIT_MS);
    }
  });
  // What it has told last may be read after its exit.
  const read = once(client, 'disconnect');
  const [code, signal] = (await once(client, 'exit')) as [number | null, string | null];
  const tookToExit = performance.now() - endedAt;
  await read;
  clearTimeout(killer);
  clearTimeout(calmer);
  calm.abort();
  await faulting;
  await rival.stop();
  await rm(directory, { recursive: true });

  const verdicts = judge(samples, milliseconds);
  const load = judgeLoad(samples, milliseconds);
  const complaints = verdicts
    .filter(({ flat }) => !flat)
    .map(({ figure }) => `${figure} is not flat`);
  if (!load.even) complaints.push('the load was not the same throughout');
  if (code !== 0) complaints.push(`the client ended with ${String(signal ?? code)}`);
  if (!end) complaints.push('the client did not come to its end');
  if (end && end.left.length > 0) complaints.push(`left after close(): ${end.left.join(', ')}`);
  if (end && tookToExit > AT_ONCE_MS)
    complaints.push('the client did not exit at once after close()');
  for (const warning of end?.warnings ?? []) complaints.push(`warning: ${warning}`);
  const stored = server.handler.store.list('leases').map((one) => asLease(one));
  // An API server that is silent lets nobody delete a session, which is then as that of a crash.
  const unwritten = end?.unwritten ?? [];
  const lapsed = stored.filter((lease) => {
    return !isBlank(lease) && unwritten.includes(lease.metadata.name);
  }).length;
  if (lapsed > (faults.counts['API server silent'] ?? 0)) {
    complaints.push(`${String(lapsed)} sessions were not deleted by close()`);
  }
  const leases = leftIn(stored, unwritten);
  if (leases.length > 0) complaints.push(`Leases left behind: ${leases.slice(0, 10).join(', ')}`);
  return { milliseconds, samples, verdicts, load, lapsed, faults: faults.counts, end, complaints };
}

/**
 * Sessions that nobody has ended, and locks that name one. A lock that was granted to a session which
 * had been revoked is left to whoever wants it next; and the Lease of an election stays, and is free.
 *
 * @param unwritten - sessions of which a client said that it could not delete them: they lapse
 */
function leftIn(leases: readonly Lease[], unwritten: readonly string[]): string[] {
  const sessions = leases.filter((lease) => {
    return isSession(lease) && !isBlank(lease) && !unwritten.includes(lease.metadata.name);
  });
  const living = new Set(sessions.map(({ metadata }) => metadata.name));
  return leases
    .filter((lease) => {
      if (isSession(lease)) return living.has(lease.metadata.name);
      if (lease.metadata.name === ELECTION) return !isBlank(lease);
      const { holders, queue } = parseRecord(lease);
      return [...holders, ...queue].some(({ session }) => living.has(session));
    })
    .map(({ metadata, spec }) => {
      const holder = metadata.name === ELECTION ? ` of ${spec?.holderIdentity ?? ''}` : '';
      return `${metadata.name}${holder}`;
    });
}
