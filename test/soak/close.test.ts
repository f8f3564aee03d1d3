import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { ApiServer, connectToServer } from '../../src/testing/index.ts';

const TAKEN = 'taken';

interface Told {
  readonly before: readonly string[];
  readonly during: readonly string[];
  readonly after: readonly string[];
  readonly signals: number;
  readonly outcomes: readonly string[];
  readonly valid: boolean;
}

it('close() leaves no timer, socket, listener or Lease, and the process ends by itself', async () => {
  await using server = await ApiServer.start();
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-close-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const kubeconfig = join(directory, 'kubeconfig');
  await writeFile(kubeconfig, server.kubeconfig(), { mode: 0o600 });
  await using other = await connectToServer(server, { identity: 'other' });
  await other.lock(TAKEN).acquire();
  await other.election(`${TAKEN}-led`).acquire();
  const row = Array.from({ length: 20 }, (_, index) => `${TAKEN}-${String(index)}`);
  await Promise.all(row.map((name) => other.lock(name).acquire()));
  const before = names(server);

  const child = spawn(process.execPath, [fileURLToPath(import.meta.resolve('./closing.ts'))], {
    env: { ...process.env, KUBECONFIG: kubeconfig, TAKEN },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const [told, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(errors).toBe('');
  expect(await exited).toEqual([0, null]);

  const { during, after, signals, outcomes, valid, ...first } = JSON.parse(told) as Told;
  expect(during.filter((name) => name === 'Timeout').length).toBeGreaterThan(20);
  expect(during.length).toBeGreaterThan(40);
  expect(after).toEqual(first.before);
  expect(signals).toBe(0);
  expect(valid).toBe(false);
  expect([...new Set(outcomes.slice(0, 22))]).toEqual(['CLOSED']);
  // Its candidacy and its look at the leader end, and fail nobody.
  expect(outcomes.slice(22)).toEqual(['fulfilled', 'fulfilled']);
  // The Lease of the election that it led stays, and is free.
  expect(names(server).filter((name) => !before.includes(name))).toEqual(['leader']);
});

function names(server: ApiServer): string[] {
  return server.handler.store.list('leases').map(({ metadata }) => String(metadata.name));
}
