import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterProcessError } from '../errors.ts';
import { type Cluster, startCluster } from '../server.ts';
import { findNodeBinaries, type NodeBinaries } from './binaries.ts';
import { Cgroups } from './cgroups.ts';
import { Containerd } from './containerd.ts';
import { ControlPlane } from './controlPlane.ts';
import { writePauseImage } from './images.ts';
import { startKubelet } from './kubelet.ts';
import { Machine, type MachineProcess } from './machine.ts';
import { findHostPrograms, type HostPrograms } from './packages.ts';

const nodeName = 'leasehold-node';
const readyTimeoutMilliseconds = 60_000;
const pollMilliseconds = 50;

interface NodeStatus {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** A cluster of one node that runs Pods, on this machine and of this process: it dies with it. */
export class NodeCluster {
  readonly cluster: Cluster;
  readonly #parts: Parts;

  constructor(cluster: Cluster, parts: Parts) {
    this.cluster = cluster;
    this.#parts = parts;
  }

  /** Everything that the node has written, its logs included. */
  get directory(): string {
    return this.#parts.directory;
  }

  /** @param archive - as `docker save` writes it */
  async importImage(archive: string): Promise<void> {
    await this.#parts.containerd.importImage(archive);
  }

  /** The kubelet: frozen, containers run on, and nobody tells what becomes of them. */
  get kubelet(): MachineProcess {
    return this.#parts.kubelet;
  }

  /** Where the logs of containers are, also those of Pods that have been deleted. */
  get podLogs(): string {
    return join(this.directory, 'kubelet/logs');
  }

  /** Ends everything and removes what it wrote. */
  async stop(): Promise<void> {
    await this.#parts.controlPlane.end();
    await this.cluster.stop();
    await this.#parts.machine.end();
    await this.#parts.cgroups.remove();
    await rm(this.directory, { recursive: true, force: true });
  }
}

interface Parts {
  readonly directory: string;
  readonly machine: Machine;
  readonly cgroups: Cgroups;
  readonly controlPlane: ControlPlane;
  readonly containerd: Containerd;
  readonly kubelet: MachineProcess;
}

/**
 * Starts a cluster of one node, which is ready when this resolves.
 *
 * @param options - the port of the API server; a free one if omitted
 * @throws ClusterUnavailableError when something is missing that it needs
 */
export async function startNode(options: { readonly port?: number } = {}): Promise<NodeCluster> {
  const host = await findHostPrograms();
  const binaries = await findNodeBinaries();
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-node-'));
  const undo: (() => Promise<void>)[] = [() => rm(directory, { recursive: true, force: true })];
  try {
    const cgroups = await Cgroups.create();
    undo.unshift(() => cgroups.remove());
    const machine = await Machine.start(nodeName, directory);
    undo.unshift(() => machine.end());
    const network = { address: machine.address, prefix: machine.networkPrefix };
    const [cluster, containerd] = await Promise.all([
      startCluster({ ...options, network }),
      startContainerd(machine, binaries, host, directory),
    ]);
    undo.unshift(() => cluster.stop());
    const controlPlane = new ControlPlane(cluster, machine, binaries, directory);
    undo.unshift(() => controlPlane.end());
    const kubelet = await startKubelet({
      ...{ machine, controlPlane, containerd, cgroups, nodeName, directory },
      binary: binaries.kubelet,
    });
    await controlPlane.startControllerManager();
    await controlPlane.startScheduler();
    await controlPlane.startProxy(nodeName);
    await untilReady(cluster);
    return new NodeCluster(cluster, {
      directory,
      machine,
      cgroups,
      controlPlane,
      containerd,
      kubelet,
    });
  } catch (error) {
    for (const step of undo) await step();
    throw error;
  }
}

async function startContainerd(
  machine: Machine,
  { containerd: binary, ctr, pause }: NodeBinaries,
  host: HostPrograms,
  directory: string,
): Promise<Containerd> {
  const containerd = await Containerd.start({ machine, binary, ctr, host, directory });
  const archive = join(directory, 'pause.tar');
  await writePauseImage(pause, archive);
  await containerd.importImage(archive);
  return containerd;
}

/** Until the node is ready, and Pods of the namespace `default` can be created. */
async function untilReady(cluster: Cluster): Promise<void> {
  const deadline = performance.now() + readyTimeoutMilliseconds;
  while (!(await isReady(cluster))) {
    if (performance.now() > deadline) {
      throw new ClusterProcessError(`the node is not ready in time; see the logs`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMilliseconds));
  }
}

async function isReady(cluster: Cluster): Promise<boolean> {
  const { body } = await cluster.request<NodeStatus>('GET', `/api/v1/nodes/${nodeName}`);
  const isTrue = body.status?.conditions?.some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  );
  if (!isTrue) return false;
  const account = '/api/v1/namespaces/default/serviceaccounts/default';
  return (await cluster.request('GET', account)).status === 200;
}
