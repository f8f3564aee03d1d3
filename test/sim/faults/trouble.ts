import type { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import type { World } from '../world/world.ts';
import type { Mishap } from './mishap.ts';
import { REQUEST_FAULTS, requestFault } from './request-faults.ts';
import type { RequestFault } from './request-faults.ts';

export interface TroubleOptions {
  readonly mishaps: Readonly<Record<string, Mishap>>;
  readonly requests: readonly RequestFault[];
  /** The most that a pause, a cut and the like may last: milliseconds. */
  readonly longest: number;
  /** Somebody has crashed. */
  readonly crashed: (victim: VirtualProcess) => void;
}

export const ALL_REQUEST_FAULTS = Object.keys(REQUEST_FAULTS) as RequestFault[];

/**
 * Everything that goes wrong, at random, from now until {@link Trouble.end}. Each seed leaves out some
 * kinds and has more of others: what is rare among all kinds together is frequent in some seed.
 */
export class Trouble {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #options: TroubleOptions;
  readonly #mishaps: readonly (Mishap & { readonly kind: string })[];
  readonly #undone = new Set<() => void>();
  readonly #pace: number;
  #active = true;

  constructor(world: World, dice: Dice, options: TroubleOptions) {
    this.#world = world;
    this.#dice = dice;
    this.#options = options;
    this.#mishaps = Object.entries(options.mishaps)
      .filter(() => dice.chance(0.8))
      .map(([kind, mishap]) => ({ ...mishap, kind, weight: mishap.weight * dice.between(0.3, 2) }));
    this.#pace = dice.between(400, 3_000);
    const requests = options.requests.filter(() => dice.chance(0.8));
    const rate = dice.pick([0, 0.03, 0.08, 0.15]) ?? 0;
    this.#undone.add(world.inject(requestFault(requests, rate, dice)));
    const slow = dice.pick([0, 0.01, 0.05]) ?? 0;
    world.latency = () => (dice.chance(slow) ? 60 : 0.2 + dice.random() * 4);
    this.#hesitate(dice.pick([0, 0, 0.0005, 0.002]) ?? 0);
    this.#next();
  }

  /** From now on everything works; what is still in flight may land late. */
  end(): void {
    this.#active = false;
    for (const undo of this.#undone) undo();
    this.#hesitate(0);
    this.#world.latency = () => 1;
  }

  /** At any await of theirs, processes may stand still. */
  #hesitate(probability: number): void {
    const dice = this.#dice;
    const { longest } = this.#options;
    const hesitation = (): number => {
      if (!dice.chance(probability)) return 0;
      this.#world.count('stopped at an await');
      return dice.mostlyShort(longest);
    };
    this.#world.hesitation = probability === 0 ? undefined : hesitation;
  }

  #next(): void {
    if (!this.#active) return;
    const world = this.#world;
    const dice = this.#dice;
    const victim = dice.pick(world.processes.filter(({ host }) => host.state === 'running'));
    const mishap = dice.weighted(this.#mishaps);
    if (victim && mishap) {
      const whom = mishap.befall({
        world,
        dice,
        victim,
        duration: dice.random() ** 2 * this.#options.longest,
        crashed: this.#options.crashed,
        later: (delay, undo) => this.#later(delay, undo),
      });
      if (whom !== undefined) world.befall(mishap.kind, whom);
    }
    world.time.schedule(dice.random() * this.#pace, () => this.#next());
  }

  #later(delay: number, undo: () => void): void {
    const once = (): void => {
      if (this.#undone.delete(once)) undo();
    };
    this.#undone.add(once);
    this.#world.time.schedule(delay, once);
  }
}
