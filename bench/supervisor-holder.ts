/** Holds a lock until it is killed. Runs stripped of its types, see supervisor.ts. */
import type * as library from '../src/index.ts';

const { connect } = (await import(process.env.LEASEHOLD_BUILD ?? '')) as typeof library;
const leasehold = await connect({ ttl: '60s' });
await leasehold.lock(process.env.LEASEHOLD_BENCH_LOCK ?? '').acquire();
console.log('holding', process.pid);
setInterval(() => undefined, 60_000);
