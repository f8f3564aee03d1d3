import { pause } from '../core/clock.ts';
import { guardRefuses } from '../core/principal.ts';
import { parseRecord } from '../core/record.ts';
import type { LockRecord } from '../core/record.ts';
import { settle } from '../core/settle.ts';
import { isConflict, isMissing } from '../kube/outcome.ts';
import type { Outcome } from '../kube/outcome.ts';
import type { Attempt, LockTarget } from './context.ts';
import { patchOut, writeSettlement } from './writes.ts';

/**
 * After so many conflicts in a row somebody edits in a loop: stop competing for the version. What a guard
 * refuses counts as well: that the entry alone goes, it refuses to nobody.
 */
const MOST_CONFLICTS = 5;
const FIRST_RETRY_MS = 20;
const MOST_RETRY_MS = 1_000;

/**
 * Gives up an attempt that holds, or may hold, and grants to the next waiters in the same write.
 * The attempt is spent from the moment of the call. Resolves with true when its entry is known to
 * be gone, and with false when the session ended first; whoever waits then counts the session's ttl.
 */
export async function release(target: LockTarget, attempt: Attempt): Promise<boolean> {
  const { session, id } = attempt;
  session.spend(id);
  const left = session.leaving(id);
  try {
    return await untilGone(target, attempt);
  } finally {
    left();
  }
}

async function untilGone(target: LockTarget, attempt: Attempt): Promise<boolean> {
  const { session, id } = attempt;
  const { clock } = target.context.parts;
  let conflicts = 0;
  let retry = FIRST_RETRY_MS;
  while (session.valid) {
    const record = currentRecord(target);
    if (record === 'gone' || (record && !mentions(record, id))) {
      finish(attempt);
      return true;
    }
    const outcome = record
      ? await giveUp(target, attempt, record, conflicts)
      : await target.view.read();
    if (record && outcome.kind === 'done') {
      finish(attempt);
      return true;
    }
    if (outcome.kind === 'done') continue;
    if (isConflict(outcome) || isMissing(outcome)) {
      conflicts += 1;
      // Mostly somebody has joined, and the watch has told so already.
      if (record && target.view.version > record.version) continue;
      const read = await target.view.read();
      // A conflict that cannot be looked into would be met again and again.
      if (read.kind === 'done' || isMissing(read)) continue;
    }
    // It may not see yet that others are dead who would be taken out, too.
    if (outcome.kind === 'refused' && guardRefuses(outcome.message)) conflicts += 1;
    await pause(clock, Math.max(retry, outcome.retryAfter ?? 0), session.signal);
    retry = Math.min(MOST_RETRY_MS, retry * 2);
    await target.view.read();
  }
  return false;
}

/** Nobody may act on the attempt again; one in doubt is disowned in public. */
function finish(attempt: Attempt): void {
  if (attempt.doubtful) {
    attempt.session.voidAttempt(attempt.id, 'a request of unknown outcome may still take effect');
  }
  attempt.session.confirmSettled(attempt.id);
}

async function giveUp(
  target: LockTarget,
  attempt: Attempt,
  record: LockRecord,
  conflicts: number,
): Promise<Outcome<unknown>> {
  const { deaths, parts } = target.context;
  const lock = target.name.original;
  const holds = record.holders.some((entry) => entry.id === attempt.id);
  // One member of several leaves nothing to anybody, and may go with others at the same moment.
  const isOneOfMany = target.ask.more !== undefined && record.holders.length > 1;
  if (conflicts < MOST_CONFLICTS && holds && !isOneOfMany) {
    const settlement = settle(record, deaths.isDead, attempt.id);
    // A holder that leaves always changes the record.
    if (settlement.action === 'none') throw new Error('a release that changes nothing');
    const outcome = await writeSettlement(target, record, settlement);
    if (outcome.kind === 'done' && settlement.action === 'write') {
      for (const { id } of settlement.granted) {
        parts.observe({ type: 'granted', lock, to: id });
      }
    }
    return outcome;
  }
  const outcome = await patchOut(target, attempt, record.uid);
  if (outcome.kind !== 'done') return outcome;
  target.view.wrote(outcome.body);
  await settleEmpty(target);
  return outcome;
}

/** Whoever finds a record with neither holder nor waiter removes it; once, for tidiness. */
async function settleEmpty(target: LockTarget): Promise<void> {
  const record = currentRecord(target);
  if (!record || record === 'gone') return;
  const settlement = settle(record, target.context.deaths.isDead);
  if (settlement.action === 'delete') await writeSettlement(target, record, settlement);
}

function mentions(record: LockRecord, id: string): boolean {
  const isIt = (entry: { id: string }): boolean => entry.id === id;
  return record.holders.some(isIt) || record.queue.some(isIt);
}

/** The record as last known; `gone` when there is none any more; undefined when it must be read. */
function currentRecord(target: LockTarget): LockRecord | 'gone' | undefined {
  const lease = target.view.lease;
  if (!target.view.known) return undefined;
  if (!lease) return 'gone';
  try {
    return parseRecord(lease);
  } catch {
    // Somebody made another thing of the Lease: our entry went with it.
    return 'gone';
  }
}
