import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClientCertificate, type KeyPair } from '../certificates.ts';
import { renderKubeconfig } from '../kubeconfig.ts';
import type { SupervisedProcess } from '../process.ts';
import type { Cluster } from '../server.ts';
import type { NodeBinaries } from './binaries.ts';
import type { Machine } from './machine.ts';

const podNetwork = '10.244.0.0/24';

/** What a cluster has beside the API server, in the network of the node. */
export class ControlPlane {
  readonly #cluster: Cluster;
  readonly #machine: Machine;
  readonly #binaries: NodeBinaries;
  readonly #directory: string;
  readonly #processes: SupervisedProcess[] = [];

  constructor(cluster: Cluster, machine: Machine, binaries: NodeBinaries, directory: string) {
    this.#cluster = cluster;
    this.#machine = machine;
    this.#binaries = binaries;
    this.#directory = directory;
  }

  get authority(): KeyPair {
    return this.#cluster.connection.authority;
  }

  /** Writes a kubeconfig for a user of these groups, and returns its path. */
  async writeKubeconfig(user: string, groups: readonly string[] = []): Promise<string> {
    const path = this.#path(`${user.replaceAll(':', '-')}.kubeconfig`);
    const pair = await createClientCertificate(this.authority, user, groups);
    const text = renderKubeconfig(this.#cluster.url, this.authority.certificate, pair);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  }

  async startControllerManager(): Promise<void> {
    const { certificate, key } = this.authority;
    await writeFile(this.#path('authority.crt'), certificate);
    await writeFile(this.#path('authority.key'), key, { mode: 0o600 });
    const kubeconfig = await this.writeKubeconfig('system:kube-controller-manager');
    await this.#start(this.#binaries.controllerManager, [
      ...['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map(
        (flag) => `--${flag}=${kubeconfig}`,
      ),
      '--bind-address=127.0.0.1',
      '--leader-elect=false',
      '--use-service-account-credentials',
      `--root-ca-file=${this.#path('authority.crt')}`,
      `--service-account-private-key-file=${join(this.#cluster.directory, 'service-account.key')}`,
      `--cluster-signing-cert-file=${this.#path('authority.crt')}`,
      `--cluster-signing-key-file=${this.#path('authority.key')}`,
    ]);
  }

  async startScheduler(): Promise<void> {
    const kubeconfig = await this.writeKubeconfig('system:kube-scheduler');
    await this.#start(this.#binaries.scheduler, [
      ...['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map(
        (flag) => `--${flag}=${kubeconfig}`,
      ),
      '--bind-address=127.0.0.1',
      '--leader-elect=false',
    ]);
  }

  /** What makes the addresses of Services lead to Pods. */
  async startProxy(nodeName: string): Promise<void> {
    const kubeconfig = await this.writeKubeconfig('system:kube-proxy');
    const configuration = {
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      mode: 'nftables',
      clusterCIDR: podNetwork,
      hostnameOverride: nodeName,
      clientConnection: { kubeconfig },
      // The limits are those of the whole machine: leave them.
      conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    };
    await writeFile(this.#path('proxy.yaml'), JSON.stringify(configuration));
    await this.#start(this.#binaries.proxy, [`--config=${this.#path('proxy.yaml')}`]);
  }

  async end(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.end('SIGKILL')));
  }

  async #start(binary: string, words: readonly string[]): Promise<void> {
    const logPath = this.#path(`${binary.slice(binary.lastIndexOf('/') + 1)}.log`);
    this.#processes.push(
      await this.#machine.startOutside({ command: binary, arguments: words, logPath }),
    );
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}
