import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ApiServer } from '../../src/testing/index.ts';
import { startElector } from '../cluster/elector.ts';

it('lets candidates of client-go elect, and take over after a release', async () => {
  await using server = await ApiServer.start();
  const directory = await mkdtemp(join(tmpdir(), 'leasehold-elector-'));
  const kubeconfigPath = join(directory, 'kubeconfig');
  await writeFile(kubeconfigPath, server.kubeconfig());
  const candidate = async (identity: string): ReturnType<typeof startElector> =>
    startElector({
      kubeconfigPath,
      namespace: 'default',
      name: 'elected',
      identity,
      retryPeriodMilliseconds: 200,
      releaseOnCancel: true,
    });
  const first = await candidate('first');
  try {
    await first.waitFor('started-leading');
    const second = await candidate('second');
    try {
      expect((await second.waitFor('new-leader')).leader).toBe('first');
      await first.quit();
      await second.waitFor('started-leading');
      const lease = server.handler.store.get('leases', 'default/elected');
      expect(lease?.spec).toMatchObject({ holderIdentity: 'second', leaseTransitions: 1 });
    } finally {
      await second.kill();
    }
  } finally {
    await first.kill();
    await rm(directory, { recursive: true });
  }
});
