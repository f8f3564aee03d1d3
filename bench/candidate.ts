import { connect } from '../src/index.ts';
import { monotonic } from './statistics.ts';
import { serve } from './worker.ts';

const leasehold = await connect();
const election = leasehold.election('leasehold');

serve({
  /** Campaigns, and returns when it was won. */
  async stand() {
    await election.acquire();
    return monotonic();
  },
  /** Returns when the resignation began. */
  resign() {
    const start = monotonic();
    void election.resign();
    return start;
  },
  stop: () => leasehold.close(),
});
