import { Operator } from '../../../src/operator/operator.ts';
import type { Report } from '../../../src/operator/report.ts';
import type { ApiHandler } from '../../../src/testing/api-server/handler.ts';
import { Host } from '../../../src/testing/virtual/host.ts';
import { Violation } from '../invariants/violation.ts';
import { ClusterRequests } from '../world/cluster-requests.ts';
import type { Dice } from '../world/dice.ts';
import { seeded } from '../world/random.ts';
import type { World } from '../world/world.ts';

/** How long a queue may stand still before it is told: ttl. */
const STUCK_AFTER = 20;

/**
 * An operator begins to work and leads, as all that there are. What it revokes nobody may rely on.
 *
 * @param observe - told of everything else that it reports
 * @returns to be called when it dies
 */
export function operate(
  world: World,
  dice: Dice,
  handler: ApiHandler,
  observe: (report: Report) => void = () => undefined,
): () => void {
  const host = new Host(world.time);
  const requests = new ClusterRequests(world, host, 'operator', handler);
  const stopping = new AbortController();
  const working = new Operator({
    requests,
    clock: host,
    random: seeded(dice.below(2 ** 31)),
    report: (report) => {
      observe(report);
      if (report.type !== 'revoked') return;
      world.count(`revoked: ${report.by}`);
      if (!world.registry.isRelied(report.session.uid)) return;
      world.fail(new Violation('revoked', `${report.session.name} by the operator`));
    },
    namespaces: undefined,
    stuckAfter: STUCK_AFTER,
  });
  void working.watch(stopping.signal);
  void working.lead(stopping.signal);
  return () => {
    stopping.abort();
    host.crash();
    requests.close();
  };
}
