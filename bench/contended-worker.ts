import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../src/index.ts';
import { monotonic } from './statistics.ts';
import { serve } from './worker.ts';

const leasehold = await connect();
const lock = leasehold.lock('contended');

serve({
  /** The number of turns that began between the two moments. */
  async contend({ from, until }: { from: number; until: number }) {
    let turns = 0;
    while (monotonic() < until) {
      await lock.run(async () => {
        const now = monotonic();
        if (now >= from && now < until) turns += 1;
        await sleep(5);
      });
    }
    return turns;
  },
  stop: () => leasehold.close(),
});
