import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from '../cluster/apiServer.ts';
import type { Cluster } from '../cluster/server.ts';
import { monotonic } from './history.ts';
import type { Fault } from './history.ts';
import type { SeededRandom } from './random.ts';

/** At most so often: a server that starts takes a core for seconds. */
const REST_MS = 5_000;

/** What happens to one of the API servers, or to the etcd behind them: one thing at a time. */
export class ServerFaults {
  readonly #cluster: Cluster;
  readonly #random: SeededRandom;
  #isHurt = false;
  #mayAt = monotonic() + REST_MS;

  constructor(cluster: Cluster, random: SeededRandom) {
    this.#cluster = cluster;
    this.#random = random;
  }

  /** Undefined when it is too early for another fault. Resolves when all is ready again. */
  async hurt(kind: string, storm: AbortSignal): Promise<Fault | undefined> {
    if (this.#isHurt || monotonic() < this.#mayAt) return undefined;
    this.#isHurt = true;
    const servers = this.#cluster.apiServers;
    const index = Math.floor(this.#random.next() * servers.length);
    const server = servers[index];
    if (!server) throw new RangeError('there is no API server');
    const pause = async (least: number, most: number): Promise<void> => {
      const length = this.#random.between(least, most);
      await sleep(length, undefined, { signal: storm }).catch(() => undefined);
    };
    const at = monotonic();
    await this.#break(kind, server, pause);
    this.#mayAt = monotonic() + REST_MS;
    this.#isHurt = false;
    const target = kind.startsWith('etcd') ? 'server:etcd' : `server:${String(index)}`;
    return { kind, target, at, until: monotonic() };
  }

  async #break(
    kind: string,
    server: ApiServer,
    pause: (least: number, most: number) => Promise<void>,
  ): Promise<void> {
    const cluster = this.#cluster;
    if (kind === 'server-pause') {
      server.signal('SIGSTOP');
      await pause(200, 4_000);
      server.signal('SIGCONT');
    } else if (kind === 'etcd-pause') {
      cluster.pauseEtcd();
      await pause(200, 3_000);
      cluster.resumeEtcd();
    } else if (kind === 'etcd-kill') {
      await cluster.killEtcd();
      await pause(0, 1_000);
      await cluster.startEtcd();
    } else {
      // An orderly stop waits for open watches as long as it may.
      if (kind === 'server-stop') {
        server.signal('SIGTERM');
        await pause(2_000, 3_000);
      }
      await server.end('SIGKILL');
      await pause(0, 2_000);
      await server.start();
    }
  }
}
