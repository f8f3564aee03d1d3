import type { Entry } from './entry.ts';
import { LeaseholdError } from './errors.ts';
import { microTime, NAME_ANNOTATION, ROLE_LABEL, versionOf } from './lease.ts';
import type { Lease } from './lease.ts';
import type { LeaseName } from './names.ts';
import { NEVER_LAPSES } from './record.ts';
import { objectOf, moment, optional, text, whole } from './schedule-fields.ts';
import type { Timing } from './ticks.ts';

/** The annotations of a Lease of role `state` that is a schedule: each an object of JSON. */
const PLAN_ANNOTATION = 'schedule.leasehold.dev/plan';
const RUN_ANNOTATION = 'schedule.leasehold.dev/run';
const LAST_ANNOTATION = 'schedule.leasehold.dev/last';

const FORMAT = 1;

/** What becomes of a tick at which nobody could run: nothing, or the last of them is run late. */
export type CatchUp = 'skip' | 'last';

/** What is to be done when, as the program states it. Milliseconds. */
export interface Plan extends Timing {
  /** A run may last this long. */
  readonly atMost: number;
  /** For so long after a run began, no other does. */
  readonly atLeast: number;
  readonly catchUp: CatchUp;
}

/** A run that has begun, and of whose end nothing is known. Moments are milliseconds since the epoch. */
export interface RunEntry {
  /** The attempt id: of the session that stands for the run. */
  readonly id: string;
  readonly session: string;
  readonly sessionUid: string;
  /** Seconds. */
  readonly ttl: number;
  /** Who runs it, for people. */
  readonly process: string;
  readonly tick: number;
  readonly began: number;
  /** Milliseconds. */
  readonly atMost: number;
  /** As the work has it. */
  readonly fence: bigint;
}

/**
 * `done`: the work returned. `failed`: it threw. `timed-out`: it took longer than `atMost`. `stopped`: its
 * program wanted it to stop. `lost`: its process died, or lost its session, before it could say how it ended.
 */
const RUN_OUTCOMES = ['done', 'failed', 'timed-out', 'stopped', 'lost'] as const;
export type RunOutcome = (typeof RUN_OUTCOMES)[number];

/** A run that is over. */
export interface LastRun {
  readonly tick: number;
  readonly began: number;
  /** Undefined when its process did not say so. */
  readonly ended: number | undefined;
  readonly process: string;
  readonly session: string;
  readonly outcome: RunOutcome;
  /** What the work threw. */
  readonly message: string | undefined;
}

/** A schedule's Lease, read. */
export interface ScheduleRecord {
  readonly lease: Lease;
  readonly version: bigint;
  /** Written by a newer version of leasehold: left alone. */
  readonly isNewer: boolean;
  readonly plan: Plan | undefined;
  readonly run: RunEntry | undefined;
  readonly last: LastRun | undefined;
}

/** Whether the Lease is one of a schedule, be it one that cannot be read. */
export function isSchedule({ metadata }: Lease): boolean {
  if (metadata.labels?.[ROLE_LABEL] !== 'state') return false;
  return PLAN_ANNOTATION in (metadata.annotations ?? {});
}

/**
 * Reads a schedule.
 *
 * @throws LeaseholdError `FOREIGN_LEASE` when the Lease is something else, `UNREADABLE_RECORD` when
 * somebody has edited it so that it cannot be read
 */
export function parseSchedule(lease: Lease): ScheduleRecord {
  const { name, annotations } = lease.metadata;
  if (!isSchedule(lease)) {
    throw new LeaseholdError(
      'FOREIGN_LEASE',
      `Lease ${name} exists and is no schedule of leasehold: use another name for the job, or delete that Lease if nobody needs it`,
    );
  }
  const parsed = { isNewer: false };
  const read = <T>(key: string, as: (fields: Fields) => T): T | undefined => {
    const value = annotations?.[key];
    if (value === undefined) return undefined;
    try {
      const fields = objectOf(JSON.parse(value));
      if (whole(fields.v) > FORMAT) parsed.isNewer = true;
      return parsed.isNewer ? undefined : as(fields);
    } catch (cause) {
      throw new LeaseholdError(
        'UNREADABLE_RECORD',
        `annotation ${key} of Lease ${name} cannot be read, and nothing runs by this schedule: find out who wrote it, and remove that annotation, or the Lease`,
        { cause },
      );
    }
  };
  const plan = read(PLAN_ANNOTATION, planOf);
  const run = read(RUN_ANNOTATION, runOf);
  const last = read(LAST_ANNOTATION, lastOf);
  return { lease, version: versionOf(lease), isNewer: parsed.isNewer, plan, run, last };
}

type Fields = Readonly<Record<string, unknown>>;

function planOf(fields: Fields): Plan {
  return {
    every: optional(fields.everyMs, whole),
    cron: optional(fields.cron, text),
    timeZone: optional(fields.timeZone, text),
    atMost: whole(fields.atMostMs),
    atLeast: whole(fields.atLeastMs),
    catchUp: fields.catchUp === 'last' ? 'last' : 'skip',
  };
}

function runOf(fields: Fields): RunEntry {
  return {
    id: text(fields.attempt),
    session: text(fields.session),
    sessionUid: text(fields.uid),
    ttl: whole(fields.ttl),
    process: text(fields.process),
    tick: moment(fields.tick),
    began: moment(fields.began),
    atMost: whole(fields.atMostMs),
    fence: BigInt(text(fields.fence)),
  };
}

function lastOf(fields: Fields): LastRun {
  const outcome = RUN_OUTCOMES.find((known) => known === fields.outcome);
  if (!outcome) throw new TypeError('its outcome is none');
  return {
    tick: moment(fields.tick),
    began: moment(fields.began),
    ended: optional(fields.ended, moment),
    process: text(fields.process),
    session: text(fields.session),
    outcome,
    message: optional(fields.message, text),
  };
}

/** The last tick that was begun, whatever became of it; undefined when none was. */
export function lastTick({ run, last }: ScheduleRecord): number | undefined {
  if (!run || !last) return run?.tick ?? last?.tick;
  return Math.max(run.tick, last.tick);
}

/** When the last run began. */
export function lastBegan({ run, last }: ScheduleRecord): number | undefined {
  if (!run || !last) return run?.began ?? last?.began;
  return Math.max(run.began, last.began);
}

/** The run as an entry of its session, by which others tell whether it is dead. */
export function entryOf(run: RunEntry): Entry {
  const { id, session, sessionUid, ttl, fence, began } = run;
  return {
    ...{ id, session, sessionUid, ttl, fence, since: began },
    ...{ version: FORMAT, mode: 'exclusive', weight: 1, of: undefined, seen: undefined, text: '' },
  };
}

/** Nobody has run it. Names nobody, so that it does no harm if it is created late. */
export function newSchedule(
  { lease: name, original }: LeaseName,
  namespace: string,
  plan: Plan,
  wall: number,
): Lease {
  const annotations = {
    [PLAN_ANNOTATION]: planText(plan),
    ...(name === original ? {} : { [NAME_ANNOTATION]: original }),
  };
  return {
    metadata: { name, namespace, labels: { [ROLE_LABEL]: 'state' }, annotations },
    spec: { leaseDurationSeconds: NEVER_LAPSES, renewTime: microTime(wall) },
  };
}

/** The next state, in which this run has begun. One that was there before it is lost. */
export function withRun(record: ScheduleRecord, plan: Plan, run: RunEntry, wall: number): Lease {
  const { run: before } = record;
  const { tick, began, process, session } = before ?? run;
  const lost = { tick, began, ended: undefined, process, session, message: undefined };
  const last = before ? { ...lost, outcome: 'lost' as const } : record.last;
  const now = microTime(wall);
  return changed(
    record,
    {
      [PLAN_ANNOTATION]: planText(plan),
      [RUN_ANNOTATION]: runText(run),
      [LAST_ANNOTATION]: last && lastText(last),
    },
    { holderIdentity: run.session, acquireTime: now, renewTime: now },
  );
}

/** The next state, in which its run is over. */
export function withEnd(record: ScheduleRecord, last: LastRun, wall: number): Lease {
  return changed(
    record,
    { [RUN_ANNOTATION]: undefined, [LAST_ANNOTATION]: lastText(last) },
    { holderIdentity: '', renewTime: microTime(wall) },
  );
}

function changed(
  { lease }: ScheduleRecord,
  notes: Readonly<Record<string, string | undefined>>,
  spec: Readonly<Record<string, string>>,
): Lease {
  const all = Object.entries({ ...lease.metadata.annotations, ...notes });
  const annotations = Object.fromEntries(
    all.filter((note): note is [string, string] => note[1] !== undefined),
  );
  return {
    ...lease,
    metadata: { ...lease.metadata, annotations },
    spec: { ...lease.spec, leaseDurationSeconds: NEVER_LAPSES, ...spec },
  };
}

function planText(plan: Plan): string {
  const { every, cron, timeZone, atMost, atLeast, catchUp } = plan;
  return json({ everyMs: every, cron, timeZone, atMostMs: atMost, atLeastMs: atLeast, catchUp });
}

function runText(run: RunEntry): string {
  const { id, session, sessionUid, ttl, process, tick, began, atMost, fence } = run;
  return json({
    ...{ attempt: id, session, uid: sessionUid, ttl, process },
    ...{ tick: rfc3339(tick), began: rfc3339(began), atMostMs: atMost, fence: String(fence) },
  });
}

function lastText(last: LastRun): string {
  const { tick, began, ended, process, session, outcome, message } = last;
  const times = { tick: rfc3339(tick), began: rfc3339(began), ended: ended && rfc3339(ended) };
  return json({ ...times, process, session, outcome, message });
}

function json(fields: Fields): string {
  return JSON.stringify({ v: FORMAT, ...fields });
}

function rfc3339(at: number): string {
  return new Date(at).toISOString();
}
