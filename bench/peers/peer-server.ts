import { chown, mkdtemp, rm } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SupervisedProcess } from '../../test/cluster/process.ts';

/** A server of somebody else, for one bench, with its files in a directory that goes with it. */
export class PeerServer implements AsyncDisposable {
  readonly port: number;
  readonly #process: SupervisedProcess;
  readonly #directory: string;

  private constructor(port: number, process: SupervisedProcess, directory: string) {
    this.port = port;
    this.#process = process;
    this.#directory = directory;
  }

  static async start(
    port: number,
    directory: string,
    command: string,
    words: readonly string[],
  ): Promise<PeerServer> {
    const logPath = join(directory, 'log');
    const child = await SupervisedProcess.start({ command, arguments: words, logPath, directory });
    return new PeerServer(port, child, directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.end('SIGTERM');
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** @param user - to whom it belongs, if this process may give it away */
export async function peerDirectory(user?: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-peer-'));
  if (user !== undefined && process.getuid?.() === 0) {
    const { stdout } = spawnSync('id', ['-u', user], { encoding: 'utf8' });
    await chown(directory, Number(stdout), 0);
  }
  return directory;
}
