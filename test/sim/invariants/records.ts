import type { Entry } from '../../../src/core/entry.ts';
import type { Lease } from '../../../src/core/lease.ts';
import { parseRecord } from '../../../src/core/record.ts';
import type { LockRecord } from '../../../src/core/record.ts';
import { isBlank, isSession } from '../../../src/core/session-lease.ts';
import { Violation } from './violation.ts';

/** One write of a Lease, as etcd sees it. */
export interface Write {
  readonly before: Lease | undefined;
  /** Undefined when it was deleted. */
  readonly after: Lease | undefined;
  /** The process that wrote it. */
  readonly process: string | undefined;
}

/** What is true, whatever the processes know of it. */
export interface Knowledge {
  /** Whose session it is; undefined if its creation was never confirmed to anybody. */
  ownerOf(sessionUid: string): string | undefined;
  /** Whether its process relies on the session at this moment. */
  isRelied(sessionUid: string): boolean;
  /** Whether its process waits or holds by this entry, and may rely on that. */
  isStoodFor(entry: Entry): boolean;
}

/**
 * What every write of a process must respect, whoever wins in the end; also of one with which a person
 * repairs. What people write by hand is not judged.
 *
 * @throws Violation
 */
export function judgeWrite(write: Write, knowledge: Knowledge): void {
  const { before, after } = write;
  if (before && after) judgeKept(before, after);
  if (before && isSession(before)) judgeSession(before, write, knowledge);
  const records = { before: recordOf(before), after: recordOf(after) };
  if (records.before ?? records.after) judgeRecord(records, write, knowledge);
  else if (after && !isSession(after)) judgeElection(before, after);
}

function judgeRecord(
  { before, after }: { before: LockRecord | undefined; after: LockRecord | undefined },
  { process }: Write,
  knowledge: Knowledge,
): void {
  const holders = after?.holders ?? [];
  const queue = after?.queue ?? [];
  const lock = (after ?? before)?.lease.metadata.name ?? '';
  const added = holders.filter((entry) => !before?.holders.some(({ id }) => id === entry.id));
  if (added.length > 0 && !mayHoldTogether(holders, after?.resized)) {
    throw new Violation('two-holders', `${lock}: ${holders.map(({ id }) => id).join(' and ')}`);
  }
  const left = new Set([...holders, ...queue].map(({ id }) => id));
  for (const entry of [...(before?.holders ?? []), ...(before?.queue ?? [])]) {
    if (left.has(entry.id) || knowledge.ownerOf(entry.sessionUid) === process) continue;
    if (!knowledge.isStoodFor(entry)) continue;
    throw new Violation('dropped', `${lock}: ${entry.id} by ${process ?? 'nobody'}`);
  }
  const waiting = new Set(queue.map(({ id }) => id));
  for (const entry of added) {
    const own = before?.queue.find(({ id }) => id === entry.id);
    // Whoever holds without having waited passes all who do.
    const passed = before?.queue.find(
      (other) => waiting.has(other.id) && (!own || isBefore(other, own)),
    );
    if (!passed) continue;
    throw new Violation('queue-order', `${lock}: ${entry.id} was granted before ${passed.id}`);
  }
  const known = new Set([...(before?.holders ?? []), ...(before?.queue ?? [])].map(({ id }) => id));
  for (const entry of [...holders, ...queue]) {
    if (known.has(entry.id) || knowledge.ownerOf(entry.sessionUid) !== undefined) continue;
    throw new Violation('unconfirmed', `${lock}: ${entry.id} names session ${entry.session}`);
  }
}

/** Said anew here, and not by the function that decides it. */
function mayHoldTogether(holders: readonly Entry[], resized: LockRecord['resized']): boolean {
  const [first] = holders;
  if (!first || holders.length === 1) return true;
  if (holders.some(({ mode, of }) => mode !== first.mode || of !== first.of)) return false;
  if (first.mode === 'shared') return true;
  const sum = holders.reduce((total, { weight }) => total + weight, 0);
  const limit = resized && resized.stated === first.of ? resized.limit : (first.of ?? 0);
  return first.mode === 'permit' && sum <= limit;
}

/** By what they saw first, and then by id. */
function isBefore(a: Entry, b: Entry): boolean {
  const [left, right] = [a.seen ?? 0n, b.seen ?? 0n];
  return left === right ? a.id < b.id : left < right;
}

function judgeSession(before: Lease, { after, process }: Write, knowledge: Knowledge): void {
  const { name, uid = '' } = before.metadata;
  if (isBlank(before) || (after && !isBlank(after)) || knowledge.ownerOf(uid) === process) return;
  if (!knowledge.isRelied(uid)) return;
  throw new Violation('revoked', `${name} by ${process ?? 'nobody'}`);
}

function judgeElection(before: Lease | undefined, { metadata, spec }: Lease): void {
  const last = before?.spec;
  const isCounted = typeof spec?.leaseTransitions === 'number';
  // The heartbeat of something else, which counts nothing.
  if (!isCounted && typeof last?.leaseTransitions !== 'number') return;
  const isAnother =
    spec?.holderIdentity !== last?.holderIdentity || spec?.acquireTime !== last?.acquireTime;
  const isNew = Boolean(spec?.holderIdentity) && isAnother;
  const expected = before ? (last?.leaseTransitions ?? 0) + (isNew ? 1 : 0) : 0;
  if (spec?.leaseTransitions === expected) return;
  const found = String(spec?.leaseTransitions);
  throw new Violation('transitions', `${metadata.name}: ${found} in place of ${String(expected)}`);
}

/** What a process wrote must have left alone all that is not of the protocol. */
function judgeKept(before: Lease, after: Lease): void {
  for (const group of ['labels', 'annotations'] as const) {
    for (const [key, value] of Object.entries(before.metadata[group] ?? {})) {
      if (key.includes('leasehold.dev/') || after.metadata[group]?.[key] === value) continue;
      throw new Violation('kept', `${before.metadata.name}: ${group} ${key}`);
    }
  }
}

/** Of anything else there is no record. */
function recordOf(lease: Lease | undefined): LockRecord | undefined {
  const role = lease?.metadata.labels?.['leasehold.dev/role'];
  if (!lease || role !== 'lock') return undefined;
  try {
    return parseRecord(lease);
  } catch {
    return undefined;
  }
}
