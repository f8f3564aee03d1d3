/** Starts embedded API servers, one after the other. Runs stripped of its types, see embedded.ts. */
import { once } from 'node:events';
import { get } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type * as testing from '../src/testing/index.ts';

const loading = performance.now();
const { ApiServer } = (await import(process.env.LEASEHOLD_BUILD ?? '')) as typeof testing;
const importMs = performance.now() - loading;

/** Milliseconds from the call until a client has its first answer. */
async function start(): Promise<number> {
  const from = performance.now();
  await using server = await ApiServer.start();
  const [answer] = (await once(
    get(`${server.url}/readyz`, { ca: server.ca, agent: false }),
    'response',
  )) as [IncomingMessage];
  const milliseconds = performance.now() - from;
  answer.resume();
  await once(answer, 'end');
  return milliseconds;
}

const startsMs: number[] = [];
for (let count = 0; count < Number(process.env.STARTS); count += 1) startsMs.push(await start());
process.stdout.write(JSON.stringify({ importMs, startsMs }));
