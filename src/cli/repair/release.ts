import { leaseName } from '../../core/names.ts';
import type { Entry } from '../../core/entry.ts';
import {
  findHolder,
  holderIds,
  isSilent,
  releaseHolder,
  tellHolder,
} from '../../repair/release.ts';
import type { Holder, Released } from '../../repair/release.ts';
import { EXIT } from '../exit-codes.ts';
import { counted } from '../output/mode-text.ts';
import type { RepairFlags } from './options.ts';
import { exitCodeOfApproval, repair } from './run.ts';
import type { RepairRun } from './run.ts';
import { mayHoldFor, seconds, sessionResult, sessionText } from './session-text.ts';

export interface ReleaseFlags extends RepairFlags {
  readonly force?: true;
  readonly attempt?: string;
}

export function runRelease(name: string, flags: ReleaseFlags): Promise<number> {
  return repair(flags, async (run) => {
    const { lease } = leaseName(name);
    const found = await findHolder(run.workshop, lease, flags.attempt);
    switch (found.kind) {
      case 'free':
        run.complain(
          `lock ${name} is free: there is no Lease ${lease} in namespace ${run.namespace}; check the name and -n`,
        );
        return EXIT.noSuchName;
      case 'no-holder': {
        const held = holderIds(found.record);
        run.complain(
          held.length === 0
            ? `nobody holds lock ${name}; whoever waits takes it by themselves`
            : `no attempt ${flags.attempt ?? ''} holds lock ${name}; it is held by ${held.join(', ')}`,
        );
        return EXIT.unchanged;
      }
      case 'several':
        run.complain(
          `lock ${name} has several holders: choose one by --attempt ${holderIds(found.record).join(' | ')}`,
        );
        return EXIT.usage;
      case 'found':
        return release(run, name, found.holder, flags);
    }
  });
}

async function release(
  run: RepairRun,
  name: string,
  holder: Holder,
  flags: ReleaseFlags,
): Promise<number> {
  show(run, name, holder);
  const shown = {
    lock: name,
    attempt: holder.id,
    session: sessionResult(holder.session),
  };
  if (!flags.force) {
    run.complain(
      'nothing was changed: to take a lock from its holder is a steal, which needs --force',
    );
    await run.report('Release', { ...shown, result: 'declined' });
    return EXIT.declined;
  }
  const approval = await run.approve('Take the lock from it?');
  if (approval !== 'approved') {
    await run.report('Release', { ...shown, result: approval });
    return exitCodeOfApproval(approval);
  }
  const released = await releaseHolder(run.workshop, holder);
  if (released.kind !== 'released') {
    run.complain(unchanged(name, holder, released));
    await run.report('Release', { ...shown, result: released.kind });
    return EXIT.unchanged;
  }
  const holderAsked = await tellHolder(run.workshop, holder);
  run.line(done(name, holder, released));
  const eventWritten = await run.note(holder.record.lease, {
    type: 'Warning',
    reason: 'ReleasedByForce',
    message: `${describeHolder(holder)} was taken out by leasehold release --force; ${next(released)}`,
  });
  const { granted, deleted, confirmed } = released;
  await run.report('Release', {
    ...shown,
    result: 'released',
    granted: granted.map(({ id, session }) => ({ attempt: id, session })),
    deleted,
    confirmed,
    holderAsked,
    eventWritten,
  });
  return 0;
}

function show(run: RepairRun, name: string, holder: Holder): void {
  const { record, entry, session } = holder;
  const identity = session && 'identity' in session ? session.identity : '';
  const [first] = record.queue;
  run.line(`Lock ${name} in namespace ${run.namespace}`);
  const others = othersOf(holder);
  const rows: [string, string][] = [
    ['holder', `${identity === '' ? '(unknown)' : identity}, attempt ${holder.id}`],
    ...(others > 0 ? [['beside', counted(others, 'other holder')] satisfies [string, string]] : []),
    ['session', `${entry ? `${entry.session}: ` : ''}${sessionText(session)}`],
    [
      'next',
      first
        ? `${first.session}, attempt ${first.id} (${String(record.queue.length)} waiting)`
        : 'nobody waits',
    ],
  ];
  run.facts(rows);
  run.paragraph(warning(holder));
}

/** What it means to go on, by how the holder is. */
function warning({ entry, session }: Holder): string {
  if (session?.state === 'blank') {
    return 'Its session was revoked, so it is dead for everybody: whoever waits frees the lock.';
  }
  if (!entry || session?.state !== 'present') {
    return 'Nobody can tell whether its process still runs. If it does, it works on beside the next holder, and only the fencing token protects what they write to.';
  }
  if (!isSilent(session)) {
    return `WARNING: this is a steal. The process of the holder lives, and works on until it notices: at once if it watches the lock, else at its next renewal, within ${seconds(session.ttl / 3)}; later if it is paused or cut off. Until then two are at work, and only the fencing token protects what they write to.`;
  }
  const left = mayHoldFor(session);
  const all = `To free all that it holds: leasehold revoke ${entry.session}`;
  return left === 0
    ? `Its process is dead, paused or cut off, and has lost its locks by its own clock. Whoever waits frees them without help. ${all}`
    : `Its process is dead, paused or cut off. If it is not dead, it may go on for another ${seconds(left)}, and only the fencing token protects what it and the next holder write to. ${all}`;
}

function unchanged(
  name: string,
  holder: Holder,
  released: Exclude<Released, { kind: 'released' }>,
): string {
  const lock = name;
  if (released.kind === 'revived') {
    return `nothing was changed: the holder of lock ${lock} was silent and renews again; run this anew to take the lock nevertheless`;
  }
  const others = released.holders.map(({ session, id }) => `${session} (attempt ${id})`);
  return `nothing was changed: attempt ${holder.id} does not hold lock ${lock} any more; ${others.length === 0 ? 'nobody does' : `it is held by ${others.join(', ')}`}`;
}

function done(
  name: string,
  holder: Holder,
  released: Extract<Released, { kind: 'released' }>,
): string {
  const doubt = released.confirmed ? '' : ' (the answer was lost; the record shows it)';
  if (othersOf(holder) > 0) {
    return `Attempt ${holder.id} does not hold lock ${name} any more${doubt}, others do; ${next(released)}.`;
  }
  return `Lock ${name} was released${doubt}; ${next(released)}.`;
}

function next({ granted, deleted }: Extract<Released, { kind: 'released' }>): string {
  if (granted.length > 0) return `granted to ${granted.map(entryText).join(', ')}`;
  return deleted ? 'nobody waited, so it is free' : 'nobody was granted';
}

/** Readers, or who else has permits: they go on. */
function othersOf({ record }: Holder): number {
  return holderIds(record).length - 1;
}

function entryText({ session, id }: Entry): string {
  return `${session} (attempt ${id})`;
}

function describeHolder({ entry, id, session }: Holder): string {
  const identity = session && 'identity' in session ? ` of ${session.identity}` : '';
  return entry ? `attempt ${id}${identity} (session ${entry.session})` : `attempt ${id}`;
}
