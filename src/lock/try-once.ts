import { unlessAborted } from '../core/abort.ts';
import { FORMAT_VERSION } from '../core/entry.ts';
import type { Entry } from '../core/entry.ts';
import { LeaseholdError } from '../core/errors.ts';
import { parseRecord } from '../core/record.ts';
import { settle } from '../core/settle.ts';
import { isConflict } from '../kube/outcome.ts';
import { errorOf } from '../kube/status-error.ts';
import { checkUndisputed, isDisputed } from './agreement.ts';
import type { Attempt, Grant, LockTarget } from './context.ts';
import { checkReadable, place } from './place.ts';
import { release } from './release.ts';
import { createHeld, entering, writeSettlement } from './writes.ts';

/** Each round removed what is proven dead; more would mean a race with many others. */
const MOST_ROUNDS = 4;

/**
 * Takes the lock if it is free, without joining the queue. A lock whose holder is dead counts as
 * free: a client that only ever tries once recovers it too, see {@link provenDeadNow} for what that
 * may take.
 *
 * @throws LeaseholdError `API_UNREACHABLE` when the outcome cannot be found out, or of a refusal
 */
export async function tryOnce(
  target: LockTarget,
  signal: AbortSignal | undefined,
): Promise<Grant | undefined> {
  const session = await unlessAborted(target.context.sessions.current(), signal);
  if (!session) throw aborted();
  const attempt: Attempt = { session, id: session.allocate(target.name.lease), doubtful: false };
  try {
    for (let round = 0; round < MOST_ROUNDS && !signal?.aborted; round += 1) {
      const grant = (await create(target, attempt)) ?? (await enter(target, attempt));
      if (grant && session.valid) return grant;
      if (grant) break;
      if (!(await recover(target, attempt, signal))) break;
    }
  } catch (error) {
    await giveUp(target, attempt);
    throw error;
  }
  await giveUp(target, attempt);
  if (signal?.aborted) throw aborted();
  return undefined;
}

function aborted(): LeaseholdError {
  return new LeaseholdError('ABORTED', 'the try was given up');
}

async function create(target: LockTarget, attempt: Attempt): Promise<Grant | undefined> {
  const { changes } = target.view;
  const outcome = await createHeld(target, attempt);
  if (outcome.kind === 'done') {
    target.view.wrote(outcome.body, changes);
    const version = BigInt(outcome.body.metadata.resourceVersion ?? '0');
    return { attempt, version, how: 'created' };
  }
  if (outcome.kind === 'unknown' && outcome.sent) attempt.doubtful = true;
  if (!isConflict(outcome) && !attempt.doubtful) {
    throw errorOf(outcome, `create lock ${target.name.lease}`);
  }
  const read = await target.view.read();
  if (read.kind === 'unknown') throw errorOf(read, `read lock ${target.name.lease}`);
  if (read.kind === 'refused' && read.status !== 404) {
    throw errorOf(read, `read lock ${target.name.lease}`);
  }
  const found = place(target.view, attempt);
  if (found.kind !== 'holding') return undefined;
  return { attempt, version: found.version, how: 'created' };
}

/** Beside those who hold already, if they let it. */
async function enter(target: LockTarget, attempt: Attempt): Promise<Grant | undefined> {
  const lease = target.view.lease;
  const record = lease && parseRecord(lease);
  const settlement = record && entering(target, attempt, record);
  if (!settlement) return undefined;
  const outcome = await writeSettlement(target, record, settlement);
  if (outcome.kind === 'unknown' && outcome.sent) attempt.doubtful = true;
  if (outcome.kind !== 'done') {
    const read = await target.view.read();
    if (read.kind === 'unknown') throw errorOf(read, `read lock ${target.name.lease}`);
  }
  const found = place(target.view, attempt);
  return found.kind === 'holding' ? { attempt, version: found.version, how: 'granted' } : undefined;
}

/** Whether the lock may be free now: it was released meanwhile, or its holders were dead. */
async function recover(
  target: LockTarget,
  attempt: Attempt,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { deaths, sessions } = target.context;
  const lease = target.view.lease;
  if (!lease) return true;
  const record = parseRecord(lease);
  checkReadable(record);
  if (isDisputed(target, record)) await checkUndisputed(target, record, signal);
  const lock = target.name.original;
  const isDead = async (entry: Entry): Promise<boolean> => {
    const own = sessions.ownerOf(entry);
    if (entry.version > FORMAT_VERSION || (own?.valid && own.isCurrent(entry.id))) return false;
    if (own?.isStray(entry.id)) own.voidAttempt(entry.id, 'found in the record after its end');
    return deaths.provenDeadNow(entry, lock, signal);
  };
  const dead = await Promise.all(record.holders.map(isDead));
  if (dead.length > 0 && !dead.includes(true)) return false;
  await Promise.all(record.queue.map(isDead));
  const settlement = settle(record, deaths.isDead, attempt.id);
  if (settlement.action === 'none') return false;
  const outcome = await writeSettlement(target, record, settlement);
  if (outcome.kind !== 'done') await target.view.read();
  // A live waiter comes first: it has just been granted what nobody held.
  const isAlone = target.ask.mode === 'exclusive';
  return settlement.action === 'delete' || outcome.kind !== 'done' || !isAlone;
}

async function giveUp(target: LockTarget, attempt: Attempt): Promise<void> {
  if (attempt.doubtful) await release(target, attempt);
  else attempt.session.confirmSettled(attempt.id);
}
