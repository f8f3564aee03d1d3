import type { ApiHandler } from '../../../src/testing/api-server/handler.ts';
import { DirectRequests } from '../../../src/testing/virtual/direct-requests.ts';
import { Host, wallOf } from '../../../src/testing/virtual/host.ts';
import type { World } from '../world/world.ts';

/** A Pod on a node whose clock is off. */
export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Milliseconds; its node's clock may be set. */
  skew: number;
}

/** One run of a container. */
export interface Run {
  readonly container: string;
  readonly id: string;
  /** By the node's clock. */
  readonly startedAt: string;
}

/** How a run has ended, as the runtime tells it. */
export interface Ended {
  readonly terminated: object;
}

/** The kubelets of all nodes: they know when a container has begun and ended, and tell it later. */
export class Kubelet {
  readonly #world: World;
  readonly #admin: DirectRequests;
  #runs = 0;

  constructor(world: World, handler: ApiHandler) {
    this.#world = world;
    const token = handler.tokens.ofUser('kubelet', ['system:masters']);
    this.#admin = new DirectRequests(handler, new Host(world.time), token);
  }

  async pod(
    name: string,
    skew: number,
    { namespace = 'default', containers = ['main'] } = {},
  ): Promise<Pod> {
    const spec = {
      nodeName: 'node',
      containers: containers.map((one) => ({ name: one, image: 'x' })),
    };
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const body = { metadata: { name }, spec };
    const created = await this.#admin.request<{ metadata: { uid: string } }>({
      method: 'POST',
      path,
      body,
    });
    if (created.kind !== 'done') throw new Error(`no Pod ${name}: ${JSON.stringify(created)}`);
    return { namespace, name, uid: created.body.metadata.uid, skew };
  }

  /** A container begins to run at this moment; nobody is told. */
  starts(pod: Pod, container = 'main'): Run {
    this.#runs += 1;
    return { container, id: `containerd://${String(this.#runs)}`, startedAt: this.clockOf(pod) };
  }

  /** The run ends at this moment; nobody is told. */
  ends(pod: Pod, run: Run, reason = 'Error'): Ended {
    const { id, startedAt } = run;
    const finishedAt = this.clockOf(pod);
    return { terminated: { containerID: id, exitCode: 137, reason, startedAt, finishedAt } };
  }

  /** The container runs, again if there was an earlier run. */
  async began(pod: Pod, before: Ended | undefined): Promise<Run> {
    const run = this.starts(pod);
    await this.tell(pod, [running(run, before)]);
    return run;
  }

  /** The process of this run has ended, at this moment; told when the kubelet comes to it. */
  async ended(pod: Pod, run: Run, toldAfter: number): Promise<Ended> {
    const end = this.ends(pod, run);
    await new Promise<void>((resolve) => void this.#world.time.schedule(toldAfter, resolve));
    await this.tell(pod, [terminated(run, end)]);
    return end;
  }

  /** By force: the object is gone, and what runs goes on. */
  async remove({ namespace, name }: Pod): Promise<void> {
    const body = { gracePeriodSeconds: 0 };
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    await this.#admin.request({ method: 'DELETE', path, body });
  }

  /** The Pod's status says so of its containers. Refused where there is no such Pod any more. */
  async tell(pod: Pod, containerStatuses: readonly object[], status: object = {}): Promise<void> {
    const path = `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/status`;
    await this.edit(path, { status: { ...status, containerStatuses } });
  }

  /** A merge patch, by somebody who may do everything. */
  async edit(path: string, body: object): Promise<void> {
    const contentType = 'application/merge-patch+json';
    await this.#admin.request({ method: 'PATCH', path, body, contentType });
  }

  /** What the clock of the Pod's node shows, to the second. */
  clockOf({ skew }: Pod): string {
    return new Date(wallOf(this.#world.time) + skew).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}

/** What the kubelet says of a container that runs, again if there was an earlier run. */
export function running({ container, id, startedAt }: Run, before?: Ended): object {
  const lastState = before === undefined ? {} : { lastState: before };
  return { ...named(container), containerID: id, state: { running: { startedAt } }, ...lastState };
}

/** What it says of one that has ended. */
export function terminated({ container }: Run, end: Ended): object {
  return { ...named(container), state: end };
}

function named(name: string): object {
  return { name, image: 'x', imageID: 'x', ready: false, restartCount: 0 };
}
