import { join } from 'node:path';
import { SupervisedProcess } from './process.ts';

const startTimeoutMilliseconds = 60_000;

/** A network of a node, in which the API server listens. */
export interface ClusterNetwork {
  /** Of the API server, as this host and Pods reach it. */
  readonly address: string;
  /** The command that starts a program there and becomes it. */
  readonly prefix: readonly string[];
}

export interface ApiServerOptions {
  readonly binary: string;
  /** Of its log file. */
  readonly name: string;
  /** Holds the files that `server.ts` writes: certificates, keys and the token file. */
  readonly directory: string;
  readonly etcdEndpoint: string;
  readonly port: number;
  readonly network: ClusterNetwork | undefined;
  readonly isReady: () => Promise<boolean>;
  readonly extraArguments: readonly string[];
}

/** A kube-apiserver on a fixed port that can be stopped and started. */
export class ApiServer {
  readonly #options: ApiServerOptions;
  #process: SupervisedProcess | undefined;

  constructor(options: ApiServerOptions) {
    this.#options = options;
  }

  get port(): number {
    return this.#options.port;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  async start(): Promise<void> {
    if (this.running) {
      return;
    }
    const { binary, network } = this.#options;
    const [command = binary, ...words] = [
      ...(network?.prefix ?? []),
      binary,
      ...apiServerArguments(this.#options),
    ];
    this.#process = await SupervisedProcess.start({
      command,
      arguments: words,
      logPath: join(this.#options.directory, `${this.#options.name}.log`),
      directory: this.#options.directory,
    });
    await this.waitUntilReady();
  }

  async waitUntilReady(): Promise<void> {
    await this.#process?.waitUntil(this.#options.isReady, startTimeoutMilliseconds);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.signal(signal);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    await this.#process?.end(signal);
  }
}

function apiServerArguments(options: ApiServerOptions): string[] {
  const file = (name: string): string => join(options.directory, name);
  return [
    `--etcd-servers=${options.etcdEndpoint}`,
    `--secure-port=${String(options.port)}`,
    `--tls-cert-file=${file('serving.crt')}`,
    `--tls-private-key-file=${file('serving.key')}`,
    `--client-ca-file=${file('authority.crt')}`,
    `--token-auth-file=${file('tokens.csv')}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${file('service-account.key')}`,
    `--service-account-signing-key-file=${file('service-account.key')}`,
    '--service-cluster-ip-range=10.96.0.0/24',
    ...(options.network === undefined ? alone : withNode(options.network, file)),
    ...options.extraArguments,
  ];
}

const alone: readonly string[] = [
  '--bind-address=127.0.0.1',
  '--authorization-mode=RBAC',
  // A loopback address is refused as an endpoint of the `kubernetes` Service, again and again.
  '--endpoint-reconciler-type=none',
];

function withNode(network: ClusterNetwork, file: (name: string) => string): string[] {
  return [
    // The network is the node's: nobody else is in it.
    '--bind-address=0.0.0.0',
    `--advertise-address=${network.address}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged',
    `--kubelet-client-certificate=${file('admin.crt')}`,
    `--kubelet-client-key=${file('admin.key')}`,
    `--kubelet-certificate-authority=${file('authority.crt')}`,
    '--kubelet-preferred-address-types=InternalIP',
  ];
}
