import type { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import type { World } from '../world/world.ts';

/** Where something goes wrong. */
export interface Scene {
  readonly world: World;
  readonly dice: Dice;
  /** Somebody who lives. */
  readonly victim: VirtualProcess;
  /** For so many milliseconds. */
  readonly duration: number;
  /** The victim has crashed. */
  readonly crashed: (victim: VirtualProcess) => void;
  /** Undoes what outlasts the trouble; also called when that ends. */
  readonly later: (delay: number, undo: () => void) => void;
}

/** Something that goes wrong now and then. Returns whom it befell, and undefined if nobody. */
export interface Mishap {
  readonly weight: number;
  readonly befall: (scene: Scene) => string | undefined;
}
