import { Client } from 'pg';
import { monotonic } from '../statistics.ts';
import { serve } from '../worker.ts';

// A session of its own for each lock: one that waits answers nothing else.
const clients = new Map<string, Client>();
const granted = new Map<string, Promise<number>>();

async function lock(name: string): Promise<number> {
  const client = new Client({
    host: '127.0.0.1',
    port: Number(process.env.PEER_PORT),
    user: 'postgres',
    database: 'postgres',
  });
  await client.connect();
  clients.set(name, client);
  await client.query('select pg_advisory_lock(hashtext($1))', [name]);
  return monotonic();
}

serve({
  hold: (name: string) => lock(name),
  wait(name: string) {
    granted.set(name, lock(name));
    return Promise.resolve();
  },
  granted: (name: string) => granted.get(name),
  async release(name: string) {
    await clients.get(name)?.end();
  },
  stop: () => Promise.resolve(),
});
