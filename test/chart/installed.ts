import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Program, eventually } from '../cli/program.ts';
import type { Finished } from '../cli/program.ts';
import { findKubectl } from '../cluster/binaries.ts';
import { startCluster } from '../cluster/server.ts';
import type { Cluster } from '../cluster/server.ts';
import { root, runHelm } from './helm.ts';
import type { Manifest } from './manifests.ts';

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

interface Listed {
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** What the Prometheus Operator would bring along: any fields are good. */
const FOREIGN_KINDS = ['ServiceMonitor', 'PrometheusRule'];
const FOREIGN_GROUP = 'monitoring.coreos.com';
const GROUPS = [
  '/api/v1',
  '/apis/admissionregistration.k8s.io/v1',
  '/apis/apps/v1',
  '/apis/batch/v1',
  '/apis/coordination.k8s.io/v1',
  '/apis/flowcontrol.apiserver.k8s.io/v1',
  `/apis/${FOREIGN_GROUP}/v1`,
  '/apis/networking.k8s.io/v1',
  '/apis/policy/v1',
  '/apis/rbac.authorization.k8s.io/v1',
  '/apis/scheduling.k8s.io/v1',
];

/**
 * An API server of its own, as a chart installs what concerns the whole cluster. No controllers and no
 * kubelet: what is installed stays as it was written, and what runs in Pods is run by the tests, with the
 * tokens of those Pods.
 */
export class Site implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly #directory: string;
  /** Of each kind, by its apiVersion and name. */
  readonly #resources = new Map<string, Resource>();

  private constructor(cluster: Cluster, directory: string) {
    this.cluster = cluster;
    this.#directory = directory;
  }

  static async open(): Promise<Site> {
    const cluster = await startCluster();
    const site = new Site(cluster, await mkdtemp(join(tmpdir(), 'leasehold-chart-')));
    await site.#addForeignKinds();
    await site.#discover();
    return site;
  }

  /** Helm, with nothing of the user's own. */
  helm(...words: readonly string[]): Promise<string> {
    return runHelm(words, {
      KUBECONFIG: this.cluster.kubeconfigPath,
      HELM_CACHE_HOME: join(this.#directory, 'cache'),
      HELM_CONFIG_HOME: join(this.#directory, 'config'),
      HELM_DATA_HOME: join(this.#directory, 'data'),
    });
  }

  /** The real kubectl, as admin. */
  async kubectl(...words: readonly string[]): Promise<string> {
    const env = { ...process.env, KUBECONFIG: this.cluster.kubeconfigPath };
    const kubectl = promisify(execFile);
    const { stdout } = await kubectl(await findKubectl(), words, { cwd: root, env });
    return stdout;
  }

  /** Has the server check an object as if it were applied, unknown fields included; resolves with its complaint. */
  async dryRun(manifest: Manifest): Promise<string> {
    const query = 'dryRun=All&fieldManager=test&fieldValidation=Strict&force=true';
    const { status, body } = await this.cluster.request<{ message?: string }>(
      'PATCH',
      `${this.#collectionOf(manifest)}/${manifest.metadata.name}?${query}`,
      manifest,
      { contentType: 'application/apply-patch+yaml' },
    );
    return status < 300 ? '' : (body.message ?? String(status));
  }

  /** Everything that the server keeps and that satisfies, as `kind namespace/name`. */
  async list(selector: string): Promise<string[]> {
    const found: string[] = [];
    for (const [key, resource] of this.#resources) {
      if (!resource.verbs.includes('list')) continue;
      const path = `${this.#pathOf(key)}/${resource.name}?labelSelector=${encodeURIComponent(selector)}`;
      const { items } = await this.cluster.client.expect<{ items: Listed[] }>('GET', path);
      for (const { metadata } of items) {
        found.push(`${resource.kind} ${metadata.namespace ?? ''}/${metadata.name}`);
      }
    }
    return found.sort();
  }

  /** A kubeconfig of a Pod that nobody runs, with the service account's token as the kubelet mounts it. */
  async podKubeconfig(namespace: string, serviceAccount: string, name: string): Promise<string> {
    await this.cluster.createPod(namespace, name, serviceAccount);
    const token = await this.cluster.podToken(namespace, serviceAccount, name);
    return this.#write(`${namespace}-${name}`, this.cluster.kubeconfig({ token }));
  }

  /** A kubeconfig of a person. */
  async userKubeconfig(user: string): Promise<string> {
    const certificate = await this.cluster.clientCertificate(user);
    return this.#write(user, this.cluster.kubeconfig(certificate));
  }

  async #write(name: string, text: string): Promise<string> {
    const file = join(this.#directory, name);
    await writeFile(file, text, { mode: 0o600 });
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.stop();
    await rm(this.#directory, { recursive: true });
  }

  async #addForeignKinds(): Promise<void> {
    const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    for (const kind of FOREIGN_KINDS) {
      const plural = `${kind.toLowerCase()}s`;
      await this.cluster.client.expect(
        'POST',
        '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
        {
          metadata: { name: `${plural}.${FOREIGN_GROUP}` },
          spec: {
            group: FOREIGN_GROUP,
            scope: 'Namespaced',
            names: { kind, plural },
            versions: [
              { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: anything } },
            ],
          },
        },
      );
    }
    for (const kind of FOREIGN_KINDS) {
      await eventually(`the kind ${kind}`, async () => {
        const path = `/apis/${FOREIGN_GROUP}/v1/${kind.toLowerCase()}s`;
        return (await this.cluster.request('GET', path)).status === 200;
      });
    }
  }

  async #discover(): Promise<void> {
    for (const path of GROUPS) {
      const { resources } = await this.cluster.client.expect<{ resources: Resource[] }>(
        'GET',
        path,
      );
      for (const resource of resources) {
        if (resource.name.includes('/')) continue;
        const version = path.replace(/^\/apis?\//, '');
        this.#resources.set(`${version} ${resource.kind}`, resource);
      }
    }
  }

  #pathOf(key: string): string {
    const [version = ''] = key.split(' ');
    return version.includes('/') ? `/apis/${version}` : `/api/${version}`;
  }

  #collectionOf({ apiVersion, kind, metadata }: Manifest): string {
    const key = `${apiVersion} ${kind}`;
    const resource = this.#resources.get(key);
    if (!resource) throw new Error(`the server has no ${key}`);
    const where = resource.namespaced ? `/namespaces/${metadata.namespace ?? ''}` : '';
    return `${this.#pathOf(key)}${where}/${resource.name}`;
  }
}

/** Runs the program to its end. */
export function leasehold(kubeconfig: string, ...words: readonly string[]): Promise<Finished> {
  return Program.start(words, { KUBECONFIG: kubeconfig }).finished;
}
