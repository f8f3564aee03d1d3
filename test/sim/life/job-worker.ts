import type { ScheduledRun } from '../../../src/schedule/live-run.ts';
import type { OnceOptions } from '../../../src/schedule/options.ts';
import type { Claim } from '../invariants/claims.ts';
import type { Ticks } from '../invariants/ticks.ts';
import type { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import type { World } from '../world/world.ts';
import { sleep } from './work.ts';

/** How long a write may be on its way to what the job protects. */
const LATEST_WRITE_MS = 20_000;

/** A job as one of several processes does it. */
export interface Duty {
  readonly name: string;
  readonly options: OnceOptions;
  readonly ticks: Ticks;
  /** Whether work is to be short and to end well. */
  readonly isCalm: () => boolean;
}

/** Runs the job until the process is closed. The work writes to what checks its fence. */
export function doJob(
  world: World,
  process: VirtualProcess,
  { name, options, ticks, isCalm }: Duty,
  dice: Dice,
): Promise<void> {
  const work = async (run: ScheduledRun): Promise<void> => {
    world.operations += 1;
    const who = `${process.name} (${String(run.fence)})`;
    const claim: Claim = {
      name: `job ${name}`,
      who,
      fence: run.fence,
      isRelied: () => process.alive && process.host.peek(() => run.valid),
      isStolen: false,
    };
    guarded(world, () => {
      ticks.begin(run.tick.getTime(), who);
      world.invariants.granted(claim);
    });
    try {
      await write(world, process, run, claim, dice, isCalm);
    } finally {
      world.invariants.ended(claim);
    }
  };
  return process.schedules.once(name, options).run(work);
}

/** Looks whether its run still stands, and then writes; that may arrive at any later time. */
async function write(
  world: World,
  process: VirtualProcess,
  run: ScheduledRun,
  claim: Claim,
  dice: Dice,
  isCalm: () => boolean,
): Promise<void> {
  const { host } = process;
  const end = host.now() + (isCalm() ? 1_000 : dice.mostlyShort(30_000));
  const isDeaf = !isCalm() && dice.chance(0.1);
  while (host.now() < end || (isDeaf && !isCalm())) {
    if (run.valid) {
      guarded(world, () => world.invariants.used(claim));
      const order = world.invariants.orderOf(claim);
      host.hesitate();
      const way = dice.chance(0.9) ? 1 : dice.mostlyShort(LATEST_WRITE_MS);
      world.time.schedule(host.reached - world.time.now + way, () => {
        guarded(world, () => world.resource(claim.name).write(run.fence, order));
      });
    } else if (!isDeaf) {
      return;
    }
    await sleep(process, dice.between(50, 1_000));
  }
  if (dice.chance(0.1)) throw new Error('it did not work');
}

/** What must hold, in code whose errors are an outcome of the job. */
function guarded(world: World, check: () => void): void {
  try {
    check();
  } catch (error) {
    world.fail(error);
  }
}
