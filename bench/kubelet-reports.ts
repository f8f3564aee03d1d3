import type { World } from '../test/e2e/world.ts';

interface Pod {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly containerStatuses?: readonly {
      readonly restartCount: number;
      readonly state?: { readonly terminated?: object };
    }[];
  };
}

/** When the kubelet's reports of deaths arrive on a watch. */
export class KubeletReports {
  readonly #ending = new AbortController();
  readonly #deaths = new Map<string, number>();
  readonly #waiting = new Map<string, (at: number) => void>();

  static async of(world: World): Promise<KubeletReports> {
    const reports = new KubeletReports();
    const path = world.path('/api/v1', 'pods');
    const events = await world.client.watch<Pod>(path, reports.#ending.signal);
    void reports.#follow(events).catch(() => undefined);
    return reports;
  }

  /** To be asked before a death of this Pod's container: when it will have been reported. */
  ofDeath(pod: string): { readonly at: Promise<number> } {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting.set(pod, resolve);
    return { at: promise };
  }

  stop(): void {
    this.#ending.abort();
  }

  async #follow(events: AsyncIterable<{ readonly object: Pod }>): Promise<void> {
    for await (const { object } of events) {
      const { name } = object.metadata;
      const [container] = object.status?.containerStatuses ?? [];
      const deaths = (container?.restartCount ?? 0) + (container?.state?.terminated ? 1 : 0);
      if (deaths <= (this.#deaths.get(name) ?? 0)) continue;
      this.#deaths.set(name, deaths);
      this.#waiting.get(name)?.(Date.now());
      this.#waiting.delete(name);
    }
  }
}
