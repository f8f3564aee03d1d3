import { isLeaseholdError } from '../../../src/core/errors.ts';
import type { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import type { World } from '../world/world.ts';
import { work } from './work.ts';

const TIMES = { leaseDuration: '6s', renewDeadline: '4s', retryPeriod: '1s' } as const;
const EXPECTED = ['REENTRANT', 'CLOSED', 'ABORTED'] as const;

/** Stands for election, leads, and resigns or transfers, until told to stop. */
export async function standForElection(
  world: World,
  process: VirtualProcess,
  name: string,
  dice: Dice,
  goesOn: () => boolean,
): Promise<void> {
  const election = process.election(name, TIMES);
  while (goesOn()) {
    try {
      const term = await process.lead(election);
      world.operations += 1;
      await work(world, process, term, dice, dice.mostlyShort(30_000));
      // Asked to resign: the work has ended.
      if (term.signal.aborted || dice.chance(0.6)) await term.resign();
      else await term.transfer(dice.pick(world.processes)?.name ?? '');
    } catch (error) {
      if (!EXPECTED.some((code) => isLeaseholdError(error, code))) throw error;
    }
  }
}
