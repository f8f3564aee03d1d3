import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterAccess } from '../test/cluster/access.ts';
import startSharedCluster, { sharedCluster } from '../test/cluster/shared.ts';
import { Worker } from './worker.ts';

const serviceAccount = 'bench';
const verbs = ['get', 'watch', 'create', 'update', 'patch', 'delete'];

/**
 * A real API server with a namespace and a service account, as a Pod would find them. Uses the
 * cluster that `npm run cluster` names in the environment, else starts one of its own.
 */
export class Site implements AsyncDisposable {
  readonly cluster: ClusterAccess;
  readonly namespace: string;
  readonly #directory: string;
  readonly #stopCluster: () => Promise<void>;
  readonly #workers: Worker[] = [];
  #pods = 0;

  private constructor(
    cluster: ClusterAccess,
    namespace: string,
    directory: string,
    stopCluster: () => Promise<void>,
  ) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.#directory = directory;
    this.#stopCluster = stopCluster;
  }

  static async open(): Promise<Site> {
    const stopCluster = await startSharedCluster();
    const cluster = await sharedCluster();
    const namespace = await cluster.createNamespace();
    const directory = await mkdtemp(join(tmpdir(), 'leasehold-bench-'));
    const subject = { kind: 'ServiceAccount', name: serviceAccount, namespace } as const;
    await cluster.grant(namespace, subject, [
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs },
    ]);
    return new Site(cluster, namespace, directory, stopCluster);
  }

  /** The environment of a process in a new Pod; node needs {@link inPodArguments} with it. */
  async podEnvironment(): Promise<Record<string, string>> {
    this.#pods += 1;
    const name = `pod-${String(this.#pods)}`;
    const directory = join(this.#directory, name);
    await this.cluster.createPod(this.namespace, name, serviceAccount);
    await mkdir(directory);
    const files = {
      token: await this.cluster.podToken(this.namespace, serviceAccount, name),
      namespace: this.namespace,
      'ca.crt': this.cluster.ca,
    };
    for (const [file, text] of Object.entries(files)) await writeFile(join(directory, file), text);
    const url = new URL(this.cluster.url);
    return {
      PATH: process.env.PATH ?? '',
      HOME: this.#directory,
      KUBERNETES_SERVICE_HOST: url.hostname,
      KUBERNETES_SERVICE_PORT: url.port,
      LEASEHOLD_BENCH_SERVICE_ACCOUNT: directory,
    };
  }

  /** Starts a program of this directory in a Pod of its own. */
  async worker(file: string): Promise<Worker> {
    const program = join(import.meta.dirname, file);
    const worker = new Worker(program, inPodArguments, await this.podEnvironment());
    this.#workers.push(worker);
    return worker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    await this.cluster.deleteNamespace(this.namespace);
    this.cluster.close();
    await this.#stopCluster();
    await rm(this.#directory, { recursive: true });
  }
}

/** Node's arguments for a process that shall believe to run in a Pod. */
export const inPodArguments = ['--import', join(import.meta.dirname, 'in-pod.ts')];
