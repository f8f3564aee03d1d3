import type { Report } from '../../../src/operator/report.ts';
import { ApiHandler } from '../../../src/testing/api-server/handler.ts';
import { Host } from '../../../src/testing/virtual/host.ts';
import { ClusterRequests } from '../world/cluster-requests.ts';
import type { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { Kubelet } from './kubelet.ts';
import type { Pod } from './kubelet.ts';
import { operate } from './operator.ts';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

/** A few Pods, their kubelets, and an operator that hears of them: all that a scene of it needs. */
export class Node {
  readonly world: World;
  readonly dice: Dice;
  readonly kubelet: Kubelet;
  readonly #handler: ApiHandler;

  constructor(world: World, dice: Dice) {
    this.world = world;
    this.dice = dice;
    this.#handler = new ApiHandler({
      clock: new Host(world.time),
      random: seeded(dice.below(2 ** 31)),
      tokenKey: 'simulated',
    });
    this.kubelet = new Kubelet(world, this.#handler);
  }

  /** An operator begins to work. */
  operate(observe?: (report: Report) => void): void {
    operate(this.world, this.dice, this.#handler, observe);
  }

  /** @param container - that its session names; undefined if it does not know */
  process(
    name: string,
    { name: identity, uid, skew }: Pod,
    ttl: number,
    container: string | undefined,
  ): VirtualProcess {
    const { world } = this;
    return world.process(name, {
      ttl,
      identity,
      skew,
      owner: { apiVersion: 'v1', kind: 'Pod', name: identity, uid },
      ...(container === undefined ? {} : { container }),
      connect: (host) => new ClusterRequests(world, host, name, this.#handler),
    });
  }

  /** Milliseconds pass. */
  wait(least: number, most = least): Promise<void> {
    return this.world.time.advance(this.dice.between(least, most));
  }

  /** Somebody edits the labels of a Lease. */
  label(lease: string, labels: Record<string, string | null>): Promise<void> {
    return this.kubelet.edit(`${LEASES}/${lease}`, { metadata: { labels } });
  }
}
