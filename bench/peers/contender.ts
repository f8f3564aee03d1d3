/**
 * `contender.ts postgres|redlock NAME`, in a Pod: takes a lock of a peer and keeps it, and tells so as the
 * example application of `test/e2e` does.
 */
import { Redlock } from '@sesamecare-oss/redlock';
import { Redis } from 'ioredis';
import { Client } from 'pg';

const [peer = '', name = ''] = process.argv.slice(2);
const host = process.env.PEER_HOST ?? '';
const port = Number(process.env.PEER_PORT);

function tell(event: string): void {
  process.stdout.write(`${JSON.stringify({ at: Date.now(), event, pid: process.pid })}\n`);
}

async function postgres(): Promise<void> {
  const client = new Client({ host, port, user: 'postgres', database: 'postgres' });
  await client.connect();
  tell('waiting');
  await client.query('select pg_advisory_lock(hashtext($1))', [name]);
}

async function redlock(): Promise<void> {
  const ttl = Number(process.env.PEER_TTL_MILLISECONDS);
  // Its own defaults, but for trying until the lock is there.
  const client = new Redlock([new Redis(port, host)], { retryCount: -1 });
  tell('waiting');
  let held = await client.acquire([name], ttl);
  // As often as leasehold renews a session.
  setInterval(() => {
    void held.extend(ttl).then((extended) => {
      held = extended;
    });
  }, ttl / 3);
}

const take = { postgres, redlock }[peer];
if (!take) throw new Error('say of whom: postgres or redlock');
await take();
tell('holds');
