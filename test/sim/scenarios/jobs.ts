import { wallOf } from '../../../src/testing/virtual/host.ts';
import type { OnceOptions } from '../../../src/schedule/options.ts';
import { MACHINES } from '../faults/machines.ts';
import { PEOPLE } from '../faults/people.ts';
import { SERVERS } from '../faults/servers.ts';
import { ALL_REQUEST_FAULTS, Trouble } from '../faults/trouble.ts';
import { Ticks } from '../invariants/ticks.ts';
import { Violation } from '../invariants/violation.ts';
import { doJob } from '../life/job-worker.ts';
import type { Scenario } from '../scenario.ts';
import { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import { seeded } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { within } from './within.ts';

const EVERY_MS = 10_000;
const PROCESSES = 4;
const TTLS = [3, 5, 8];
const TROUBLE_MS = 60_000;
/** What trouble has left behind is over: a run that took its time, and two of the longest ttl. */
const SETTLED_MS = 90_000;
const CALM_MS = 60_000;
/** Clocks may be off by two seconds before that of the server is taken; they drift meanwhile. */
const MOST_LATE_MS = 6_000;

/** Processes do a job at each tick while everything fails, and then while nothing does. */
export const jobs: Scenario = {
  name: 'jobs',
  run: async (world, seed) => {
    const dice = new Dice(seeded(seed * 6_907));
    const ticks = new Ticks('report', EVERY_MS);
    const options: OnceOptions = {
      every: EVERY_MS,
      atMost: dice.pick([6_000, 25_000]) ?? 0,
      atLeast: dice.pick([0, 2_000]) ?? 0,
      catchUp: dice.pick(['skip', 'last'] as const) ?? 'skip',
    };
    let isCalm = true;
    let started = 0;
    const crew = new Map<VirtualProcess, Promise<void>>();
    const hire = (): void => {
      started += 1;
      const process = world.process(`p${String(started)}`, {
        ttl: dice.pick(TTLS) ?? 5,
        skew: dice.between(-300_000, 300_000),
        rate: dice.pick([1, 1, 1.001, 0.99, 1.1, 0.9]) ?? 1,
      });
      const duty = { name: 'report', options, ticks, isCalm: () => isCalm };
      const life = doJob(world, process, duty, dice);
      life.catch((error: unknown) => world.fail(error));
      crew.set(process, life);
    };
    for (let count = 0; count < PROCESSES; count += 1) hire();
    for (let round = 0; round < 2; round += 1) {
      isCalm = false;
      const trouble = new Trouble(world, dice, {
        mishaps: { ...MACHINES, ...SERVERS, 'label edited': PEOPLE['label edited'] },
        requests: ALL_REQUEST_FAULTS,
        longest: 15_000,
        crashed: (victim) => {
          crew.delete(victim);
          hire();
        },
      });
      await world.time.advance(TROUBLE_MS);
      trouble.end();
      world.mend();
      isCalm = true;
      await world.time.advance(SETTLED_MS);
      const from = wallOf(world.time);
      await world.time.advance(CALM_MS);
      ticks.checkCalm(from, wallOf(world.time) - MOST_LATE_MS);
    }
    await goHome(world, crew);
  },
};

/** Nothing is left of those who close but the record of the schedule. */
async function goHome(
  world: World,
  crew: ReadonlyMap<VirtualProcess, Promise<void>>,
): Promise<void> {
  const home = [...crew.keys()];
  const closing = Promise.all(home.map((process) => process.close()));
  await within(world, 60_000, 'every client closes', closing);
  await within(world, 1_000, 'every job ends', Promise.all(crew.values()));
  await world.time.advance(10_000);
  for (const { name, host, requests } of home) {
    if (host.timers > 0) {
      throw new Violation('left-behind', `timers of ${name}: ${host.timerSources}`);
    }
    if (requests.watches.size > 0) throw new Violation('left-behind', `watches of ${name}`);
  }
}
