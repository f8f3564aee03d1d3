import { spawnSync } from 'node:child_process';
import { freePort } from '../../test/cluster/ports.ts';
import { PeerServer, peerDirectory } from './peer-server.ts';

/**
 * One Redis without persistence, on a loopback port: the fastest that redlock can have.
 *
 * @param address - another one of this host that it listens on
 */
export async function startRedis(address?: string): Promise<PeerServer> {
  if (spawnSync('redis-server', ['--version']).status !== 0) {
    throw new Error('no Redis: apt-get install redis-server');
  }
  const directory = await peerDirectory();
  const port = await freePort();
  return PeerServer.start(port, directory, 'redis-server', [
    ...['--bind', '127.0.0.1', ...(address === undefined ? [] : [address])],
    // Else it answers to loopback alone, whatever it listens on.
    ...['--protected-mode', 'no'],
    ...['--port', String(port), '--dir', directory],
    ...['--save', '', '--appendonly', 'no'],
  ]);
}
