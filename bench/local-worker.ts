import { connect } from '../src/index.ts';
import { monotonic } from './statistics.ts';
import { serve } from './worker.ts';

const leasehold = await connect();
const lock = leasehold.lock('local');

async function round(tasks: number, milliseconds: number): Promise<number> {
  const start = monotonic();
  let turns = 0;
  const task = async (): Promise<void> => {
    while (monotonic() < start + milliseconds) {
      const held = await lock.acquire();
      turns += 1;
      void held.release();
    }
  };
  await Promise.all(Array.from({ length: tasks }, task));
  return (turns / (monotonic() - start)) * 1_000;
}

serve({
  /** Turns per second, of each round. */
  async handOver(plan: { rounds: number; tasks: number; milliseconds: number }) {
    const rates: number[] = [];
    for (let done = 0; done < plan.rounds; done += 1) {
      rates.push(await round(plan.tasks, plan.milliseconds));
    }
    return rates;
  },
  stop: () => leasehold.close(),
});
