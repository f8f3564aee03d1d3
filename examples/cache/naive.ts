/**
 * NOT TO BE COPIED: everybody who finds the entry missing or expired makes it, all at the same time. That is
 * called a stampede, or a dogpile.
 */
import { connectToRedis, makeReport, serve } from './service.ts';

const redis = connectToRedis();

serve(async () => {
  const cached = await redis.get('report');
  if (cached !== null) return cached;
  const report = await makeReport();
  await redis.set('report', report, 'PX', 60_000);
  return report;
});
