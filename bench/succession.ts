import { setTimeout as sleep } from 'node:timers/promises';
import type { Line } from '../test/e2e/story.ts';
import { eventually } from '../test/e2e/world.ts';
import type { World } from '../test/e2e/world.ts';
import type { Contender } from './contender.ts';

/** One holds, two wait. The kubelet lets a container that ends again and again wait, so they are new each time. */
const pods = 3;
/** The machine has nothing else to do by then. */
const pauseMilliseconds = 2_000;

/** Some Pods of one kind: one holds a lock, the others wait. */
export class Succession implements AsyncDisposable {
  /** Its name, where Pods of this kind can be told one. */
  readonly lock: string;
  readonly #world: World;
  readonly #contender: Contender;
  readonly #names: readonly string[];

  private constructor(world: World, contender: Contender, prefix: string) {
    this.lock = `${prefix}-${contender.name}`;
    this.#world = world;
    this.#contender = contender;
    this.#names = Array.from({ length: pods }, (_, index) => `${this.lock}-${String(index)}`);
  }

  /** @param prefix - what the names of the lock and of the Pods begin with; each time another one */
  static async begin(world: World, contender: Contender, prefix: string): Promise<Succession> {
    const succession = new Succession(world, contender, prefix);
    for (const name of succession.#names) {
      const spec = contender.podSpec(succession.lock);
      await world.create('/api/v1', 'pods', { metadata: { name }, spec });
    }
    const { pod } = await succession.holder();
    await succession.#told('waiting', pods - 1, (line) => line.pod !== pod);
    return succession;
  }

  /** The first one. */
  async holder(): Promise<Line> {
    const [holder] = await this.#told('holds', 1);
    return holder;
  }

  /**
   * Lets the holder be killed, and waits for the next one.
   *
   * @param kill - returns when it did so
   */
  async next(kill: (holder: Line) => Promise<number>): Promise<Passing> {
    const holder = await this.holder();
    await sleep(pauseMilliseconds);
    const killedAt = await kill(holder);
    const [, next] = await this.#told('holds', 2);
    const isSamePod = next?.pod === holder.pod;
    return { killedAt, grantedAt: next?.at ?? Number.NaN, isSamePod };
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

  async #told(
    event: string,
    count: number,
    fits: (line: Line) => boolean = () => true,
  ): Promise<[Line, ...Line[]]> {
    const told = (line: Line): Line => this.#contender.told(line);
    const [first, ...others] = await this.#world.story.until(
      `${event} of ${this.lock}`,
      (line) => this.#names.includes(line.pod) && told(line).event === event && fits(line),
      count,
    );
    return [told(first), ...others.map(told)];
  }
}

/** One death; both in milliseconds since 1970, on the clock of the node. */
export interface Passing {
  readonly killedAt: number;
  /** When the next one had the lock. */
  readonly grantedAt: number;
  /** Whether that was in the container that the kubelet has started again. */
  readonly isSamePod: boolean;
}

interface Pod {
  readonly metadata: { readonly name: string };
}
