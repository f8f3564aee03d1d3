import { randomBytes } from 'node:crypto';
import { Leasehold } from '../../src/client/leasehold.ts';
import type { Lease } from '../../src/core/lease.ts';
import { Operator } from '../../src/operator/operator.ts';
import type { Report } from '../../src/operator/report.ts';
import { ApiHandler } from '../../src/testing/api-server/handler.ts';
import { DirectRequests } from '../../src/testing/virtual/direct-requests.ts';
import { Host, wallOf } from '../../src/testing/virtual/host.ts';
import { VirtualTime } from '../../src/testing/virtual/time.ts';

const NAMESPACE = 'default';
const TTL_SECONDS = 15;

/** A Pod with a process of its own that uses locks, and a kubelet that reports what it is told. */
export interface TestPod {
  readonly name: string;
  readonly uid: string;
  readonly leasehold: Leasehold;
  readonly host: Host;
  readonly requests: DirectRequests;
  readonly startedAt: number;
}

/** An operator: what it reports, and how to stop it in one way or another. */
export interface TestOperator {
  readonly operator: Operator;
  readonly reports: Report[];
  readonly host: Host;
  readonly requests: DirectRequests;
  /** Begins to lead. */
  readonly lead: () => void;
  readonly stop: () => void;
}

/** A cluster in virtual time. */
export class OperatorWorld {
  readonly time = new VirtualTime();
  readonly handler: ApiHandler;
  readonly #admin: DirectRequests;
  #containers = 0;

  constructor() {
    this.handler = new ApiHandler({
      clock: new Host(this.time),
      random: Math.random,
      tokenKey: randomBytes(16).toString('hex'),
    });
    this.#admin = new DirectRequests(
      this.handler,
      new Host(this.time),
      this.handler.tokens.ofUser('admin', ['system:masters']),
    );
  }

  /** @param container - null where the library could not find it out */
  async pod(name: string, container: string | null = 'main'): Promise<TestPod> {
    const body = {
      metadata: { name },
      spec: { nodeName: 'node', containers: [{ name: 'main', image: 'x' }] },
    };
    const created = await this.#admin.request<{ metadata: { uid: string } }>({
      method: 'POST',
      path: `/api/v1/namespaces/${NAMESPACE}/pods`,
      body,
    });
    if (created.kind !== 'done') throw new Error(JSON.stringify(created));
    return this.process(name, created.body.metadata.uid, container ?? undefined);
  }

  /** Another process in a Pod, or with no uid in none. */
  process(name: string, uid: string, container?: string, ttl = TTL_SECONDS): TestPod {
    const host = new Host(this.time);
    const requests = new DirectRequests(this.handler, host, this.handler.tokens.ofUser(name));
    const owner = uid === '' ? undefined : { apiVersion: 'v1', kind: 'Pod', name, uid };
    const leasehold = new Leasehold(
      requests,
      { clock: host, random: Math.random, observe: () => undefined },
      { namespace: NAMESPACE, identity: { name, owner, container }, ttl },
      () => undefined,
    );
    return { name, uid, leasehold, host, requests, startedAt: wallOf(this.time) };
  }

  crash({ host, requests }: TestPod): void {
    host.crash();
    requests.close();
  }

  /** The kubelet reports that the container has ended, just now. */
  async reportEnd(pod: TestPod, more: object = {}): Promise<void> {
    this.#containers += 1;
    const seconds = (wall: number): string => {
      return new Date(wall).toISOString().replace(/\.\d+Z$/, 'Z');
    };
    const terminated = {
      containerID: `containerd://${String(this.#containers)}`,
      exitCode: 137,
      reason: 'Error',
      startedAt: seconds(pod.startedAt - 1_000),
      finishedAt: seconds(wallOf(this.time)),
      ...more,
    };
    await this.status(pod, { containerStatuses: [this.containerStatus({ terminated })] });
  }

  containerStatus(state: object): object {
    return {
      name: 'main',
      image: 'x',
      imageID: 'x',
      ready: false,
      restartCount: 0,
      state,
    };
  }

  async status({ name }: TestPod, status: object): Promise<void> {
    const written = await this.#admin.request({
      method: 'PATCH',
      path: `/api/v1/namespaces/${NAMESPACE}/pods/${name}/status`,
      body: { status },
      contentType: 'application/merge-patch+json',
    });
    if (written.kind !== 'done') throw new Error(JSON.stringify(written));
  }

  async createLease(lease: object): Promise<void> {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`;
    const created = await this.#admin.request({ method: 'POST', path, body: lease });
    if (created.kind !== 'done') throw new Error(JSON.stringify(created));
  }

  /** @param manager - who does it, as the server notes it */
  async patchLease(name: string, patch: object, manager = 'leasehold'): Promise<void> {
    const patched = await this.#admin.request({
      method: 'PATCH',
      path: `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/${name}`,
      query: { fieldManager: manager },
      body: patch,
      contentType: 'application/merge-patch+json',
    });
    if (patched.kind !== 'done') throw new Error(JSON.stringify(patched));
  }

  async deleteLease(name: string): Promise<void> {
    await this.#admin.request({
      method: 'DELETE',
      path: `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/${name}`,
    });
  }

  async deletePod({ name }: TestPod): Promise<void> {
    await this.#admin.request({
      method: 'DELETE',
      path: `/api/v1/namespaces/${NAMESPACE}/pods/${name}`,
      body: { gracePeriodSeconds: 0 },
    });
  }

  /** Sets labels of a Pod, or takes them away, by hand. */
  async labelPod(name: string, labels: Readonly<Record<string, string | null>>): Promise<void> {
    const patched = await this.#admin.request({
      method: 'PATCH',
      path: `/api/v1/namespaces/${NAMESPACE}/pods/${name}`,
      query: { fieldManager: 'kubectl' },
      body: { metadata: { labels } },
      contentType: 'application/merge-patch+json',
    });
    if (patched.kind !== 'done') throw new Error(JSON.stringify(patched));
  }

  /** The labels of Pods that lead, by the Pod's name. */
  leaderLabels(): Record<string, string> {
    const pods = this.handler.store.list('pods').map(({ metadata }) => metadata);
    const found: Record<string, string> = {};
    for (const { name = '', labels = {} } of pods) {
      const value = (labels as Record<string, string>)['leasehold.dev/leader'];
      if (value !== undefined) found[name] = value;
    }
    return found;
  }

  async createService(name: string, selector: Readonly<Record<string, string>>): Promise<void> {
    const created = await this.#admin.request({
      method: 'POST',
      path: `/api/v1/namespaces/${NAMESPACE}/services`,
      body: { metadata: { name }, spec: { selector, ports: [{ port: 80 }] } },
    });
    if (created.kind !== 'done') throw new Error(JSON.stringify(created));
  }

  async labelNamespace(labels: Readonly<Record<string, string>>): Promise<void> {
    const patched = await this.#admin.request({
      method: 'PATCH',
      path: `/api/v1/namespaces/${NAMESPACE}`,
      body: { metadata: { labels } },
      contentType: 'application/merge-patch+json',
    });
    if (patched.kind !== 'done') throw new Error(JSON.stringify(patched));
  }

  /** A Pod that holds the lock `invoices`, for so long, and one that waits for it. */
  async holderAndWaiter(
    heldMs = 5_000,
    container: string | null = 'main',
  ): Promise<{ holder: TestPod; waiter: TestPod; next: Promise<unknown> }> {
    const holder = await this.pod('holder', container);
    const waiter = await this.pod('waiter');
    await this.time.settled(holder.leasehold.lock('invoices').acquire());
    const next = waiter.leasehold.lock('invoices').acquire();
    await this.time.advance(heldMs);
    return { holder, waiter, next };
  }

  /** Whether the session of the Pod is blank. */
  isRevoked(pod: TestPod): boolean {
    const session = this.leases('session').find(({ metadata }) => {
      return metadata.ownerReferences?.[0]?.uid === pod.uid;
    });
    return session?.spec?.holderIdentity === '';
  }

  operator(options: { leaderLabel?: boolean } = {}): TestOperator {
    const host = new Host(this.time);
    const requests = new DirectRequests(
      this.handler,
      host,
      this.handler.tokens.ofUser('operator', ['system:masters']),
    );
    const reports: Report[] = [];
    const operator = new Operator({
      requests,
      clock: host,
      random: Math.random,
      report: (report) => reports.push(report),
      namespaces: undefined,
      stuckAfter: 20,
      ...options,
    });
    const stopping = new AbortController();
    void operator.watch(stopping.signal);
    return {
      operator,
      reports,
      host,
      requests,
      lead: () => void operator.lead(stopping.signal),
      stop: () => {
        stopping.abort();
        requests.close();
      },
    };
  }

  leases(role: 'lock' | 'session'): Lease[] {
    return this.handler.store
      .list('leases')
      .filter(({ metadata }) => metadata.labels?.['leasehold.dev/role'] === role)
      .map(asRead);
  }

  lease(name: string): Lease | undefined {
    const stored = this.handler.store.get('leases', `${NAMESPACE}/${name}`);
    return stored && asRead(stored);
  }
}

/** As a client reads it: a copy of its own, taken for what was asked for. */
function asRead(stored: object): Lease {
  return JSON.parse(JSON.stringify(stored)) as Lease;
}

/** What could not be done. */
export function failures(reports: readonly Report[]): Report[] {
  return reports.filter(({ type }) => type === 'failed');
}

/** The revocations that were reported. */
export function revocations(reports: readonly Report[]): Extract<Report, { type: 'revoked' }>[] {
  return reports.filter((report) => report.type === 'revoked');
}
