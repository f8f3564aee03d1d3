import { setTimeout as sleep } from 'node:timers/promises';
import type { Line } from '../test/e2e/story.ts';
import { eventually } from '../test/e2e/world.ts';
import type { World } from '../test/e2e/world.ts';

/** The machine has nothing else to do by then. */
const pauseMilliseconds = 2_000;

/** Some Pods of the example application: one holds its lock, the others wait. */
export class Succession implements AsyncDisposable {
  readonly #world: World;
  readonly #names: readonly string[];
  /** When the next one had the lock: milliseconds since 1970. */
  grantedAt = 0;

  private constructor(world: World, names: readonly string[]) {
    this.#world = world;
    this.#names = names;
  }

  static async begin(world: World, name: string, pods: number): Promise<Succession> {
    const names = Array.from({ length: pods }, (_, index) => `${name}-${String(index)}`);
    const succession = new Succession(world, names);
    for (const pod of names) await world.runPod(pod, 'hold');
    await succession.#told('holds', 1);
    await succession.#told('waiting', pods - 1);
    return succession;
  }

  /**
   * Lets the holder be killed, and waits for the next one.
   *
   * @param kill - returns when it did so
   * @returns milliseconds between both, on the clock of the node
   */
  async next(kill: (holder: Line) => Promise<number>): Promise<number> {
    const [holder] = await this.#told('holds', 1);
    await sleep(pauseMilliseconds);
    const killedAt = await kill(holder);
    const [, next] = await this.#told('holds', 2);
    this.grantedAt = next?.at ?? Number.NaN;
    return this.grantedAt - killedAt;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const path = this.#world.path('/api/v1', 'pods');
    for (const name of this.#names) {
      await this.#world.client.expect('DELETE', `${path}/${name}?gracePeriodSeconds=1`);
    }
    await eventually('their end', async () => {
      const { items } = await this.#world.client.expect<{ items: Pod[] }>('GET', path);
      const isThere = items.some(({ metadata }) => this.#names.includes(metadata.name));
      return isThere ? undefined : true;
    });
  }

  #told(event: string, count: number): Promise<[Line, ...Line[]]> {
    return this.#world.story.until(
      event,
      (line) => line.event === event && this.#names.includes(line.pod),
      count,
    );
  }
}

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
