import { Redlock } from '@sesamecare-oss/redlock';
import { Redis } from 'ioredis';
import { monotonic } from '../statistics.ts';
import { serve } from '../worker.ts';

const redis = new Redis(Number(process.env.PEER_PORT), '127.0.0.1');
// Its own defaults, but for trying until the lock is there.
const redlock = new Redlock([redis], { retryCount: -1 });
const ttl = Number(process.env.PEER_TTL_MILLISECONDS);
const granted = new Map<string, Promise<number>>();

async function lock(name: string): Promise<number> {
  await redlock.acquire([name], ttl);
  return monotonic();
}

serve({
  hold: (name: string) => lock(name),
  wait(name: string) {
    granted.set(name, lock(name));
    return Promise.resolve();
  },
  granted: (name: string) => granted.get(name),
  async stop() {
    await redlock.quit();
  },
});
