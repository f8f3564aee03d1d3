import { createdSpec, isFree, renewed, takenOver } from '../../../src/core/election.ts';
import { microTime, versionOf } from '../../../src/core/lease.ts';
import type { Lease } from '../../../src/core/lease.ts';
import type { Claim } from '../invariants/claims.ts';
import type { VirtualProcess } from '../world/process.ts';
import type { World } from '../world/world.ts';

/** The times of client-go: others are as long by comparison. */
const LEASE_SECONDS = 15;
const RENEW_DEADLINE_MS = 10_000;
const RETRY_MS = 2_000;

/**
 * A candidate that does as those of client-go: it takes a term under its own identity for its own, also
 * that of the process before it, and goes on with it. It keeps annotations that it does not know. Until
 * its process ends, which it does itself when it has lost a term.
 */
export function standAsClientGo(
  world: World,
  { name: who, api, host }: VirtualProcess,
  election: string,
  identity: string,
  leaseSeconds = LEASE_SECONDS,
): void {
  const pace = leaseSeconds / LEASE_SECONDS;
  let validUntil = -Infinity;
  let claim: Claim | undefined;
  const leads = (lease: Lease, sentAt: number): void => {
    validUntil = sentAt + RENEW_DEADLINE_MS * pace;
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
  let seen = { beat: '', since: 0 };
  const isExpired = ({ spec }: Lease): boolean => {
    const beat = `${spec?.holderIdentity ?? ''} ${spec?.renewTime ?? ''}`;
    if (beat !== seen.beat) seen = { beat, since: host.now() };
    const stated = spec?.leaseDurationSeconds ?? leaseSeconds;
    return host.now() >= seen.since + stated * 1_000;
  };
  const next = (lease: Lease, now: string): Lease | undefined => {
    if (lease.spec?.holderIdentity === identity) return renewed(lease, leaseSeconds, now);
    if (claim) host.crash();
    if (claim || !(isFree(lease) || isExpired(lease))) return undefined;
    const { spec } = takenOver(lease, identity, leaseSeconds, now);
    return { ...lease, ...(spec ? { spec } : {}) };
  };
  const tryOnce = async (): Promise<void> => {
    const read = await api.get(election);
    const sentAt = host.now();
    const now = microTime(host.wall());
    const first = { metadata: { name: election }, spec: createdSpec(identity, leaseSeconds, now) };
    const lease = read.kind === 'done' ? next(read.body, now) : undefined;
    if (read.kind === 'done' && !lease) return;
    const written = await (lease ? api.replace(lease) : api.create(first));
    if (written.kind === 'done') leads(written.body, sentAt);
  };
  const again = (): void => {
    tryOnce().catch((error: unknown) => world.fail(error));
    host.schedule(RETRY_MS * pace, again);
  };
  again();
}
