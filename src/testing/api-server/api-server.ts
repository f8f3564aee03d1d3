import { randomBytes } from 'node:crypto';
import type { Clock, Random } from '../../core/clock.ts';
import { systemClock } from '../../client/system-clock.ts';
import { createServingCertificate } from './certificates.ts';
import type { ServingCertificate } from './certificates.ts';
import { ApiHandler } from './handler.ts';
import type { InterruptionOptions } from './interruptions.ts';
import { renderKubeconfig } from './kubeconfig.ts';
import { Listener } from './listener.ts';
import type { Served } from './listener.ts';
import { textAt } from './object.ts';
import type { StoreState } from './store.ts';
import { ADMIN } from './tokens.ts';

/** Everything that a server leaves behind, as JSON: another one goes on with it. */
export interface ApiServerState {
  readonly format: 1;
  readonly store: StoreState;
  readonly tokenKey: string;
  readonly certificate: ServingCertificate;
}

export interface ApiServerOptions {
  /** Any free one by default. */
  readonly port?: number | undefined;
  /** What another server has left: objects, versions, certificate and tokens stay the same. */
  readonly state?: ApiServerState | undefined;
  /** The machine's by default. Tests that let time pass give one of their own. */
  readonly clock?: Clock | undefined;
  /** `Math.random` by default. */
  readonly random?: Random | undefined;
  /**
   * So many changes are kept at least, 10,000 by default: a watch or a list from an older version
   * gets a 410.
   */
  readonly history?: number | undefined;
  /** Called after each request, and after each watch. */
  readonly onServed?: ((served: Served) => void) | undefined;
}

/** Whose token: a user of any name, or a Pod that exists. */
export type TokenSubject =
  | { readonly user: string; readonly groups?: readonly string[] }
  | { readonly pod: { readonly namespace: string; readonly name: string } };

const POD_TOKEN_SECONDS = 3_607;

/**
 * A Kubernetes API server in this process, on localhost, in memory: Leases, Pods, Events, ConfigMaps,
 * Services, ServiceAccounts and Namespaces as kube-apiserver serves them, with watches, over HTTPS.
 * Everybody with a token may do everything. Nothing runs in its Pods.
 *
 * @example
 * ```ts
 * import { writeFile } from 'node:fs/promises';
 * import { connect } from 'leasehold';
 * import { ApiServer } from 'leasehold/testing';
 *
 * await using server = await ApiServer.start();
 * await writeFile('kubeconfig', server.kubeconfig(), { mode: 0o600 });
 * const client = await connect({ kubeconfig: 'kubeconfig' });
 * ```
 */
export class ApiServer implements AsyncDisposable {
  /** Such as `https://127.0.0.1:40123`. */
  readonly url: string;
  readonly port: number;
  /** The authority of its certificate, PEM. */
  readonly ca: string;
  /** Of a user in the group `system:masters`. */
  readonly adminToken: string;
  /** The server without HTTPS: requests in, answers out. */
  readonly handler: ApiHandler;
  readonly #listener: Listener;
  readonly #clock: Clock;
  readonly #tokenKey: string;
  readonly #certificate: ServingCertificate;

  private constructor(
    parts: Pick<ApiServerState, 'tokenKey' | 'certificate'> & { clock: Clock; handler: ApiHandler },
    listener: Listener,
  ) {
    this.handler = parts.handler;
    this.#listener = listener;
    this.#clock = parts.clock;
    this.#tokenKey = parts.tokenKey;
    this.#certificate = parts.certificate;
    this.ca = parts.certificate.ca;
    this.port = listener.port;
    this.url = `https://127.0.0.1:${String(this.port)}`;
    this.adminToken = this.token({ user: ADMIN.username, groups: ['system:masters'] });
  }

  /**
   * Starts a server; it takes about 20 ms.
   *
   * @throws Error with the code `EADDRINUSE` when the port is taken
   */
  static async start(options: ApiServerOptions = {}): Promise<ApiServer> {
    const { clock = systemClock(), random = Math.random, state, history } = options;
    const tokenKey = state?.tokenKey ?? randomBytes(32).toString('base64url');
    const certificate = state?.certificate ?? createServingCertificate(clock.wall());
    const handler = new ApiHandler({ clock, random, tokenKey, state: state?.store, history });
    const { port = 0, onServed } = options;
    try {
      const listener = await Listener.start({ handler, certificate, port, onServed });
      return new ApiServer({ clock, handler, tokenKey, certificate }, listener);
    } catch (error) {
      handler.close();
      throw error;
    }
  }

  /**
   * A bearer token. That of a Pod looks like the one that the kubelet mounts, names its Pod, node and
   * service account in its claims, and is refused once the Pod is gone.
   *
   * @throws TypeError when the Pod does not exist
   */
  token(subject: TokenSubject): string {
    const { tokens, store } = this.handler;
    if ('user' in subject) return tokens.ofUser(subject.user, subject.groups);
    const { namespace, name } = subject.pod;
    const pod = store.get('pods', `${namespace}/${name}`);
    const account = textAt(pod, 'spec', 'serviceAccountName');
    if (!pod) throw new TypeError(`there is no Pod ${name} in namespace ${namespace}`);
    const node = textAt(pod, 'spec', 'nodeName');
    const { uid = '' } = pod.metadata;
    return tokens.ofPod(
      {
        namespace,
        serviceAccount: {
          name: account,
          uid: store.get('serviceaccounts', `${namespace}/${account}`)?.metadata.uid ?? '',
        },
        pod: { name, uid },
        ...(node === '' ? {} : { node: { name: node } }),
      },
      this.#clock.wall(),
      POD_TOKEN_SECONDS,
      uid,
    );
  }

  /** The text of a kubeconfig: the admin's, and the namespace `default`, unless told. */
  kubeconfig(user: { token?: string; namespace?: string } = {}): string {
    const { token = this.adminToken, namespace = 'default' } = user;
    return renderKubeconfig({ url: this.url, ca: this.ca, token, namespace });
  }

  /**
   * Forgets the history up to a version, now by default: watches, lists and continue tokens from before
   * it get a 410, as after etcd's compaction.
   */
  compact(resourceVersion?: number): void {
    this.handler.store.compact(resourceVersion);
  }

  /** Takes the server away from one client, or from all, until the returned function is called. */
  interrupt(options: InterruptionOptions): () => void {
    return this.#listener.interruptions.begin(options);
  }

  /** What {@link ApiServer.start} can go on with, on the same port or another one. */
  state(): ApiServerState {
    return {
      format: 1,
      store: this.handler.store.state(),
      tokenKey: this.#tokenKey,
      certificate: this.#certificate,
    };
  }

  /** Breaks all connections. The state stays readable. */
  async stop(): Promise<void> {
    this.handler.close();
    await this.#listener.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
