/** One Pod of a service whose answer is expensive. */
import { hostname } from 'node:os';
import { connect } from 'leasehold';
import { Cache } from './cache.ts';
import { connectToRedis, makeReport, serve } from './service.ts';

const leasehold = await connect({
  ttl: process.env.TTL ?? '15s',
  identity: process.env.NAME ?? hostname(),
  releaseOnSigterm: true,
});
const cache = new Cache(connectToRedis(), leasehold, { fresh: 60_000, stale: 600_000 });

serve(() => cache.get('report', makeReport));
