import { isLeaseholdError } from '../../../src/core/errors.ts';
import type { Held } from '../../../src/lock/held.ts';
import { MACHINES } from '../faults/machines.ts';
import { SERVERS } from '../faults/servers.ts';
import { ALL_REQUEST_FAULTS, Trouble } from '../faults/trouble.ts';
import { Circles, Task } from '../invariants/circles.ts';
import { sleep } from '../life/work.ts';
import type { Scenario } from '../scenario.ts';
import { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { within } from './within.ts';

const LOCKS = ['u', 'v', 'w', 'x'];
const TTL_SECONDS = 3;
const PROCESSES = 4;
const TROUBLE_MS = 60_000;
const CALM_MS = 30_000;
/** Several deadlocks, one after the other, of at most two ttl and the death of somebody each. */
const PEACE_MS = 240_000;

const EXPECTED = ['TIMEOUT', 'LOST', 'ABORTED', 'CLOSED', 'API_ERROR', 'DEADLOCK'] as const;

/**
 * Tasks that take several locks in any order, keep them while they wait for the next one, and want to be
 * refused where that is a deadlock: only then they are, and everybody gets on.
 */
export const circles: Scenario = {
  name: 'circles',
  run: async (world, seed) => {
    const dice = new Dice(seeded(seed * 6_007));
    const told = new Circles();
    world.time.afterStep(() => told.look());
    let isWorking = true;
    const goesOn = (): boolean => isWorking;
    const cast = new Map<VirtualProcess, { tasks: Task[]; lives: Promise<void>[] }>();
    let started = 0;
    const enter = (): void => {
      started += 1;
      const process = world.process(`p${String(started)}`, { ttl: TTL_SECONDS });
      const tasks: Task[] = [];
      const lives: Promise<void>[] = [];
      for (let index = dice.below(3); index >= 0; index -= 1) {
        const task = new Task(`${process.name} ${String(index)}`);
        told.add(task);
        tasks.push(task);
        const life = work(world, process, task, told, dice, goesOn);
        life.catch((error: unknown) => world.fail(error));
        lives.push(life);
      }
      cast.set(process, { tasks, lives });
    };
    for (let index = 0; index < PROCESSES; index += 1) enter();
    const trouble = new Trouble(world, dice, {
      mishaps: { ...MACHINES, ...SERVERS },
      requests: ALL_REQUEST_FAULTS,
      longest: 6_000,
      crashed: (victim) => {
        for (const task of cast.get(victim)?.tasks ?? []) task.isOver = true;
        cast.delete(victim);
        enter();
      },
    });
    await world.time.advance(TROUBLE_MS);
    trouble.end();
    world.mend();
    await world.time.advance(CALM_MS);
    isWorking = false;
    const lives = [...cast.values()].flatMap((one) => one.lives);
    await within(world, PEACE_MS, 'every waiter served', Promise.all(lives));
    const closing = Promise.all([...cast.keys()].map((process) => process.close()));
    await within(world, PEACE_MS, 'every client closes', closing);
  },
};

async function work(
  world: World,
  process: VirtualProcess,
  task: Task,
  told: Circles,
  dice: Dice,
  goesOn: () => boolean,
): Promise<void> {
  while (goesOn()) {
    await sleep(process, dice.mostlyShort(2_000));
    const names = [...LOCKS].sort(() => dice.random() - 0.5).slice(0, 1 + dice.below(3));
    const [first = 'x', ...others] = names;
    try {
      if (dice.chance(0.2)) await beside(process, task, first, others[0] ?? 'x', dice);
      else await inTurn(world, process, task, told, names, dice);
    } catch (error) {
      if (!EXPECTED.some((code) => isLeaseholdError(error, code))) throw error;
    }
    task.waitsFor = undefined;
    task.holds.clear();
    world.operations += 1;
  }
}

/** One lock after the other, all of them kept until the last one was had. */
async function inTurn(
  world: World,
  process: VirtualProcess,
  task: Task,
  told: Circles,
  names: readonly string[],
  dice: Dice,
): Promise<void> {
  const holds: Held[] = [];
  try {
    for (const name of names) {
      const limit = dice.chance(0.3) ? { timeout: dice.mostlyShort(12_000) } : {};
      task.waitsFor = name;
      try {
        const detectDeadlock = { holding: [...holds] };
        const held = await process.acquire(name, { ...limit, detectDeadlock });
        holds.push(held);
        task.holds.add(name);
        held.signal.addEventListener('abort', () => task.holds.delete(name));
      } catch (error) {
        if (isLeaseholdError(error, 'DEADLOCK')) {
          told.refused(task);
          world.count('wait refused for a deadlock');
        }
        task.waitsFor = undefined;
        // It waits no more, and keeps what it has for long, whatever its session has told.
        if (isLeaseholdError(error, 'TIMEOUT')) await sleep(process, dice.random() * 10_000);
        throw error;
      }
      task.waitsFor = undefined;
      await sleep(process, dice.mostlyShort(1_000));
    }
  } finally {
    for (const held of holds.reverse()) {
      task.holds.delete(held.name);
      await held.release();
    }
  }
}

/** Waits for a lock inside of another's `run`, which ends without it. */
async function beside(
  process: VirtualProcess,
  task: Task,
  first: string,
  second: string,
  dice: Dice,
): Promise<void> {
  if (first === second) return;
  let ahead: Promise<void> | undefined;
  const limits = { timeout: 30_000 };
  await process.lock(first).run(async ({ signal }) => {
    task.holds.add(first);
    signal.addEventListener('abort', () => task.holds.delete(first));
    ahead = process
      .lock(second)
      .acquire(limits)
      .then((held) => held.release())
      .catch(() => undefined);
    await sleep(process, dice.random() * 15_000);
    task.holds.delete(first);
  });
  await ahead;
}
