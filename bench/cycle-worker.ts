import { connect } from '../src/index.ts';
import { BareClient, lockLease } from './bare.ts';
import { monotonic } from './statistics.ts';
import { serve } from './worker.ts';

const leasehold = await connect();
const lock = leasehold.lock('cycle');
const bare = new BareClient();
const body = JSON.stringify(lockLease('bare'));

async function cycle(): Promise<number> {
  const start = monotonic();
  const held = await lock.acquire();
  await held.release();
  return monotonic() - start;
}

async function bareCycle(): Promise<number> {
  const start = monotonic();
  await bare.send('POST', bare.collection, body);
  await bare.send('DELETE', `${bare.collection}/bare`);
  return monotonic() - start;
}

serve({
  async cycles(count: number) {
    for (let warmUp = 0; warmUp < 50; warmUp += 1) {
      await cycle();
      await bareCycle();
    }
    const ours: number[] = [];
    const bares: number[] = [];
    for (let turn = 0; turn < count; turn += 1) {
      if (turn % 2 === 0) ours.push(await cycle());
      bares.push(await bareCycle());
      if (turn % 2 === 1) ours.push(await cycle());
    }
    return { ours, bare: bares };
  },
  async stop() {
    await leasehold.close();
    bare.close();
  },
});
