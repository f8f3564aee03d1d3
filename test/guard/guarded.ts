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

/** The label that puts a namespace, or one election, under the guard. */
export const ENFORCED = { 'leasehold.dev/guard': 'enforced' } as const;

/**
 * A namespace of the shared cluster that is guarded, or has single elections that are. The policies are
 * installed as a user would, and stay: they concern what has the label only.
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

  /** @param labelled - the whole namespace, or the Leases that a test labels */
  static async open(labelled: 'namespace' | 'leases' = 'namespace'): Promise<Guarded> {
    const cluster = await sharedCluster();
    for (const manifest of await manifests()) {
      const path = `${COLLECTIONS[manifest.kind] ?? ''}/${manifest.metadata.name}`;
      const contentType = 'application/apply-patch+yaml';
      const query = '?fieldManager=test&force=true';
      await cluster.client.expect('PATCH', path + query, manifest, { contentType });
    }
    const namespace = await cluster.createNamespace();
    if (labelled === 'namespace') {
      await cluster.client.expect(
        'PATCH',
        `/api/v1/namespaces/${namespace}`,
        { metadata: { labels: ENFORCED } },
        { contentType: 'application/merge-patch+json' },
      );
    }
    const directory = await mkdtemp(join(tmpdir(), 'leasehold-guard-'));
    const guarded = new Guarded(cluster, namespace, directory);
    const probes =
      labelled === 'namespace' ? [{}, { 'leasehold.dev/role': 'lock' }] : [{ ...ENFORCED }];
    await guarded.#untilRefused(probes);
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
  async #untilRefused(probes: readonly Readonly<Record<string, string>>[]): Promise<void> {
    const probe = await this.pod('probe');
    const spec = { holderIdentity: 'probe', leaseDurationSeconds: 1 };
    for (const labels of probes) {
      await until(
        async () => {
          const lease = { metadata: { name: 'probe', labels }, spec };
          const answer = await probe.send('POST', '?dryRun=All', lease);
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
