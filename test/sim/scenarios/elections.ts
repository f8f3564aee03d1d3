import { isLeaseholdError } from '../../../src/core/errors.ts';
import type { Leadership } from '../../../src/election/term.ts';
import { Disturbance } from './disturbance.ts';
import { seeded } from '../world/random.ts';
import type { Scenario } from '../scenario.ts';
import { Violation } from '../world/invariants.ts';
import type { World } from '../world/world.ts';

const TROUBLE_MS = 90_000;
const TIMES = { leaseDuration: '6s', renewDeadline: '4s', retryPeriod: '1s' } as const;

/** Candidates that lead, resign and transfer at random while everything fails. */
export const elections: Scenario = { name: 'elections', run };

async function run(world: World, seed: number): Promise<void> {
  const { time } = world;
  const random = seeded(seed * 104_729);
  const errors: unknown[] = [];
  let trouble = true;
  let leading: Leadership | undefined;
  let started = 0;

  const spawn = (): void => {
    started += 1;
    const process = world.process(`c${String(started)}`);
    const election = process.election('controller', TIMES);
    const campaign = async (): Promise<void> => {
      while (trouble || !leading) {
        const term = await process.lead(election);
        leading = term;
        const worked = new Promise((resolve) => {
          process.host.schedule(random() ** 3 * 30_000, () => resolve(undefined));
          term.signal.addEventListener('abort', resolve, { once: true });
        });
        await worked;
        if (!trouble) return;
        leading = undefined;
        // Asked to resign: the work has ended.
        if (term.signal.aborted) await term.resign();
        else if (random() < 0.3) await term.transfer(`c${String(started)}`);
        else if (random() < 0.5) await term.resign();
      }
    };
    campaign().catch((error: unknown) => {
      // An end of the term that the loop has not seen yet: it stands already.
      if (!isLeaseholdError(error, 'REENTRANT')) errors.push(error);
    });
  };
  for (let index = 0; index < 4; index += 1) spawn();
  const disturbance = new Disturbance(world, random, spawn);
  await time.advance(TROUBLE_MS);
  trouble = false;
  leading = undefined;
  disturbance.stop();
  await time.advance(60_000);
  if (errors.length > 0) throw errors[0];
  const holder = world.store.peek('controller')?.spec?.holderIdentity ?? '';
  const renewed = Date.parse(world.store.peek('controller')?.spec?.renewTime ?? '');
  const age = Date.UTC(2026, 0, 1) + time.now - renewed;
  if (holder === '' || age > 6_000)
    throw new Violation('somebody leads in the end', `${holder}, ${String(age)} ms`);
  const closing = world.processes.filter(({ host }) => host.state !== 'crashed');
  await time.settled(Promise.all(closing.map((process) => process.close())), 60_000);
}
