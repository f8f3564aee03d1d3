import { createdSpec, isFree, renewed, takenOver } from '../../../src/core/election.ts';
import { microTime, versionOf } from '../../../src/core/lease.ts';
import type { Lease } from '../../../src/core/lease.ts';
import type { Claim } from '../invariants/claims.ts';
import type { VirtualProcess } from '../world/process.ts';
import type { World } from '../world/world.ts';

const LEASE_SECONDS = 15;
const RENEW_DEADLINE_MS = 10_000;
const RETRY_MS = 2_000;

/**
 * A candidate that does as those of client-go: it takes a term under its own identity for its own, also
 * that of the process before it, and goes on with it. Until its process ends.
 */
export function standAsClientGo(
  world: World,
  { name: who, api, host }: VirtualProcess,
  election: string,
  identity: string,
): void {
  let validUntil = -Infinity;
  let claim: Claim | undefined;
  const leads = (lease: Lease, sentAt: number): void => {
    validUntil = sentAt + RENEW_DEADLINE_MS;
    if (claim) return;
    claim = {
      name: `election ${election}`,
      who,
      fence: versionOf(lease) * 65_536n,
      isRelied: () => host.state !== 'crashed' && host.localOf(world.time.now) < validUntil,
      isStolen: false,
    };
    world.invariants.granted(claim);
  };
  const next = (lease: Lease, now: string): Lease | undefined => {
    if (lease.spec?.holderIdentity === identity) return renewed(lease, LEASE_SECONDS, now);
    return isFree(lease) ? takenOver(lease, identity, LEASE_SECONDS, now) : undefined;
  };
  const tryOnce = async (): Promise<void> => {
    const read = await api.get(election);
    const sentAt = host.now();
    const now = microTime(host.wall());
    const first = { metadata: { name: election }, spec: createdSpec(identity, LEASE_SECONDS, now) };
    const lease = read.kind === 'done' ? next(read.body, now) : undefined;
    if (read.kind === 'done' && !lease) return;
    const written = await (lease ? api.replace(lease) : api.create(first));
    if (written.kind === 'done') leads(written.body, sentAt);
  };
  const again = (): void => {
    tryOnce().catch((error: unknown) => world.fail(error));
    host.schedule(RETRY_MS, again);
  };
  again();
}
