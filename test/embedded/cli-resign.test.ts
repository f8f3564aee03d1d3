import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'vitest';
import { ApiServer } from '../../src/testing/index.ts';
import { resignOfClientGo } from '../cli/client-go-leader.ts';

it('lets a Lease be taken by force from a leader with client-go', async () => {
  await using server = await ApiServer.start();
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-cli-resign-'));
  const kubeconfigPath = join(directory, 'kubeconfig');
  await writeFile(kubeconfigPath, server.kubeconfig());
  try {
    await resignOfClientGo({ kubeconfigPath, namespace: 'default' });
  } finally {
    await rm(directory, { recursive: true });
  }
});
