import type { ApiHandler } from '../../../src/testing/api-server/handler.ts';
import { DirectRequests } from '../../../src/testing/virtual/direct-requests.ts';
import { Host, wallOf } from '../../../src/testing/virtual/host.ts';
import type { World } from '../world/world.ts';

const PODS = '/api/v1/namespaces/default/pods';

/** A Pod on a node whose clock is off. */
export interface Pod {
  readonly name: string;
  readonly uid: string;
  readonly skew: number;
}

/** One run of the Pod's container. */
export interface Run {
  readonly id: string;
  /** By the node's clock. */
  readonly startedAt: string;
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

  async pod(name: string, skew: number): Promise<Pod> {
    const containers = [{ name: 'main', image: 'x' }];
    const created = await this.#admin.request<{ metadata: { uid: string } }>({
      method: 'POST',
      path: PODS,
      body: { metadata: { name }, spec: { nodeName: 'node', containers } },
    });
    if (created.kind !== 'done') throw new Error(`no Pod ${name}: ${JSON.stringify(created)}`);
    return { name, uid: created.body.metadata.uid, skew };
  }

  /** The container runs, again if there was an earlier run. */
  async began(pod: Pod, before: object | undefined): Promise<Run> {
    this.#runs += 1;
    const run = { id: `containerd://${String(this.#runs)}`, startedAt: this.#clockOf(pod) };
    const running = { startedAt: run.startedAt };
    const lastState = before === undefined ? {} : { lastState: before };
    await this.#tell(pod, { containerID: run.id, state: { running }, ...lastState });
    return run;
  }

  /** The process of this run has ended, at this moment; told when the kubelet comes to it. */
  async ended(pod: Pod, run: Run, toldAfter: number): Promise<object> {
    const terminated = {
      containerID: run.id,
      exitCode: 137,
      reason: 'Error',
      startedAt: run.startedAt,
      finishedAt: this.#clockOf(pod),
    };
    await new Promise<void>((resolve) => void this.#world.time.schedule(toldAfter, resolve));
    await this.#tell(pod, { state: { terminated } });
    return { terminated };
  }

  /** By force: the object is gone, and what runs goes on. */
  async remove({ name }: Pod): Promise<void> {
    const body = { gracePeriodSeconds: 0 };
    await this.#admin.request({ method: 'DELETE', path: `${PODS}/${name}`, body });
  }

  /** Refused where there is no such Pod any more. */
  async #tell({ name }: Pod, status: object): Promise<void> {
    const container = { name: 'main', image: 'x', imageID: 'x', ready: false, restartCount: 0 };
    await this.#admin.request({
      method: 'PATCH',
      path: `${PODS}/${name}/status`,
      body: { status: { containerStatuses: [{ ...container, ...status }] } },
      contentType: 'application/merge-patch+json',
    });
  }

  /** To the second. */
  #clockOf({ skew }: Pod): string {
    return new Date(wallOf(this.#world.time) + skew).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}
