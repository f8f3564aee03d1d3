import { NAME_ANNOTATION, ROLE_LABEL } from '../../core/lease.ts';
import type { Lease } from '../../core/lease.ts';
import { isSilent } from '../../repair/release.ts';
import { bury, locksOf, revoke, settleLocks } from '../../repair/revoke.ts';
import type { Involvement, SettledLock } from '../../repair/revoke.ts';
import { observationTime, observeSession, readSession } from '../../repair/session-state.ts';
import type { PresentSession } from '../../repair/session-state.ts';
import { EXIT } from '../exit-codes.ts';
import type { RepairFlags } from './options.ts';
import { exitCodeOfApproval, repair } from './run.ts';
import type { RepairRun } from './run.ts';
import { mayHoldFor, seconds, sessionResult, sessionText } from './session-text.ts';

export interface RevokeFlags extends RepairFlags {
  readonly now?: true;
}

/** What was found, and shown to whoever decides. */
interface Shown {
  readonly session: PresentSession;
  /** Whether it was looked at for as long as a renewal takes. */
  readonly observed: boolean;
  /** Whether it was seen renewing. */
  readonly renewed: boolean;
  readonly involved: readonly Involvement[];
}

/** So many names fit into a line of people. */
const MOST_NAMES = 20;

export function runRevoke(name: string, flags: RevokeFlags): Promise<number> {
  return repair(flags, async (run) => {
    const first = await readSession(run.workshop, name);
    if (first.state === 'missing') {
      run.complain(`there is no session ${name} in namespace ${run.namespace}`);
      return EXIT.noSuchName;
    }
    if (first.state === 'foreign') return foreign(run, name);
    const found = await look(run, first, flags.now ?? false);
    if (!found) {
      run.complain(`session ${name} ended while it was looked at; nothing was changed`);
      return EXIT.unchanged;
    }
    return decide(run, found);
  });
}

/** The session after it had the time to renew, and the locks that name it. */
async function look(
  run: RepairRun,
  first: PresentSession,
  now: boolean,
): Promise<Shown | undefined> {
  let session = first;
  let renewed = false;
  const observe = first.state === 'present' && !now;
  if (observe) {
    run.complain(`looking for ${seconds(observationTime(first))} at most whether it renews`);
    const observed = await observeSession(run.workshop, first);
    if (!('lease' in observed.session)) return undefined;
    ({ session } = observed as { session: PresentSession });
    ({ renewed } = observed);
  }
  const { name, uid = '' } = session.lease.metadata;
  return { session, observed: observe, renewed, involved: await locksOf(run.list, { name, uid }) };
}

async function decide(run: RepairRun, shown: Shown): Promise<number> {
  const { session, involved } = shown;
  const { name, uid = '' } = session.lease.metadata;
  const alive =
    session.state === 'present' && (shown.observed ? shown.renewed : !isSilent(session));
  show(run, shown, alive);
  const result = {
    session: sessionResult(session),
    seenRenewing: shown.renewed,
    holds: involved.filter(({ holds }) => holds.length > 0).map(lockName),
    waitsFor: involved.filter(({ waits }) => waits.length > 0).map(lockName),
  };
  const approval = await run.approve(
    session.state === 'blank' ? 'Settle what is left of it?' : 'Revoke it?',
  );
  if (approval !== 'approved') {
    await run.report('Revocation', { ...result, result: approval });
    return exitCodeOfApproval(approval);
  }
  const revoked = await revoke(run.workshop, session, alive);
  if (revoked.kind === 'gone' || revoked.kind === 'revived') {
    run.complain(
      revoked.kind === 'gone'
        ? `nothing was changed: session ${name} ended by itself meanwhile`
        : `nothing was changed: session ${name} was silent and renews again, so its process lives; run this anew to revoke it nevertheless`,
    );
    await run.report('Revocation', { ...result, result: revoked.kind });
    return EXIT.unchanged;
  }
  if (revoked.kind === 'revoked') run.line(`Session ${name} was revoked.`);
  const settled = await settleLocks(run.workshop, run.list, { name, uid });
  for (const lock of settled) tell(run, name, lock);
  tellOfFaster(run, involved, settled);
  const failed = settled.filter(({ error }) => error !== undefined);
  const deleted = failed.length === 0 && (await buryIfOld(run, session, revoked.lease));
  const didSomething = revoked.kind === 'revoked' || settled.length > 0 || deleted;
  const eventWritten = didSomething && (await note(run, session, settled));
  await run.report('Revocation', {
    ...result,
    result: revoked.kind,
    settled: settled.map((lock) => ({
      lock: nameOf(lock.lease),
      held: lock.held,
      holders: lock.holders.map(({ id, session: holder }) => ({ attempt: id, session: holder })),
      deleted: lock.deleted,
      ...(lock.error === undefined ? {} : { error: messageOf(lock.error) }),
    })),
    deleted,
    eventWritten,
  });
  return failed.length === 0 ? 0 : EXIT.internal;
}

async function foreign(run: RepairRun, name: string): Promise<number> {
  const read = await run.workshop.api.get(name);
  const role = read.kind === 'done' ? read.body.metadata.labels?.[ROLE_LABEL] : undefined;
  const hint =
    role === 'lock'
      ? `it is a lock: see 'leasehold release', or name the session that holds it`
      : `it has no label ${ROLE_LABEL}=session; for an election see 'leasehold resign'`;
  run.complain(`Lease ${name} is no session, and is left alone: ${hint}`);
  return EXIT.unusable;
}

function show(run: RepairRun, { session, involved, ...seen }: Shown, alive: boolean): void {
  const { name } = session.lease.metadata;
  run.line(`Session ${name} in namespace ${run.namespace}`);
  const held = involved.filter(({ holds }) => holds.length > 0).map(lockName);
  const awaited = involved.filter(({ waits }) => waits.length > 0).map(lockName);
  const began = session.lease.metadata.creationTimestamp ?? '';
  const rows: [string, string][] = [
    ['process', session.identity === '' ? '(revoked)' : session.identity],
    ['began', began],
    ['state', seen.renewed ? 'renews: seen just now' : sessionText(session, !alive)],
    ['holds', names(held)],
    ['waits for', names(awaited)],
  ];
  run.facts(rows);
  run.paragraph(warning(session, alive));
}

function warning(session: PresentSession, alive: boolean): string {
  if (session.state === 'blank') {
    return 'It was revoked before. What is left of it in locks is settled now.';
  }
  if (alive) {
    return `WARNING: its process lives. It loses all of its locks at its next renewal, within ${seconds(session.ttl / 3)}, and works on until then beside whoever gets them: only the fencing token protects what they write to. Better end the process, if you can: that gives its locks back in order.`;
  }
  const left = mayHoldFor(session);
  return left === 0
    ? 'Its process is dead, paused or cut off, and has lost its locks by its own clock. They become free at once.'
    : `It does not renew. If its process is paused or cut off and not dead, it may count on its locks for another ${seconds(left)}, and until then only the fencing token protects what they write to.`;
}

/** Waiters see at once that a session is blank: what they have settled is in no list any more. */
function tellOfFaster(
  run: RepairRun,
  involved: readonly Involvement[],
  settled: readonly SettledLock[],
): void {
  const listed = new Set(settled.map(({ lease }) => lease.metadata.name));
  for (const { record, holds } of involved) {
    if (holds.length === 0 || listed.has(record.lease.metadata.name)) continue;
    run.line(`  ${nameOf(record.lease)}: passed on by a waiter`);
  }
}

function tell(run: RepairRun, name: string, lock: SettledLock): void {
  const { lease, held, holders, deleted, error } = lock;
  let what: string;
  if (error !== undefined) what = `not settled (${messageOf(error)}); whoever waits does that`;
  else if (!held) what = 'does not wait any more';
  else if (deleted) what = 'free, as nobody waits';
  else if (holders.some(({ session }) => session === name)) {
    what = 'left as it is: a newer version of leasehold wrote the entry';
  } else what = `now held by ${holders.map(({ session }) => session).join(', ')}`;
  run.line(`  ${nameOf(lease)}: ${what}`);
}

/** A blank session is of no use to anybody one ttl later. */
async function buryIfOld(run: RepairRun, shown: PresentSession, lease: Lease): Promise<boolean> {
  const isOld = shown.state === 'blank' && (shown.renewedAgo ?? 0) > shown.ttl;
  const deleted = isOld && (await bury(run.workshop, lease));
  if (deleted) run.line(`  The Lease of session ${lease.metadata.name} was deleted.`);
  return deleted;
}

async function note(
  run: RepairRun,
  session: PresentSession,
  settled: readonly SettledLock[],
): Promise<boolean> {
  const { name } = session.lease.metadata;
  const locks = settled.filter(({ held, error }) => held && error === undefined);
  const freed = names(locks.map(({ lease }) => nameOf(lease)));
  const written = [
    await run.note(session.lease, {
      type: 'Warning',
      reason: 'SessionRevoked',
      message: `session of ${session.identity || 'a revoked process'} was revoked by leasehold revoke; freed: ${freed}`,
    }),
  ];
  for (const { lease, holders } of written[0] ? locks.slice(0, MOST_NAMES) : []) {
    const to = holders.map((entry) => entry.session).join(', ');
    const message = `its holder's session ${name} was revoked by leasehold revoke; ${to === '' ? 'nobody waited' : `now held by ${to}`}`;
    written.push(await run.note(lease, { type: 'Warning', reason: 'HolderRevoked', message }));
  }
  return written.every(Boolean);
}

function lockName({ record }: Involvement): string {
  return nameOf(record.lease);
}

function nameOf(lease: Lease): string {
  return lease.metadata.annotations?.[NAME_ANNOTATION] ?? lease.metadata.name;
}

function names(all: readonly string[]): string {
  if (all.length === 0) return 'nothing';
  const more = all.length - MOST_NAMES;
  return `${all.slice(0, MOST_NAMES).join(', ')}${more > 0 ? ` and ${String(more)} more` : ''}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
