import { request } from 'node:http';
import { join } from 'node:path';
import { SupervisedProcess } from './process.ts';

const startTimeoutMilliseconds = 30_000;

/** An etcd of one member that keeps its data in `directory` and listens on a Unix socket only. */
export class Etcd {
  readonly #binary: string;
  readonly #directory: string;
  readonly #socket: string;
  #process: SupervisedProcess | undefined;

  constructor(binary: string, directory: string) {
    this.#binary = binary;
    this.#directory = directory;
    this.#socket = join(directory, 'etcd.sock');
  }

  /** What the API server takes for --etcd-servers. */
  get endpoint(): string {
    return `unix://${this.#socket}`;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  async start(): Promise<void> {
    // Nobody dials the peer and the advertised address of a single member, but they must parse.
    const unused = 'http://127.0.0.1:1';
    this.#process = await SupervisedProcess.start({
      command: this.#binary,
      arguments: [
        '--name=test',
        `--data-dir=${join(this.#directory, 'etcd')}`,
        `--listen-client-urls=${this.endpoint}`,
        `--advertise-client-urls=${unused}`,
        `--listen-peer-urls=unix://${join(this.#directory, 'peer.sock')}`,
        `--initial-advertise-peer-urls=${unused}`,
        `--initial-cluster=test=${unused}`,
        // The data is not meant to survive the machine, and fsync makes each write wait for a disk.
        '--unsafe-no-fsync',
        '--log-level=warn',
      ],
      logPath: join(this.#directory, 'etcd.log'),
      directory: this.#directory,
    });
    await this.#process.waitUntil(() => this.#isHealthy(), startTimeoutMilliseconds);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.signal(signal);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    await this.#process?.end(signal);
  }

  async #isHealthy(): Promise<boolean> {
    return new Promise((resolve) => {
      const signal = AbortSignal.timeout(1000);
      request({ socketPath: this.#socket, path: '/health', signal })
        .on('response', (response) => {
          response.resume();
          resolve(response.statusCode === 200);
        })
        .on('error', () => {
          resolve(false);
        })
        .end();
    });
  }
}
