import { test } from 'vitest';
import { resignOfClientGo } from '../cli/client-go-leader.ts';
import { useFixture } from '../cli/fixture.ts';

const fixture = useFixture();

test('resign is not known to client-go, whose Lease is then taken by force', async () => {
  const { cluster, namespace } = fixture();
  await resignOfClientGo({ kubeconfigPath: cluster.kubeconfigPath, namespace });
});
