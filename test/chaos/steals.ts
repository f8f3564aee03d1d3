import type { Claim } from './claims.ts';
import { TARDY_MS } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import { workerOf } from './history.ts';
import type { Fault } from './history.ts';

/** The faults by which a person takes a held lock away from its holders: the only excuse. */
const STEALS = new Set(['delete-lock', 'strike-holders', 'delete-election']);

/**
 * Whether a person took the lock from one of the two and so gave it to the other: the older grant
 * was there before the steal, the younger one came after it, and the older holder noticed in time.
 * Grants are versions of the Lease, as the steal is; only if nobody knows that of the steal, times tell.
 */
export function isExcused(a: Claim, b: Claim, evidence: Evidence): boolean {
  if (a.grant === b.grant) return false;
  const [older, younger] = a.grant < b.grant ? [a, b] : [b, a];
  return evidence.faults.some(
    (fault) =>
      STEALS.has(fault.kind) &&
      fault.target === older.lock &&
      (fault.version
        ? older.grant < fault.version.last && fault.version.first < younger.grant
        : // The holder wrote its claim a moment after the server had granted it.
          older.grantedAt <= fault.until + TARDY_MS && fault.at <= younger.from) &&
      older.until <= fault.until + noticedWithin(older, fault, evidence),
  );
}

/** A hold is watched from its second second on; a broken link or a frozen process cannot see. */
function noticedWithin(claim: Claim, steal: Fault, evidence: Evidence): number {
  const usual = evidence.ttl + TARDY_MS;
  const worker = workerOf(claim.process);
  const blind = evidence.faults.filter(
    ({ target, at, until }) =>
      (target === worker || target.startsWith('server:')) &&
      at <= steal.until + usual &&
      until >= steal.at,
  );
  return Math.max(0, ...blind.map(({ until }) => until - steal.until)) + usual;
}
