import { isFree } from '../../core/election.ts';
import { milliseconds } from '../../core/duration.ts';
import { RESIGN_ANNOTATION } from '../../core/lease.ts';
import type { Lease } from '../../core/lease.ts';
import { leaseName } from '../../core/names.ts';
import { renewedAtServer } from '../../core/session-lease.ts';
import { askToResign, awaitResignation, findLeader, forceResign } from '../../repair/resign.ts';
import type { Asked, Awaited, ShownTerm } from '../../repair/resign.ts';
import { EXIT } from '../exit-codes.ts';
import type { RepairFlags } from './options.ts';
import { exitCodeOfApproval, repair } from './run.ts';
import type { RepairRun } from './run.ts';
import { seconds } from './session-text.ts';

export interface ResignFlags extends RepairFlags {
  readonly to?: string;
  readonly force?: true;
  readonly timeout?: string;
}

/** By default a leader has its Lease's duration, and never less than this. */
const SHORTEST_TIMEOUT_MS = 5_000;
/** As long as other candidates stand back for one that was named, and a little. */
const SUCCESSOR_MS = 3_000;
/** The name under which leasehold writes, in managedFields. */
const MANAGER = 'leasehold';

export function runResign(name: string, flags: ResignFlags): Promise<number> {
  const timeout =
    flags.timeout === undefined ? undefined : milliseconds(flags.timeout, '--timeout');
  return repair(flags, async (run) => {
    const found = await findLeader(run.workshop, leaseName(name).lease);
    if (found.kind === 'missing') {
      run.complain(`there is no election ${name} in namespace ${run.namespace}`);
      return EXIT.noSuchName;
    }
    if (found.kind === 'free') {
      run.complain(`nobody leads election ${name}: there is nothing to do`);
      return EXIT.unchanged;
    }
    return decide(run, name, found.term, flags, timeout);
  });
}

async function decide(
  run: RepairRun,
  name: string,
  term: ShownTerm,
  flags: ResignFlags,
  timeout: number | undefined,
): Promise<number> {
  const { spec } = term.lease;
  show(run, name, term, flags);
  const shown = {
    election: name,
    leader: spec?.holderIdentity,
    transitions: spec?.leaseTransitions ?? 0,
    forced: flags.force ?? false,
    to: flags.to ?? null,
  };
  const approval = await run.approve(flags.force ? 'Take the Lease from it?' : 'Ask it to resign?');
  if (approval !== 'approved') {
    await run.report('Resignation', { ...shown, result: approval });
    return exitCodeOfApproval(approval);
  }
  const act = flags.force ? forceResign : askToResign;
  const asked = await act(run.workshop, term, flags.to);
  if (asked.kind === 'over' && !asked.inDoubt) {
    run.complain(`nothing was changed: that term is over, and ${leaderText(asked.lease)}`);
    await run.report('Resignation', { ...shown, result: 'over', ...nextLeader(asked.lease) });
    return EXIT.unchanged;
  }
  const eventWritten = await run.note(term.lease, notice(term, flags));
  if (!flags.force) run.line('It was asked to resign; waiting until its work has ended.');
  const awaited = await wait(run, term, asked, timeout);
  await run.report('Resignation', {
    ...shown,
    result: flags.force && leadsAgain(term, awaited) ? 'taken-back' : awaited.kind,
    ...(awaited.kind === 'resigned'
      ? nextLeader(awaited.lease)
      : { renewedSince: awaited.renewed }),
    eventWritten,
  });
  return tell(run, name, term, awaited, flags);
}

function wait(
  run: RepairRun,
  term: ShownTerm,
  asked: Asked,
  timeout: number | undefined,
): Promise<Awaited> {
  const duration = (term.lease.spec?.leaseDurationSeconds ?? 0) * 1_000;
  const times = {
    timeout: timeout ?? Math.max(SHORTEST_TIMEOUT_MS, duration),
    settle: SUCCESSOR_MS,
  };
  return awaitResignation(run.workshop, term, asked.lease ?? term.lease, times);
}

function show(run: RepairRun, name: string, term: ShownTerm, flags: ResignFlags): void {
  const { lease, serverTime } = term;
  const { spec } = lease;
  const renewedAt = renewedAtServer(lease);
  const renewed =
    renewedAt === undefined || serverTime === undefined
      ? 'unknown'
      : `${seconds(Math.max(0, serverTime - renewedAt))} ago`;
  const writer = writerOf(lease);
  run.line(`Election ${name} in namespace ${run.namespace}`);
  const rows: [string, string][] = [
    ['leader', spec?.holderIdentity ?? ''],
    ['since', spec?.acquireTime ?? 'unknown'],
    ['renewed', `${renewed} (lasts ${String(spec?.leaseDurationSeconds ?? 0)}s)`],
    ['renewed by', writer ?? 'unknown'],
    ['in favour of', flags.to ?? 'anybody'],
  ];
  run.facts(rows);
  run.paragraph(warning(writer, flags));
}

function warning(writer: string | undefined, flags: ResignFlags): string {
  if (flags.force) {
    return 'WARNING: the Lease is taken from a leader that does not know it. It may take it right back. If another candidate takes it, two may believe to lead until the old leader notices: with leasehold at its next renewal (2s by default), with client-go at its renew deadline (10s by default).';
  }
  const orderly =
    'The leader sees the request at its next renewal, tells its work to stop, and resigns when that has ended.';
  if (writer === undefined || writer === MANAGER) return orderly;
  return `${orderly} NOTE: this Lease is renewed by ${writer}. Unless that uses leasehold it does not know such a request: restart it, or see --force.`;
}

/** What the API server calls the program that wrote the last renewal. */
function writerOf(lease: Lease): string | undefined {
  const owner = lease.metadata.managedFields?.find((fields) => {
    const spec = fields.fieldsV1?.['f:spec'];
    return typeof spec === 'object' && spec !== null && 'f:renewTime' in spec;
  });
  return owner?.manager;
}

function notice({ lease }: ShownTerm, flags: ResignFlags) {
  const leader = lease.spec?.holderIdentity ?? '';
  const to = flags.to === undefined ? '' : ` in favour of ${flags.to}`;
  return flags.force
    ? ({
        type: 'Warning',
        reason: 'ResignedByForce',
        message: `the Lease was taken from ${leader}${to} by leasehold resign --force`,
      } as const)
    : ({
        type: 'Normal',
        reason: 'AskedToResign',
        message: `${leader} was asked to resign${to} by leasehold resign`,
      } as const);
}

function tell(
  run: RepairRun,
  name: string,
  term: ShownTerm,
  awaited: Awaited,
  flags: ResignFlags,
): number {
  const election = name;
  const old = term.lease.spec?.holderIdentity ?? '';
  if (awaited.kind === 'resigned') {
    if (leadsAgain(term, awaited)) {
      if (flags.force) {
        run.complain(`${old} took election ${election} right back`);
        return EXIT.timeout;
      }
      run.line(`${old} resigned, and leads again: no other candidate was there in time.`);
      return 0;
    }
    run.line(`${old} does not lead any more; ${leaderText(awaited.lease)}.`);
    return 0;
  }
  const why = awaited.renewed
    ? 'it has renewed since, so its work is still ending, or its library does not know the request'
    : 'it has not renewed since, so it is paused or cut off, or dead and soon succeeded';
  run.complain(
    `${old} still leads election ${election}: ${why}. The request stands; kubectl annotate lease ${term.lease.metadata.name} -n ${run.namespace} ${RESIGN_ANNOTATION}- takes it back`,
  );
  return EXIT.timeout;
}

function leadsAgain({ lease }: ShownTerm, awaited: Awaited): boolean {
  if (awaited.kind !== 'resigned' || !awaited.lease) return false;
  return awaited.lease.spec?.holderIdentity === lease.spec?.holderIdentity;
}

function leaderText(lease: Lease | undefined): string {
  if (!lease || isFree(lease)) return 'nobody leads now';
  return `${lease.spec?.holderIdentity ?? ''} leads now`;
}

function nextLeader(lease: Lease | undefined): { leaderNow: string | null } {
  const leader = lease && !isFree(lease) ? lease.spec?.holderIdentity : undefined;
  return { leaderNow: leader ?? null };
}
