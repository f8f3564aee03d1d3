import { ApiHandler } from '../../../src/testing/api-server/handler.ts';
import { Host } from '../../../src/testing/virtual/host.ts';
import { MACHINES } from '../faults/machines.ts';
import type { Mishap } from '../faults/mishap.ts';
import { SERVERS } from '../faults/servers.ts';
import { ALL_REQUEST_FAULTS, Trouble } from '../faults/trouble.ts';
import { Violation } from '../invariants/violation.ts';
import { Kubelet } from '../life/kubelet.ts';
import type { Ended, Pod, Run } from '../life/kubelet.ts';
import { habitsOf, workOnLocks } from '../life/lock-worker.ts';
import { operate } from '../life/operator.ts';
import type { Scenario } from '../scenario.ts';
import { ClusterRequests } from '../world/cluster-requests.ts';
import { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import type { World } from '../world/world.ts';

const PODS = 4;
const LOCKS = ['x', 'y'];
const TTL_SECONDS = 5;
const TROUBLE_MS = 45_000;
const CALM_MS = 20_000;
const PEACE_MS = 240_000;
const MOST_IDLE_MS = 30_000;
const LONGEST_MS = 15_000;
const LOOK_EVERY_MS = 200;

/** Pods on nodes with clocks of their own, and an operator that is told by kubelets what has ended. */
export const operator: Scenario = {
  name: 'operator',
  run: (world, seed) => new OperatedCluster(world, new Dice(seeded(seed * 7_919))).run(),
};

interface Life {
  readonly pod: Pod;
  readonly run: Run;
  readonly work: Promise<unknown>;
}

class OperatedCluster {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #handler: ApiHandler;
  readonly #kubelet: Kubelet;
  readonly #cast = new Map<VirtualProcess, Life>();
  #started = 0;
  #working = true;
  #calmSince: number | undefined;
  #stopOperator: () => void = () => undefined;

  constructor(world: World, dice: Dice) {
    this.#world = world;
    this.#dice = dice;
    this.#handler = new ApiHandler({
      clock: new Host(world.time),
      random: seeded(dice.below(2 ** 31)),
      tokenKey: 'simulated',
    });
    this.#kubelet = new Kubelet(world, this.#handler);
  }

  async run(): Promise<void> {
    const { time } = this.#world;
    this.#operate();
    for (let index = 0; index < PODS; index += 1) await this.#newPod();
    this.#look();
    const trouble = new Trouble(this.#world, this.#dice, {
      mishaps: this.#mishaps(),
      requests: ALL_REQUEST_FAULTS,
      longest: LONGEST_MS,
      crashed: (victim) => this.#background(this.#restart(victim)),
    });
    await time.advance(TROUBLE_MS);
    trouble.end();
    this.#world.mend();
    this.#calmSince = time.now;
    await time.advance(CALM_MS);
    this.#working = false;
    let served = false;
    const waiting = [...this.#cast.values()].map(({ work }) => work);
    void Promise.allSettled(waiting).then(() => (served = true));
    await time.runUntil(() => served, PEACE_MS, 'everybody who waits is served');
    const home = [...this.#cast.keys()];
    await time.settled(Promise.all(home.map((process) => process.close())), PEACE_MS);
    this.#stopOperator();
    for (const { name, requests } of home) {
      if (requests.watches.size > 0) throw new Violation('left-behind', `watches of ${name}`);
    }
  }

  #mishaps(): Record<string, Mishap> {
    const { 'wall clock set': _, ...machines } = MACHINES;
    const { 'watch expired (410)': __, 'events repeated': ___, ...servers } = SERVERS;
    return {
      ...machines,
      ...servers,
      'pod force-deleted': {
        weight: 1,
        befall: ({ victim, duration }) => {
          this.#background(this.#evict(victim, duration));
          return victim.name;
        },
      },
      'operator crashed': {
        weight: 0.5,
        befall: ({ duration }) => {
          this.#stopOperator();
          this.#world.time.schedule(duration / 4, () => this.#operate());
          return 'the operator';
        },
      },
    };
  }

  /** An operator begins to work, in place of another. */
  #operate(): void {
    this.#stopOperator();
    this.#stopOperator = operate(this.#world, this.#dice, this.#handler);
  }

  async #newPod(): Promise<void> {
    this.#started += 1;
    // A clock that is off by more than some seconds proves nothing.
    const most = this.#dice.chance(0.8) ? 2_000 : 300_000;
    const skew = this.#dice.between(-most, most);
    const pod = await this.#kubelet.pod(`p${String(this.#started)}`, skew);
    await this.#begin(pod, undefined);
  }

  /** The container of the Pod runs. */
  async #begin(pod: Pod, before: Ended | undefined): Promise<void> {
    const world = this.#world;
    const dice = this.#dice;
    const run = await this.#kubelet.began(pod, before);
    const name = `${pod.name} ${run.id}`;
    const process = world.process(name, {
      ttl: TTL_SECONDS,
      identity: pod.name,
      skew: pod.skew,
      owner: { apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: pod.uid },
      container: 'main',
      connect: (host) => new ClusterRequests(world, host, name, this.#handler),
    });
    const habits = habitsOf(dice, LOCKS, 0, 0);
    const workers = Array.from({ length: 1 + dice.below(3) }, () =>
      workOnLocks(world, process, habits, dice, () => this.#working),
    );
    for (const worker of workers) worker.catch((error: unknown) => world.fail(error));
    this.#cast.set(process, { pod, run, work: Promise.allSettled(workers) });
  }

  /** The process has ended, and its kubelet starts it again. */
  async #restart(victim: VirtualProcess): Promise<void> {
    const life = this.#cast.get(victim);
    if (!life) return;
    this.#cast.delete(victim);
    const dice = this.#dice;
    const ended = await this.#kubelet.ended(life.pod, life.run, dice.between(10, 2_000));
    // It backs off.
    await new Promise<void>((resolve) => {
      this.#world.time.schedule(dice.mostlyShort(10_000), resolve);
    });
    await this.#begin(life.pod, ended);
  }

  /** The Pod is deleted by force: its process lives on for a while, and another Pod begins. */
  async #evict(victim: VirtualProcess, livesFor: number): Promise<void> {
    const life = this.#cast.get(victim);
    if (!life) return;
    this.#cast.delete(victim);
    await this.#kubelet.remove(life.pod);
    this.#world.time.schedule(livesFor, () => victim.crash());
    await this.#newPod();
  }

  #background(task: Promise<void>): void {
    task.catch((error: unknown) => this.#world.fail(error));
  }

  #look(): void {
    const { time, progress, lastLanding } = this.#world;
    if (this.#calmSince !== undefined) {
      try {
        progress.look(time.now, Math.max(this.#calmSince, lastLanding), MOST_IDLE_MS);
      } catch (error) {
        this.#world.fail(error);
      }
    }
    time.schedule(LOOK_EVERY_MS, () => this.#look());
  }
}
