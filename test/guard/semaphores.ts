import { openCluster } from '../../src/client/cluster.ts';
import { Principal } from '../../src/core/principal.ts';
import { leaseApi } from '../../src/kube/lease-api.ts';
import { HoldWatches } from '../../src/lock/hold-watches.ts';
import { Locks } from '../../src/lock/locks.ts';
import type { Semaphore } from '../../src/lock/semaphore.ts';
import { Deaths } from '../../src/session/deaths.ts';
import { Sessions } from '../../src/session/sessions.ts';
import type { Guarded, Pod } from './guarded.ts';

const DEADLINE_MS = 5_000;

/** A process of the pod that uses semaphores. */
export interface Semaphores {
  semaphore(name: string, permits: number): Semaphore;
  close(): Promise<void>;
}

export async function semaphoresOf({ namespace }: Guarded, pod: Pod): Promise<Semaphores> {
  const { kubeconfig } = pod;
  const { transport, clock } = await openCluster({ kubeconfig, namespace });
  const api = leaseApi(transport, namespace, DEADLINE_MS);
  const parts = { clock, random: Math.random, observe: () => undefined };
  const principal = new Principal(pod.uid);
  const identity = { identity: pod.name, ttl: 15, owner: undefined };
  const sessions = new Sessions(api, parts, { ...identity, principal });
  const deaths = new Deaths(api, parts);
  const locks = new Locks({ api, parts, sessions, deaths, holdWatches: new HoldWatches() });
  return {
    semaphore: (name, permits) => locks.semaphore(name, permits),
    close: async () => {
      await locks.close();
      deaths.close();
      await sessions.close();
      transport.close();
    },
  };
}
