import { performance } from 'node:perf_hooks';
import { median } from '../bench/statistics.ts';
import type { Board, LeaderRow, LockRow, WorkerRow } from './board.ts';
import type { Cluster } from './cluster.ts';
import type { History } from './history.ts';
import type { ProtectedResource } from './protected-resource.ts';
import type { Workers } from './workers.ts';

/** Where a board is read from. */
interface Sources {
  readonly cluster: Cluster;
  readonly workers: Workers;
  readonly history: History;
  readonly account: ProtectedResource;
  /** How many each worker has had. */
  readonly turns: ReadonlyMap<string, number>;
}

/** What there is to see now: holder, queue and leader as the Leases say. */
export function boardOf(
  sources: Sources,
  rest: Pick<Board, 'elapsed' | 'total' | 'ttlSeconds' | 'events'>,
): Board {
  const { cluster, workers, history, account, turns } = sources;
  const { handoversMs, staleRefused, overlaps } = history.figures();
  return {
    ...rest,
    kubeconfig: cluster.kubeconfig,
    workers: workers.all.map(({ name, pid }) => ({
      name,
      pid,
      state: stateOf(workers, name),
      turns: turns.get(name) ?? 0,
    })),
    lock: lockRow(sources),
    leader: leaderRow(sources),
    account: {
      deposits: account.value,
      medianHandoverMs: handoversMs.length > 0 ? median(handoversMs) : undefined,
      staleRefused,
      overlaps,
    },
  };
}

function lockRow({ cluster, workers, history }: Sources): LockRow {
  const { holder, queue } = cluster.lock('account');
  const turn = history.turnAt('account');
  const isItsTurn = turn !== undefined && turn.worker === holder;
  return {
    holder,
    state: holderState(workers, holder),
    heldMs: isItsTurn ? performance.now() - turn.from : undefined,
    fence: isItsTurn ? turn.fence : undefined,
    queue,
  };
}

function leaderRow({ cluster, workers }: Sources): LeaderRow | undefined {
  const led = cluster.leader('leader');
  if (!led) return undefined;
  const { leader, since, transitions } = led;
  const ledMs = Math.max(0, Date.now() - since);
  return { leader, state: holderState(workers, leader), ledMs, term: transitions + 1 };
}

function stateOf(workers: Workers, name: string | undefined): WorkerRow['state'] {
  const worker = workers.all.find((one) => one.name === name);
  if (!worker?.running) return 'dead';
  if (worker.frozen) return 'frozen';
  return worker.isReady ? 'running' : 'starting';
}

function holderState(workers: Workers, name: string | undefined): LockRow['state'] {
  const state = stateOf(workers, name);
  return state === 'starting' ? 'running' : state;
}
