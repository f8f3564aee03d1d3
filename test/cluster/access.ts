import { createClientCertificate, type KeyPair } from './certificates.ts';
import {
  ApiClient,
  type ApiResponse,
  type Method,
  type RequestOptions,
  type WatchEvent,
} from './client.ts';
import { type KubeconfigUser, renderKubeconfig } from './kubeconfig.ts';
import { RequestCounts } from './metrics.ts';
import { createNamespace, deleteNamespace } from './namespaces.ts';
import { createPod, podToken } from './pods.ts';
import { grant, type PolicyRule, type Subject } from './rbac.ts';

/** All that another process needs to use a running cluster. Plain data. */
export interface ClusterConnection {
  readonly url: string;
  /** Signs the serving certificate and client certificates, its key included. */
  readonly authority: KeyPair;
  readonly adminToken: string;
  /** Undefined on the embedded API server. */
  readonly adminCertificate?: KeyPair;
  /** A file: admin by client certificate. */
  readonly kubeconfigPath: string;
  /** A file: admin by token. */
  readonly tokenKubeconfigPath: string;
}

/** A running cluster seen from any process: everything but starting and stopping it. */
export class ClusterAccess {
  readonly connection: ClusterConnection;
  readonly client: ApiClient;

  constructor(connection: ClusterConnection) {
    this.connection = connection;
    this.client = new ApiClient(
      connection.url,
      connection.authority.certificate,
      connection.adminToken,
    );
  }

  get url(): string {
    return this.connection.url;
  }

  /** The certificate authority of the server, PEM. */
  get ca(): string {
    return this.connection.authority.certificate;
  }

  get adminToken(): string {
    return this.connection.adminToken;
  }

  get kubeconfigPath(): string {
    return this.connection.kubeconfigPath;
  }

  get tokenKubeconfigPath(): string {
    return this.connection.tokenKubeconfigPath;
  }

  /** The text of a kubeconfig, of the admin by client certificate where there is one, unless told. */
  kubeconfig(user: KubeconfigUser = this.#admin()): string {
    return renderKubeconfig(this.url, this.ca, user);
  }

  async clientCertificate(user: string, groups: readonly string[] = []): Promise<KeyPair> {
    return createClientCertificate(this.connection.authority, user, groups);
  }

  /** Sends one request, as admin unless told, and returns whatever the server answers. */
  async request<Body = unknown>(
    method: Method,
    path: string,
    body?: unknown,
    options?: RequestOptions,
  ): Promise<ApiResponse<Body>> {
    return this.client.request<Body>(method, path, body, options);
  }

  /** Opens a watch as admin; resolves once the server has answered. */
  async watch<ApiObject = unknown>(
    path: string,
    signal: AbortSignal,
  ): Promise<AsyncIterable<WatchEvent<ApiObject>>> {
    return this.client.watch<ApiObject>(path, signal);
  }

  /** The text of /metrics. */
  async metrics(): Promise<string> {
    return this.client.expect<string>('GET', '/metrics');
  }

  /**
   * The requests that the server has answered since it started. It counts a request a moment after
   * it has answered, and a watch when the watch ends: poll for the number you expect.
   */
  async countRequests(): Promise<RequestCounts> {
    return RequestCounts.parse(await this.metrics());
  }

  /** Creates a namespace, of a fresh name unless told, and returns its name. */
  async createNamespace(name?: string): Promise<string> {
    return createNamespace(this.client, name);
  }

  async deleteNamespace(name: string): Promise<void> {
    await deleteNamespace(this.client, name);
  }

  /** Creates a Pod that nobody runs, and its ServiceAccount unless that is there. */
  async createPod(
    namespace: string,
    name: string,
    serviceAccount: string,
  ): Promise<{ readonly uid: string }> {
    return createPod(this.client, namespace, name, serviceAccount);
  }

  /** A service-account token bound to the Pod. */
  async podToken(namespace: string, serviceAccount: string, podName: string): Promise<string> {
    return podToken(this.client, namespace, serviceAccount, podName);
  }

  /** Grants by RBAC, cluster-wide when the namespace is undefined; resolves once it is effective. Nothing
   * on the embedded API server, where everything is allowed. */
  async grant(
    namespace: string | undefined,
    subject: Subject,
    rules: readonly PolicyRule[],
  ): Promise<void> {
    if (this.connection.adminCertificate) await grant(this.client, namespace, subject, rules);
  }

  #admin(): KubeconfigUser {
    return this.connection.adminCertificate ?? { token: this.adminToken };
  }

  /** Closes the connections of this process to the cluster. */
  close(): void {
    this.client.closeConnections();
  }
}

/** Uses a cluster that another process has started. */
export function attachCluster(connection: ClusterConnection): ClusterAccess {
  return new ClusterAccess(connection);
}
