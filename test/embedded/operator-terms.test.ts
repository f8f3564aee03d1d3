import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'vitest';
import { ApiServer } from '../../src/testing/index.ts';
import { ApiClient } from '../cluster/client.ts';
import { releaseForUnchangedProgram } from '../real/unchanged-program.ts';

it('lets a program with client-go be followed when its container has ended', async () => {
  await using server = await ApiServer.start();
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-operator-terms-'));
  const kubeconfigPath = join(directory, 'kubeconfig');
  await writeFile(kubeconfigPath, server.kubeconfig());
  const client = new ApiClient(server.url, server.ca, server.adminToken);
  try {
    await releaseForUnchangedProgram({ client, kubeconfigPath, namespace: 'default' });
  } finally {
    client.closeConnections();
    await rm(directory, { recursive: true });
  }
});
