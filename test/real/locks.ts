import { openCluster } from '../../src/client/cluster.ts';
import { Principal } from '../../src/core/principal.ts';
import { leaseApi } from '../../src/kube/lease-api.ts';
import { HoldWatches } from '../../src/lock/hold-watches.ts';
import { Locks } from '../../src/lock/locks.ts';
import { Deaths } from '../../src/session/deaths.ts';
import { Sessions } from '../../src/session/sessions.ts';
import type { ClusterAccess } from '../cluster/access.ts';

const DEADLINE_MS = 5_000;

/** All kinds of locks of one process, on the API server that the tests share. */
export async function locksOf(
  cluster: ClusterAccess,
  namespace: string,
  identity: string,
): Promise<{ locks: Locks; close: () => Promise<void> }> {
  const { transport, clock } = await openCluster({
    kubeconfig: cluster.kubeconfigPath,
    namespace,
  });
  const parts = { clock, random: Math.random, observe: () => undefined };
  const api = leaseApi(transport, namespace, DEADLINE_MS);
  const sessions = new Sessions(api, parts, {
    identity,
    ttl: 15,
    owner: undefined,
    principal: new Principal(),
    container: undefined,
    announcer: undefined,
  });
  const deaths = new Deaths(api, parts);
  const locks = new Locks({ api, parts, sessions, deaths, holdWatches: new HoldWatches() });
  const close = async (): Promise<void> => {
    await locks.close();
    deaths.close();
    await sessions.close();
    transport.close();
  };
  return { locks, close };
}
