import { claimsOf } from './claims.ts';
import type { Claim } from './claims.ts';
import type { Evidence, Violation } from './checker.ts';
import { roleOf } from './administrator.ts';
import { isSessionOf } from './history.ts';
import type { Line } from './history.ts';

const TIMELINE_MS = 4_000;
const TIMELINE_LINES = 80;

export interface Figures {
  /** Holds that followed one of another process. */
  readonly handoffs: number;
  /** All holds, local turns included. */
  readonly holds: number;
  readonly calls: number;
  readonly terms: number;
  readonly faults: Readonly<Record<string, number>>;
  /** From a holder's SIGKILL to the next grant of its lock, in milliseconds. */
  readonly recoveries: readonly number[];
  /** The longest that anybody waited. */
  readonly longestWait: number;
  /** The longest that a lock was not granted to anybody, while the server was there. */
  readonly longestGap: { readonly lock: string; readonly at: number; readonly length: number };
  /** Leases that were left when all workers had ended. */
  readonly leftovers: Readonly<Record<string, number>>;
  /** What calls ended with, when not with a hold. */
  readonly outcomes: Readonly<Record<string, number>>;
}

export function figuresOf(evidence: Evidence): Figures {
  const claims = evidence.processes.flatMap(claimsOf).sort((a, b) => a.from - b.from);
  const lines = evidence.processes.flatMap((process) => process.lines);
  const byLock = Map.groupBy(claims, (claim) => claim.lock);
  let handoffs = 0;
  for (const ofLock of byLock.values()) {
    ofLock.forEach((claim, index) => {
      const before = ofLock[index - 1];
      if (before && before.process !== claim.process) handoffs += 1;
    });
  }
  return {
    handoffs,
    holds: claims.length,
    calls: lines.filter((line) => line.type === 'wait').length,
    terms: claims.filter((claim) => claim.lock.startsWith('election:')).length,
    faults: count(evidence.faults.map((fault) => fault.kind)),
    recoveries: recoveriesOf(evidence, byLock),
    longestWait: longestWait(evidence),
    longestGap: longestGap(evidence, byLock),
    leftovers: leftoversOf(evidence),
    outcomes: count(lines.flatMap((line) => (line.type === 'unheld' ? [line.outcome] : []))),
  };
}

export function renderFigures(figures: Figures): string {
  const { recoveries, longestGap } = figures;
  const list = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, number]) => `${name} ${String(number)}`)
      .join(', ');
  return [
    `handoffs      ${String(figures.handoffs)} between processes, ${String(figures.holds)} holds in all, ${String(figures.terms)} of them terms`,
    `calls         ${String(figures.calls)}; without a hold: ${list(figures.outcomes)}`,
    `faults        ${list(figures.faults)}`,
    `recovery      ${String(recoveries.length)} killed holders, median ${quantile(recoveries, 0.5)} ms, worst ${quantile(recoveries, 1)} ms`,
    `longest wait  ${figures.longestWait.toFixed(0)} ms`,
    `left behind   ${list(figures.leftovers)}`,
    `longest gap   ${longestGap.length.toFixed(0)} ms without a grant of ${longestGap.lock}, from ${longestGap.at.toFixed(0)}`,
  ].join('\n');
}

/** A violation, and everything that happened around it. */
export function renderViolation(violation: Violation, evidence: Evidence): string {
  const { rule, message, lock, at } = violation;
  if (lock === undefined || at === undefined) return `${rule}: ${message}`;
  return [`${rule}: ${message}`, ...timeline(evidence, lock, at)].join('\n');
}

export function timeline(evidence: Evidence, lock: string, at: number): string[] {
  const found: { at: number; text: string }[] = [];
  const near = (moment: number): boolean => Math.abs(moment - at) < TIMELINE_MS;
  for (const { process, lines } of evidence.processes) {
    const calls = new Set<number>();
    for (const line of lines) {
      if (line.type === 'wait' && line.lock === lock) calls.add(line.call);
      if (!near(line.at) || line.type === 'still' || !concerns(line, lock, calls)) continue;
      found.push({ at: line.at, text: `${process}  ${textOf(line)}` });
    }
  }
  for (const { kind, target, at: from, until, detail } of evidence.faults) {
    if (!near(from) && !near(until) && !(from < at && until > at)) continue;
    const text = `FAULT  ${kind} ${target} for ${(until - from).toFixed(0)} ms ${detail ?? ''}`;
    found.push({ at: from, text });
  }
  found.sort((a, b) => a.at - b.at);
  const middle = found.findIndex((line) => line.at >= at);
  const start = Math.max(0, middle - TIMELINE_LINES / 2);
  return found
    .slice(start, start + TIMELINE_LINES)
    .map((line) => `  ${(line.at - at).toFixed(1).padStart(9)}  ${line.text}`);
}

function concerns(line: Line, lock: string, calls: ReadonlySet<number>): boolean {
  if (line.type !== 'event') return !('call' in line) || calls.has(line.call);
  const { lock: of, election } = line.event;
  if (typeof election === 'string') return lock === `election:${election}`;
  return of === undefined || of === lock;
}

function textOf(line: Line): string {
  if (line.type === 'event') return JSON.stringify(line.event);
  const { at: _, ...rest } = line;
  return JSON.stringify(rest);
}

function recoveriesOf(evidence: Evidence, byLock: ReadonlyMap<string, Claim[]>): number[] {
  const found: number[] = [];
  for (const { process, killedAt } of evidence.processes) {
    if (killedAt === undefined) continue;
    for (const claims of byLock.values()) {
      const held = claims.some(
        (claim) =>
          claim.process === process && claim.end === 'unfinished' && claim.until >= killedAt,
      );
      const next = claims.find((claim) => claim.from > killedAt && claim.process !== process);
      if (held && next) found.push(next.from - killedAt);
    }
  }
  return found.sort((a, b) => a - b);
}

function leftoversOf({ leases, processes }: Evidence): Record<string, number> {
  const killed = processes.filter(({ killedAt }) => killedAt !== undefined);
  return count(
    leases.map((lease) => {
      const role = roleOf(lease);
      if (role !== 'session') return role;
      const owner = killed.some(({ process }) => isSessionOf(process, lease.metadata.name))
        ? 'of a killed process'
        : 'of another';
      return `${lease.spec?.holderIdentity ? '' : 'blank '}session ${owner}`;
    }),
  );
}

function longestWait({ processes }: Evidence): number {
  let longest = 0;
  for (const { lines } of processes) {
    const since = new Map<number, number>();
    for (const line of lines) {
      if (line.type === 'wait') since.set(line.call, line.at);
      if (line.type !== 'held' && line.type !== 'unheld') continue;
      longest = Math.max(longest, line.at - (since.get(line.call) ?? line.at));
    }
  }
  return longest;
}

function longestGap(
  evidence: Evidence,
  byLock: ReadonlyMap<string, Claim[]>,
): Figures['longestGap'] {
  let longest = { lock: '', at: 0, length: 0 };
  const outages = evidence.faults.filter(({ target }) => target === 'server');
  for (const [lock, claims] of byLock) {
    let last: number | undefined;
    for (const claim of claims) {
      if (last !== undefined && last < evidence.healedAt) {
        const outage = outages.findLast(({ at, until }) => at < claim.from && until > (last ?? 0));
        const since = Math.max(last, outage?.until ?? 0);
        const length = claim.from - since;
        if (length > longest.length) longest = { lock, at: since, length };
      }
      last = Math.max(last ?? 0, claim.end === 'released' ? claim.until : claim.from);
    }
  }
  return longest;
}

function count(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function quantile(sorted: readonly number[], part: number): string {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  return value === undefined ? '-' : value.toFixed(0);
}
