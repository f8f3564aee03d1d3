import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lease } from '../src/core/lease.ts';
import { parseRecord } from '../src/core/record.ts';
import type { LockRecord } from '../src/core/record.ts';
import { isLeaseholdError } from '../src/index.ts';
import { ApiServer } from '../src/testing/index.ts';

const NAMESPACE = 'default';
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;

/** Who holds the lock and who waits for it, in order, as the Lease says: names of Pods. */
export interface LockState {
  readonly holder: string | undefined;
  readonly queue: readonly string[];
}

/** As the Lease says; `since` is wall time in milliseconds. */
export interface LeaderState {
  readonly leader: string;
  readonly since: number;
  readonly transitions: number;
}

/** The embedded API server with a Pod for each worker: the demo's side of it. */
export class Cluster implements AsyncDisposable {
  /** The admin's, to look at everything with. */
  readonly kubeconfig: string;
  readonly url: string;
  readonly #server: ApiServer;
  readonly #directory: string;

  private constructor(server: ApiServer, directory: string) {
    this.#server = server;
    this.url = server.url;
    this.#directory = directory;
    this.kubeconfig = join(directory, 'kubeconfig');
  }

  static async start(directory: string): Promise<Cluster> {
    const cluster = new Cluster(await ApiServer.start(), directory);
    await writeFile(cluster.kubeconfig, cluster.#server.kubeconfig(), { mode: 0o600 });
    return cluster;
  }

  /** Creates a running Pod, and returns a kubeconfig with the token that a kubelet would mount in it. */
  async createPod(name: string): Promise<string> {
    this.#request('POST', PODS, {
      metadata: { name, labels: { app: 'leasehold-demo' } },
      spec: {
        nodeName: 'this-machine',
        containers: [{ name: 'worker', image: 'example.invalid/worker' }],
      },
    });
    this.#setPhase(name, 'Running');
    const token = this.#server.token({ pod: { namespace: NAMESPACE, name } });
    const file = join(this.#directory, `${name}.kubeconfig`);
    await writeFile(file, this.#server.kubeconfig({ token }), { mode: 0o600 });
    return file;
  }

  /** What the kubelet reports when the process has ended. */
  failPod(name: string): void {
    this.#setPhase(name, 'Failed');
  }

  /** The garbage collector then removes the session that the Pod owns. */
  deletePod(name: string): void {
    this.#request('DELETE', `${PODS}/${name}?gracePeriodSeconds=0`, {});
  }

  /**
   * @param listener - told when somebody deletes a Pod, as the kubelet would be; `gone` when it was by
   * force, so that the Pod's token is worth nothing any more
   */
  onPodDeletion(listener: (name: string, gone: boolean) => void): void {
    this.#server.handler.store.subscribe(({ type, storage, object }) => {
      const { name = '', deletionTimestamp } = object.metadata;
      const gone = type === 'DELETED';
      if (storage === 'pods' && (gone || deletionTimestamp !== undefined)) listener(name, gone);
    });
  }

  lock(name: string): LockState {
    const lease = this.#lease(name);
    if (!lease) return { holder: undefined, queue: [] };
    const { holders, queue } = recordOf(lease);
    const [holder] = holders;
    return {
      holder: holder && podOfSession(holder.session),
      queue: queue.map(({ session }) => podOfSession(session)),
    };
  }

  /** Undefined when nobody leads. */
  leader(election: string): LeaderState | undefined {
    const { holderIdentity, acquireTime, leaseTransitions } = this.#lease(election)?.spec ?? {};
    if (!holderIdentity) return undefined;
    return {
      leader: holderIdentity.replace(/_[0-9a-f]+$/, ''),
      since: Date.parse(acquireTime ?? ''),
      transitions: leaseTransitions ?? 0,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
  }

  #lease(name: string): Lease | undefined {
    const object = this.#server.handler.store.get('leases', `${NAMESPACE}/${name}`);
    return object as Lease | undefined;
  }

  #setPhase(name: string, phase: string): void {
    const type = 'application/merge-patch+json';
    this.#request('PATCH', `${PODS}/${name}/status`, { status: { phase } }, type);
  }

  /** A Pod that is not there any more was deleted by somebody who looks on. */
  #request(method: string, url: string, body: object, type = 'application/json'): void {
    const { adminToken, handler } = this.#server;
    const headers = { authorization: `Bearer ${adminToken}`, 'content-type': type };
    const { status } = handler.handle({ method, url, headers, body: JSON.stringify(body) });
    if (status >= 400 && status !== 404) {
      throw new Error(`${method} ${url} was answered with ${String(status)}`);
    }
  }
}

/** A session's name is its process's and 8 hex digits. */
function podOfSession(session: string): string {
  return session.replace(/-[0-9a-f]{8}$/, '');
}

/** Whoever looks on may have made something else of the Lease. */
function recordOf(lease: Lease): Pick<LockRecord, 'holders' | 'queue'> {
  try {
    return parseRecord(lease);
  } catch (error) {
    if (!isLeaseholdError(error, 'FOREIGN_LEASE')) throw error;
    return { holders: [], queue: [] };
  }
}
