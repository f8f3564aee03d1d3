import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { ApiServer, connectToServer } from '../../src/testing/index.ts';
import type { Leasehold } from '../../src/index.ts';

const PATIENCE_MS = 300;
const MOST_ROUNDS = 50;

const CALLS: Record<string, (client: Leasehold, signal: AbortSignal) => Promise<unknown>> = {
  'Lock.tryAcquire': (client, signal) => client.lock('free').tryAcquire({ signal }),
  'Lock.acquire': (client, signal) => client.lock('acquired').acquire({ signal }),
  'Election.acquire': (client, signal) => client.election('acquired').acquire({ signal }),
  'Election.run': (client, signal) => client.election('run').run(() => undefined, { signal }),
  'Election.observe': async (client, signal) => {
    for await (const _ of client.election('observed').observe({ signal })) break;
  },
};

it.each(Object.entries(CALLS))('lets go of the signal of %s', async (_, call) => {
  await using server = await ApiServer.start();
  await using client = await connectToServer(server);
  const shutdown = new AbortController();
  const given = await (async () => {
    // A patience and a shutdown, as an application gives them: made into one more, Node keeps that.
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const signal = AbortSignal.any([patience, shutdown.signal]);
    await call(client, signal).catch(() => undefined);
    if (!patience.aborted) await once(patience, 'abort');
    return new WeakRef(signal);
  })();
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < MOST_ROUNDS && given.deref(); round += 1) {
    // What was asked of a WeakRef lives on for this turn.
    await setImmediate();
    collect();
  }
  await setImmediate();
  expect(given.deref()).toBeUndefined();
  expect(shutdown.signal.aborted).toBe(false);
});
