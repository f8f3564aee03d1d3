import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterAccess, type ClusterConnection } from './access.ts';
import { ApiServer, type ApiServerOptions, type ClusterNetwork } from './apiServer.ts';
import { findBinaries } from './binaries.ts';
import {
  LOOPBACK_NAMES,
  createAuthority,
  createClientCertificate,
  createServingCertificate,
  createTokenKey,
} from './certificates.ts';
import { Etcd } from './etcd.ts';
import { renderKubeconfig } from './kubeconfig.ts';
import { freePort } from './ports.ts';

export interface ClusterOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Added to the command line of kube-apiserver, such as `--feature-gates=...`. */
  readonly apiServerArguments?: readonly string[];
  /** Where Pods can reach the API server; default: the loopback interface, where none can. */
  readonly network?: ClusterNetwork;
}

/**
 * Starts etcd and a kube-apiserver, both on this machine and of this process: they die with it.
 *
 * @throws ClusterUnavailableError when the binaries are missing and cannot be built.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const binaries = await findBinaries();
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-cluster-'));
  const etcd = new Etcd(binaries.etcd, directory);
  try {
    const port = options.port ?? (await freePort());
    const [connection] = await Promise.all([
      writeState(directory, port, options.network),
      etcd.start(),
    ]);
    const cluster: Cluster = new Cluster(connection, directory, etcd, {
      name: 'kube-apiserver',
      binary: binaries.apiServer,
      directory,
      etcdEndpoint: etcd.endpoint,
      port,
      network: options.network,
      isReady: async () => cluster.isReady(),
      extraArguments: options.apiServerArguments ?? [],
    });
    try {
      await cluster.startApiServer();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  } catch (error) {
    await etcd.end('SIGKILL');
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** A cluster that this process has started, and may break. */
export class Cluster extends ClusterAccess {
  /** Everything the cluster has written, its logs included. */
  readonly directory: string;
  readonly #etcd: Etcd;
  readonly #apiServer: ApiServer;
  readonly #options: ApiServerOptions;
  readonly #others: ApiServer[] = [];

  constructor(
    connection: ClusterConnection,
    directory: string,
    etcd: Etcd,
    options: ApiServerOptions,
  ) {
    super(connection);
    this.directory = directory;
    this.#etcd = etcd;
    this.#options = options;
    this.#apiServer = new ApiServer(options);
  }

  get processIds(): { readonly etcd: number | undefined; readonly apiServer: number | undefined } {
    return { etcd: this.#etcd.pid, apiServer: this.#apiServer.pid };
  }

  /** The one at this cluster's URL first, then those that were added. */
  get apiServers(): readonly ApiServer[] {
    return [this.#apiServer, ...this.#others];
  }

  async isReady(): Promise<boolean> {
    return isReady(this);
  }

  /**
   * Starts one more API server on the same etcd, on a port of its own, as a cluster has it whose
   * control plane is on several machines.
   */
  async addApiServer(): Promise<ApiServer> {
    const port = await freePort();
    const { hostname } = new URL(this.url);
    const url = `https://${hostname}:${String(port)}`;
    const access = new ClusterAccess({ ...this.connection, url });
    const server = new ApiServer({
      ...this.#options,
      port,
      name: `kube-apiserver-${String(this.#others.length + 2)}`,
      isReady: async () => isReady(access),
    });
    this.#others.push(server);
    await server.start();
    return server;
  }

  /** Starts the API server again, on the same port and with the same certificates. */
  async startApiServer(): Promise<void> {
    await this.#apiServer.start();
  }

  /** Stops the API server the orderly way. Open watches end. */
  async stopApiServer(): Promise<void> {
    // A paused process does not see SIGTERM.
    this.resumeApiServer();
    await this.#apiServer.end('SIGTERM');
    this.close();
  }

  /** Ends the API server by SIGKILL. Connections break. */
  async killApiServer(): Promise<void> {
    await this.#apiServer.end('SIGKILL');
    this.close();
  }

  /** Freezes the API server: connections stay open and nothing is answered. */
  pauseApiServer(): void {
    this.#apiServer.signal('SIGSTOP');
  }

  resumeApiServer(): void {
    this.#apiServer.signal('SIGCONT');
  }

  /** Kills etcd, starts it with its data, and waits until the API servers are ready again. */
  async restartEtcd(): Promise<void> {
    await this.killEtcd();
    await this.startEtcd();
  }

  async killEtcd(): Promise<void> {
    // An orderly stop waits 7 s for the watches of the API server. Nothing is lost without it: what
    // etcd has written is with the kernel.
    await this.#etcd.end('SIGKILL');
  }

  async startEtcd(): Promise<void> {
    await this.#etcd.start();
    const running = this.apiServers.filter((server) => server.running);
    await Promise.all(running.map((server) => server.waitUntilReady()));
  }

  /** Freezes etcd: what needs a write or a current reading waits. */
  pauseEtcd(): void {
    this.#etcd.signal('SIGSTOP');
  }

  resumeEtcd(): void {
    this.#etcd.signal('SIGCONT');
  }

  /** Ends everything and removes what it wrote. */
  async stop(): Promise<void> {
    this.close();
    const ending = [...this.apiServers, this.#etcd].map((one) => one.end('SIGKILL'));
    await Promise.all(ending);
    await rm(this.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

async function isReady(access: ClusterAccess): Promise<boolean> {
  try {
    const options = { timeoutMilliseconds: 2000 };
    return (await access.request('GET', '/readyz', undefined, options)).status === 200;
  } catch {
    return false;
  }
}

/** Writes the files that the API server and its clients read. */
async function writeState(
  directory: string,
  port: number,
  network: ClusterNetwork | undefined,
): Promise<ClusterConnection> {
  const authority = await createAuthority();
  const [serving, adminCertificate, tokenKey] = await Promise.all([
    createServingCertificate(authority, servingNames(network)),
    createClientCertificate(authority, 'admin', ['system:masters']),
    createTokenKey(),
  ]);
  const connection: ClusterConnection = {
    url: `https://${network?.address ?? '127.0.0.1'}:${String(port)}`,
    authority,
    adminToken: randomUUID(),
    adminCertificate,
    kubeconfigPath: join(directory, 'kubeconfig'),
    tokenKubeconfigPath: join(directory, 'token.kubeconfig'),
  };
  const { url, adminToken } = connection;
  const files: Record<string, string> = {
    'authority.crt': authority.certificate,
    'serving.crt': serving.certificate,
    'serving.key': serving.key,
    'admin.crt': adminCertificate.certificate,
    'admin.key': adminCertificate.key,
    'service-account.key': tokenKey,
    'tokens.csv': `${adminToken},admin,admin,"system:masters"\n`,
    kubeconfig: renderKubeconfig(url, authority.certificate, adminCertificate),
    'token.kubeconfig': renderKubeconfig(url, authority.certificate, { token: adminToken }),
    'connection.json': JSON.stringify(connection),
  };
  await Promise.all(
    Object.entries(files).map(([name, text]) =>
      writeFile(join(directory, name), text, { mode: 0o600 }),
    ),
  );
  return connection;
}

function servingNames(network: ClusterNetwork | undefined): readonly [string, ...string[]] {
  if (network === undefined) return LOOPBACK_NAMES;
  // The Service has the first address of --service-cluster-ip-range.
  return [...LOOPBACK_NAMES, network.address, '10.96.0.1', 'kubernetes.default.svc'];
}
