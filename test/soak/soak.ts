import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Lease } from '../../src/core/lease.ts';
import { parseRecord } from '../../src/core/record.ts';
import { isBlank, isSession } from '../../src/core/session-lease.ts';
import { ApiServer } from '../../src/testing/index.ts';
import { ELECTION } from './protocol.ts';
import { Faults } from './faults.ts';
import type { Buried, ClientSettings, FromClient } from './protocol.ts';
import { Rival } from './rival.ts';
import type { Sample } from './sample.ts';
import { judge } from './verdict.ts';
import type { Verdict } from './verdict.ts';

export interface SoakResult {
  readonly milliseconds: number;
  readonly samples: readonly Sample[];
  readonly verdicts: readonly Verdict[];
  readonly faults: Readonly<Record<string, number>>;
  /** What the client told at its end; undefined if it has not come to that. */
  readonly end: Extract<FromClient, { type: 'end' }> | undefined;
  /** What is wrong; nothing if everything is flat and nothing is left. */
  readonly complaints: readonly string[];
}

/** It ends by itself, or not at all. */
const LONGEST_EXIT_MS = 30_000;

/** Lets one client do everything, on an embedded API server, beside a rival and under faults. */
export async function soak(
  choice: { readonly milliseconds: number; readonly share: number },
  onSample: (sample: Sample) => void,
): Promise<SoakResult> {
  const { milliseconds, share } = choice;
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
  const settings: ClientSettings = { kubeconfig, milliseconds, share };
  const client = fork(fileURLToPath(import.meta.resolve('./client.ts')), [], {
    execArgv: ['--expose-gc'],
    env: { ...process.env, SOAK_CLIENT: JSON.stringify(settings) },
  });
  const calmer = setTimeout(() => calm.abort(), Math.max(0, milliseconds - 10_000));
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
      killer = setTimeout(() => client.kill('SIGKILL'), LONGEST_EXIT_MS);
    }
  });
  let killer: NodeJS.Timeout | undefined;
  const [code, signal] = (await once(client, 'exit')) as [number | null, string | null];
  const tookToExit = performance.now() - endedAt;
  clearTimeout(killer);
  clearTimeout(calmer);
  calm.abort();
  await faulting;
  await rival.stop();
  await rm(directory, { recursive: true });

  const verdicts = judge(samples, milliseconds);
  const complaints = verdicts
    .filter(({ flat }) => !flat)
    .map(({ figure }) => `${figure} is not flat`);
  if (code !== 0) complaints.push(`the client ended with ${String(signal ?? code)}`);
  if (!end) complaints.push('the client did not come to its end');
  if (end && end.left.length > 0) complaints.push(`left after close(): ${end.left.join(', ')}`);
  if (end && tookToExit > 1_000) complaints.push('the client did not exit at once after close()');
  for (const warning of end?.warnings ?? []) complaints.push(`warning: ${warning}`);
  const leases = leftIn(server.handler.store.list('leases').map((one) => one as Lease));
  if (leases.length > 0) complaints.push(`Leases left behind: ${leases.slice(0, 10).join(', ')}`);
  return { milliseconds, samples, verdicts, faults: faults.counts, end, complaints };
}

/**
 * Sessions that nobody has ended, and locks that name one. A lock that was granted to a session which
 * had been revoked is left to whoever wants it next; and the Lease of an election stays, and is free.
 */
function leftIn(leases: readonly Lease[]): string[] {
  const sessions = leases.filter((lease) => isSession(lease) && !isBlank(lease));
  const living = new Set(sessions.map(({ metadata }) => metadata.name));
  return leases
    .filter((lease) => {
      if (isSession(lease)) return living.has(lease.metadata.name);
      if (lease.metadata.name === ELECTION) return !isBlank(lease);
      const { holders, queue } = parseRecord(lease);
      return [...holders, ...queue].some(({ session }) => living.has(session));
    })
    .map(({ metadata }) => metadata.name);
}
