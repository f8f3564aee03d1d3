import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import type { Lease } from '../../src/core/lease.ts';
import type { ClusterAccess } from '../cluster/access.ts';
import type { ApiResponse, Method, RequestOptions } from '../cluster/client.ts';
import { sharedCluster } from '../cluster/shared.ts';
import { leasePath, until } from '../real/world.ts';

const DIRECTORY = new URL('../../deploy/guard/', import.meta.url);
const GROUP = '/apis/admissionregistration.k8s.io/v1';
const COLLECTIONS: Readonly<Record<string, string>> = {
  ValidatingAdmissionPolicy: `${GROUP}/validatingadmissionpolicies`,
  ValidatingAdmissionPolicyBinding: `${GROUP}/validatingadmissionpolicybindings`,
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
};
const RULE = {
  apiGroups: ['coordination.k8s.io'],
  resources: ['leases'],
  verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'],
};

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** What the API server says to one request. */
export type Answer = ApiResponse<Lease & { message?: string }>;

/** A pod of the guarded namespace, as an attacker or a user of the library. */
export interface Pod {
  readonly name: string;
  readonly uid: string;
  readonly principal: string;
  readonly token: string;
  /** A kubeconfig file with its token. */
  readonly kubeconfig: string;
  send(method: Method, name: string, body?: unknown, options?: RequestOptions): Promise<Answer>;
}

/**
 * A guarded namespace of the shared cluster. The policies are installed as a user would, and stay: they
 * concern guarded namespaces only.
 */
export class Guarded implements AsyncDisposable {
  readonly cluster: ClusterAccess;
  readonly namespace: string;
  readonly #directory: string;

  private constructor(cluster: ClusterAccess, namespace: string, directory: string) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.#directory = directory;
  }

  static async open(): Promise<Guarded> {
    const cluster = await sharedCluster();
    for (const manifest of await manifests()) {
      const path = `${COLLECTIONS[manifest.kind] ?? ''}/${manifest.metadata.name}`;
      const contentType = 'application/apply-patch+yaml';
      const query = '?fieldManager=test&force=true';
      await cluster.client.expect('PATCH', path + query, manifest, { contentType });
    }
    const namespace = await cluster.createNamespace();
    await cluster.client.expect(
      'PATCH',
      `/api/v1/namespaces/${namespace}`,
      { metadata: { labels: { 'leasehold.dev/guard': 'enforced' } } },
      { contentType: 'application/merge-patch+json' },
    );
    const directory = await mkdtemp(join(tmpdir(), 'leasehold-guard-'));
    const guarded = new Guarded(cluster, namespace, directory);
    await guarded.#untilEffective();
    return guarded;
  }

  /** @param serviceAccount - the default one may do to Leases what applications may, and no more */
  async pod(name: string, serviceAccount = 'app', namespace = this.namespace): Promise<Pod> {
    const { cluster } = this;
    const { uid } = await cluster.createPod(namespace, name, serviceAccount);
    await cluster.grant(namespace, { kind: 'ServiceAccount', name: serviceAccount, namespace }, [
      RULE,
    ]);
    const token = await cluster.podToken(namespace, serviceAccount, name);
    const kubeconfig = join(this.#directory, `${namespace}-${name}`);
    await writeFile(kubeconfig, cluster.kubeconfig({ token }));
    return {
      name,
      uid,
      principal: `pod:${uid}`,
      token,
      kubeconfig,
      send: (method, lease, body, options) =>
        cluster.request(method, leasePath(namespace, lease).replace('/?', '?'), body, {
          ...options,
          token,
        }),
    };
  }

  /** A kubeconfig file of a user with a client certificate, who has no Pod. */
  async kubeconfigOf(user: string): Promise<string> {
    const file = join(this.#directory, 'user');
    await writeFile(file, this.cluster.kubeconfig(await this.cluster.clientCertificate(user)));
    return file;
  }

  async read(name: string): Promise<Lease | undefined> {
    const { status, body } = await this.cluster.request<Lease>(
      'GET',
      leasePath(this.namespace, name),
    );
    return status === 200 ? body : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.deleteNamespace(this.namespace);
    await rm(this.#directory, { recursive: true });
  }

  /** The API server takes a new policy into account a moment after it was created. */
  async #untilEffective(): Promise<void> {
    const probe = await this.pod('probe');
    const metadata = { name: 'probe', labels: {} as Record<string, string> };
    const spec = { holderIdentity: 'probe', leaseDurationSeconds: 1 };
    for (const role of ['', 'lock']) {
      if (role !== '') metadata.labels['leasehold.dev/role'] = role;
      await until(
        async () => {
          const answer = await probe.send('POST', '?dryRun=All', { metadata, spec });
          return answer.body.message ?? '';
        },
        (message) => message.includes('leasehold-guard'),
      );
    }
  }
}

async function manifests(): Promise<Manifest[]> {
  const files = await readdir(DIRECTORY);
  const texts = await Promise.all(
    files
      .filter((file) => file.endsWith('.yaml'))
      .map((file) => readFile(new URL(file, DIRECTORY), 'utf8')),
  );
  return texts.flatMap((text) => loadAll(text) as Manifest[]);
}
