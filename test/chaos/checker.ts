import type { Lease } from '../../src/core/lease.ts';
import { describe, roleOf } from './administrator.ts';
import { claimsOf, overlap } from './claims.ts';
import type { Claim } from './claims.ts';
import { isSessionOf } from './history.ts';
import type { Fault, ProcessHistory } from './history.ts';

export interface Evidence {
  readonly processes: readonly ProcessHistory[];
  readonly faults: readonly Fault[];
  /** When the last fault was over. */
  readonly healedAt: number;
  /** Every Lease that was left when all workers had ended. */
  readonly leases: readonly Lease[];
  /** The longest ttl of a worker, in milliseconds. */
  readonly ttl: number;
}

export interface Violation {
  readonly rule: 'exclusion' | 'fence' | 'turn' | 'leftover' | 'error';
  readonly message: string;
  /** What it concerns, to find the lines around it. */
  readonly lock?: string;
  readonly at?: number;
}

/** The faults by which a person takes a held lock away from its holder: the only excuse. */
const STEALS = new Set(['delete-lock', 'strike-holders', 'delete-election']);
/** How long a caller may be late with its own timeout on this machine of two cores. */
const TARDY_MS = 2_500;
/** What a cancelled, timed-out or refused call may end with. */
const EXPECTED = new Set(['TAKEN', 'TIMEOUT', 'ABORTED']);

/** Everything that a run must never show. A pure function of what was recorded. */
export function check(evidence: Evidence): Violation[] {
  const claims = evidence.processes.flatMap(claimsOf);
  const violations: Violation[] = [];
  for (const [lock, ofLock] of groupByLock(claims)) {
    violations.push(...checkExclusion(lock, ofLock, evidence));
    violations.push(...checkFences(lock, ofLock, evidence));
  }
  violations.push(...evidence.processes.flatMap((process) => checkTurns(process, evidence)));
  violations.push(...checkLeftovers(evidence));
  return violations;
}

/** By lock, in the order of acquisition; a claim that was void from the start counts for nothing. */
function groupByLock(claims: readonly Claim[]): Map<string, Claim[]> {
  const groups = Map.groupBy(
    claims.filter((claim) => claim.until > claim.from),
    (claim) => claim.lock,
  );
  for (const group of groups.values()) group.sort((a, b) => a.from - b.from);
  return groups;
}

function checkExclusion(lock: string, claims: readonly Claim[], evidence: Evidence): Violation[] {
  const violations: Violation[] = [];
  let open: Claim[] = [];
  for (const claim of claims) {
    open = open.filter((other) => other.until > claim.from);
    for (const other of open) {
      if (isExcused(other, claim, claims, evidence)) continue;
      const { from, until } = overlap(other, claim);
      violations.push({
        rule: 'exclusion',
        lock,
        at: from,
        message: `${lock} was held by ${name(other)} and ${name(claim)} at the same time for ${(until - from).toFixed(3)} ms`,
      });
    }
    open.push(claim);
  }
  return violations;
}

function checkFences(lock: string, claims: readonly Claim[], evidence: Evidence): Violation[] {
  const violations: Violation[] = [];
  let highest: Claim | undefined;
  for (const claim of claims) {
    if (!highest || claim.fence > highest.fence) {
      highest = claim;
    } else if (!isExcused(claim, highest, claims, evidence)) {
      violations.push({
        rule: 'fence',
        lock,
        at: claim.from,
        message: `the fencing token of ${lock} did not grow: ${name(claim)} came after ${name(highest)}`,
      });
    }
  }
  return violations;
}

/**
 * Whether a person took the lock from one of the two and so gave it to the other: the older grant
 * was there before the steal, the younger one came after it, and the older holder noticed in time.
 */
function isExcused(a: Claim, b: Claim, all: readonly Claim[], evidence: Evidence): boolean {
  if (a.grant === b.grant) return false;
  const [older, younger] = a.grant < b.grant ? [a, b] : [b, a];
  const grantedAt = Math.min(...all.filter(isOfGrant(older)).map((claim) => claim.from));
  return evidence.faults.some(
    (fault) =>
      STEALS.has(fault.kind) &&
      fault.target === older.lock &&
      // The holder wrote its claim a moment after the server had granted it.
      grantedAt <= fault.until + TARDY_MS &&
      fault.at <= younger.from &&
      older.until <= fault.until + noticedWithin(older, fault, evidence),
  );
}

/** A hold is watched from its second second on; a broken link or a frozen process cannot see. */
function noticedWithin(claim: Claim, steal: Fault, evidence: Evidence): number {
  const usual = evidence.ttl + TARDY_MS;
  const worker = workerOf(claim.process);
  const blind = evidence.faults.filter(
    ({ target, at, until }) =>
      (target === worker || target === 'server') && at <= steal.until + usual && until >= steal.at,
  );
  return Math.max(0, ...blind.map(({ until }) => until - steal.until)) + usual;
}

function checkTurns(process: ProcessHistory, evidence: Evidence): Violation[] {
  const { ttl, healedAt } = evidence;
  const violations: Violation[] = [];
  const waiting = new Map<number, { at: number; lock: string; how: string; timeout?: number }>();
  const violate = (lock: string, at: number, message: string): void => {
    violations.push({ rule: 'turn', lock, at, message: `${process.process} ${message}` });
  };
  let last = 0;
  for (const line of process.lines) {
    last = line.at;
    if (line.type === 'wait') {
      const { at, lock, how, timeout } = line;
      waiting.set(line.call, { at, lock, how, ...(timeout === undefined ? {} : { timeout }) });
    }
    if (line.type !== 'held' && line.type !== 'unheld') continue;
    const wait = waiting.get(line.call);
    waiting.delete(line.call);
    if (!wait) continue;
    const what = `call ${String(line.call)} (${wait.how}) for ${wait.lock}`;
    const took = line.at - wait.at;
    if (line.type === 'unheld' && !isExpected(line.outcome, wait.how)) {
      violations.push({
        rule: 'error',
        lock: wait.lock,
        at: line.at,
        message: `${process.process} ${what} failed with ${line.outcome}: ${line.detail ?? ''}`,
      });
    }
    if (
      wait.timeout !== undefined &&
      took > wait.timeout + TARDY_MS + disturbance(process, wait.at, line.at, evidence)
    ) {
      violate(
        wait.lock,
        wait.at,
        `${what} took ${took.toFixed(0)} ms, its patience was ${wait.timeout.toFixed(0)} ms`,
      );
    }
    const late = line.at - Math.max(healedAt, wait.at);
    if (line.at > healedAt && late > 2 * ttl + 3_000) {
      violate(
        wait.lock,
        wait.at,
        `${what} had its turn ${late.toFixed(0)} ms after the last fault`,
      );
    }
  }
  if (process.killedAt !== undefined) return violations;
  for (const [call, { at, lock, how }] of waiting) {
    violate(
      lock,
      at,
      `call ${String(call)} (${how}) for ${lock} never ended; last heard of at ${last.toFixed(0)}`,
    );
  }
  return violations;
}

/** A try may find the API server away; a waiter waits for it. */
function isExpected(outcome: string, how: string): boolean {
  return EXPECTED.has(outcome) || (how === 'try' && outcome === 'API_UNREACHABLE');
}

/** For how long the process was frozen between two moments. */
function disturbance(
  process: ProcessHistory,
  from: number,
  to: number,
  evidence: Evidence,
): number {
  const worker = workerOf(process.process);
  return evidence.faults
    .filter((fault) => fault.kind === 'freeze' && fault.target === worker)
    .map((fault) => Math.min(to, fault.until) - Math.max(from, fault.at))
    .filter((length) => length > 0)
    .reduce((sum, length) => sum + length, 0);
}

function checkLeftovers({ processes, leases }: Evidence): Violation[] {
  const violations: Violation[] = [];
  const inOrder = processes.filter(({ lines }) => lines.some((line) => line.type === 'closed'));
  const isOrderly = (session: string): boolean =>
    inOrder.some(({ process }) => isSessionOf(process, session));
  for (const lease of leases) {
    const { name: lock } = lease.metadata;
    const role = roleOf(lease);
    if (role === 'lock') {
      violations.push({
        rule: 'leftover',
        lock,
        message: `lock ${lock} was left: ${describe(lease)}`,
      });
    }
    // One that others have revoked is blank: it stands for nothing, and is removed by and by.
    if (role === 'session' && lease.spec?.holderIdentity && isOrderly(lock)) {
      const message = `session ${lock} was left by a process that ended in order: ${describe(lease)}`;
      violations.push({ rule: 'leftover', message });
    }
    if (role === 'election' && leadsStill(lease.spec?.holderIdentity ?? '', processes)) {
      const message = `election ${lock} was left with a leader: ${describe(lease)}`;
      violations.push({ rule: 'leftover', lock: `election:${lock}`, message });
    }
  }
  return violations;
}

/** Whether it led to its orderly end: one that was killed, or lost its term, could not resign. */
function leadsStill(identity: string, processes: readonly ProcessHistory[]): boolean {
  return processes.some(({ lines }) => {
    if (!lines.some((line) => line.type === 'closed')) return false;
    const events = lines.flatMap((line) => (line.type === 'event' ? [line.event] : []));
    if (!events.some((event) => event.identity === identity)) return false;
    return (
      events.findLast(({ type }) => type.startsWith('leadership-'))?.type !== 'leadership-lost'
    );
  });
}

function isOfGrant(claim: Claim): (other: Claim) => boolean {
  return (other) => other.process === claim.process && other.grant === claim.grant;
}

function workerOf(process: string): string {
  return process.split('.')[0] ?? process;
}

function name(claim: Claim): string {
  return `${claim.process} call ${String(claim.call)} (fence ${String(claim.fence)}, ${claim.from.toFixed(3)} to ${claim.until.toFixed(3)}, ${claim.end})`;
}
