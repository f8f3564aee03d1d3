import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonic } from '../statistics.ts';
import { Worker } from '../worker.ts';
import type { PeerServer } from './peer-server.ts';

/** The next one has asked, and waits, by then. */
const gapMilliseconds = 100;

/** Milliseconds from SIGKILL of who holds a lock of a peer to the next one's start. */
export async function peerDeath(
  server: PeerServer,
  program: string,
  name: string,
  ttlMilliseconds = 0,
): Promise<number> {
  const environment = {
    PATH: process.env.PATH ?? '',
    PEER_PORT: String(server.port),
    PEER_TTL_MILLISECONDS: String(ttlMilliseconds),
  };
  const start = (): Worker => new Worker(join(import.meta.dirname, program), [], environment);
  const holder = start();
  const waiter = start();
  await holder.call('hold', name);
  await waiter.call('wait', name);
  const took = await untilGranted(waiter, name, holder.pid);
  await waiter.stop();
  return took;
}

/** Kills the holder, and returns how many milliseconds later the waiter had its lock. */
export async function untilGranted(waiter: Worker, name: string, holder: number): Promise<number> {
  await sleep(gapMilliseconds);
  const granted = waiter.call<number>('granted', name);
  const killedAt = monotonic();
  process.kill(holder, 'SIGKILL');
  return (await granted) - killedAt;
}
