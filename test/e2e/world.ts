import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ApiClient } from '../cluster/client.ts';
import { createNamespace } from '../cluster/namespaces.ts';
import type { Lease } from '../../src/core/lease.ts';
import { isBlank } from '../../src/core/session-lease.ts';
import { Story } from './story.ts';
import { clientOf, surroundings, type Surroundings } from './surroundings.ts';

const run = promisify(execFile);
const pollMilliseconds = 100;
const killedExitCode = 137;
const longestWaitMilliseconds = 150_000;

/** What an application has to be permitted, as README.md has it. */
const applicationRules = [
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get', 'watch', 'create', 'update', 'patch', 'delete'],
  },
];

interface PodStatus {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
  };
  readonly status: {
    readonly containerStatuses?: readonly { readonly containerID?: string }[];
  };
}

/** A namespace of a cluster with nodes, and the Pods that a test runs in it. */
export class World {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly surroundings: Surroundings;
  readonly story: Story;

  private constructor(client: ApiClient, namespace: string, where: Surroundings) {
    this.client = client;
    this.namespace = namespace;
    this.surroundings = where;
    this.story = new Story(client, namespace);
  }

  /** With what applications need: a service account, its permissions, and the example. */
  static async create(): Promise<World> {
    const where = await surroundings();
    const client = await clientOf(where.kubeconfig);
    const namespace = await createNamespace(client, `leasehold-e2e-${randomUUID().slice(0, 8)}`);
    const world = new World(client, namespace, where);
    await world.createAccount('application', applicationRules);
    const app = await readFile(join(import.meta.dirname, 'app/app.ts'), 'utf8');
    await world.create('/api/v1', 'configmaps', {
      metadata: { name: 'app' },
      data: { 'app.ts': app },
    });
    await world.story.begin();
    return world;
  }

  async end(): Promise<void> {
    this.story.end();
    await this.client.expect('DELETE', `/api/v1/namespaces/${this.namespace}`);
    this.client.closeConnections();
  }

  /** A path of this namespace. */
  path(group: string, resource: string): string {
    return `${group}/namespaces/${this.namespace}/${resource}`;
  }

  async create(group: string, resource: string, body: object): Promise<void> {
    await this.client.expect('POST', this.path(group, resource), body);
  }

  /** A ServiceAccount and what it may do in the namespace. */
  async createAccount(name: string, rules: readonly object[]): Promise<void> {
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    const apiGroup = 'rbac.authorization.k8s.io';
    await this.create('/api/v1', 'serviceaccounts', { metadata: { name } });
    await this.create(rbac, 'roles', { metadata: { name }, rules });
    await this.create(rbac, 'rolebindings', {
      metadata: { name },
      roleRef: { apiGroup, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: this.namespace }],
    });
  }

  /** Runs one Pod of the example application. */
  async runPod(
    name: string,
    work: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await this.create('/api/v1', 'pods', {
      metadata: { name },
      spec: this.podOf(work, environment),
    });
  }

  /** Runs replicas of the example application. */
  async runDeployment(name: string, work: string, replicas: number): Promise<void> {
    const labels = { app: name };
    await this.create('/apis/apps/v1', 'deployments', {
      metadata: { name },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: this.podOf(work) },
      },
    });
  }

  /** The example application under its supervisor, with nothing that it does not need. */
  podOf(work: string, environment: Readonly<Record<string, string>> = {}): object {
    return {
      serviceAccountName: 'application',
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 30,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'main',
          image: this.surroundings.image,
          imagePullPolicy: 'IfNotPresent',
          args: ['run', '--', 'node', 'example/app.ts', work],
          env: Object.entries(environment).map(([key, value]) => ({ name: key, value })),
          readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
          volumeMounts: [{ name: 'app', mountPath: '/app/example' }],
          resources: { requests: { cpu: '100m', memory: '128Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
            readOnlyRootFilesystem: true,
          },
        },
      ],
      volumes: [{ name: 'app', configMap: { name: 'app' } }],
    };
  }

  async pod(name: string): Promise<PodStatus> {
    return this.client.expect<PodStatus>('GET', `${this.path('/api/v1', 'pods')}/${name}`);
  }

  /** As a person deletes it: its process is told, and has its grace period. */
  async deletePod(name: string): Promise<void> {
    await this.client.expect('DELETE', `${this.path('/api/v1', 'pods')}/${name}`);
  }

  /** The names of the Pods of a Deployment of the example that are not being deleted. */
  async pods(deployment: string): Promise<string[]> {
    return this.podsOf(`app=${deployment}`);
  }

  /** The names of the Pods with a label that are not being deleted. */
  async podsOf(selector: string): Promise<string[]> {
    const { items } = await this.client.expect<{ items: PodStatus[] }>(
      'GET',
      `${this.path('/api/v1', 'pods')}?labelSelector=${encodeURIComponent(selector)}`,
    );
    return items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.name);
  }

  async lease(name: string): Promise<Lease | undefined> {
    const path = `${this.path('/apis/coordination.k8s.io/v1', 'leases')}/${name}`;
    const { status, body } = await this.client.request<Lease>('GET', path);
    return status === 200 ? body : undefined;
  }

  /** The session Leases of a Pod, those that have ended included. */
  async sessionsOf(podUid: string): Promise<Lease[]> {
    const selector = encodeURIComponent(`leasehold.dev/pod-uid=${podUid}`);
    const path = this.path('/apis/coordination.k8s.io/v1', 'leases');
    return (
      await this.client.expect<{ items: Lease[] }>('GET', `${path}?labelSelector=${selector}`)
    ).items;
  }

  /** Kills one process in a Pod's container, and says when. */
  async killProcess(pod: string, pid: number): Promise<number> {
    return this.#runInPod(pod, `console.log(Date.now()); process.kill(${String(pid)}, 'SIGKILL');`);
  }

  /**
   * Waits until the sessions of a Pod are some seconds old: the kubelet tells the second in which a
   * container ended, and of a session that began in it that proves nothing.
   */
  async untilSessionsAreOld(pod: string): Promise<void> {
    const { metadata } = await this.pod(pod);
    await eventually('a renewal of each session', async () => {
      const live = (await this.sessionsOf(metadata.uid)).filter((session) => !isBlank(session));
      const areOld = live.every(({ spec }) => {
        const at = (time: string | null | undefined): number => Date.parse(time ?? '');
        return at(spec?.renewTime) - at(spec?.acquireTime) > 2_000;
      });
      return areOld ? true : undefined;
    });
  }

  /**
   * Kills the whole container of a Pod, and says when: once its sessions are old enough. Process 1 does
   * not take SIGKILL from within, but ends with what it has started.
   */
  async killContainer(pod: string): Promise<number> {
    await this.untilSessionsAreOld(pod);
    return this.#runInPod(
      pod,
      `const others = require('node:fs').readdirSync('/proc').map(Number)
         .filter((pid) => pid > 1 && pid !== process.pid);
       console.log(Date.now());
       for (const pid of others) try { process.kill(pid, 'SIGKILL'); } catch {}`,
    );
  }

  async #runInPod(pod: string, script: string): Promise<number> {
    const { kubectl, kubeconfig } = this.surroundings;
    const startedAt = Date.now();
    const words = ['exec', '--kubeconfig', kubeconfig, '--namespace', this.namespace, pod];
    try {
      const { stdout } = await run(kubectl, [...words, '--', 'node', '-e', script]);
      return Number(stdout);
    } catch (error) {
      // What runs in a container ends with it, by SIGKILL, sometimes before its answer has arrived.
      const { code, stdout = '' } = error as { code?: number; stdout?: string };
      if (code === killedExitCode) return stdout === '' ? startedAt : Number(stdout);
      throw error;
    }
  }
}

/** Asks again and again until there is an answer: for what nobody tells by an event. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + longestWaitMilliseconds;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`there is never ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pollMilliseconds));
  }
}
