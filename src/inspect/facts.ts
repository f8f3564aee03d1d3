import { isFree, publishedIn, resignRequest, transferTarget } from '../core/election.ts';
import type { Entry } from '../core/entry.ts';
import { CHALLENGE_ANNOTATION, NAME_ANNOTATION, ROLE_LABEL } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import type { Resizing } from '../core/permits.ts';
import { HOLDER_PREFIX, QUEUE_PREFIX, parseRecord } from '../core/record.ts';
import { isSchedule, parseSchedule } from '../core/schedule.ts';
import type { LastRun, Plan, RunEntry } from '../core/schedule.ts';
import { describeState, isState, parseState } from '../core/state.ts';
import { isBlank, isSession, renewedAtServer, voidAttempts } from '../core/session-lease.ts';
import { waitsOf } from '../core/waits.ts';
import type { Wait } from '../core/waits.ts';

/**
 * What one Lease says, and no more of it than is shown: of ten thousand Leases this is kept.
 * Moments are milliseconds since the epoch.
 */
export type Facts =
  LockFacts | ElectionFacts | SessionFacts | ScheduleFacts | StateFacts | OtherFacts;

interface Identified {
  readonly namespace: string;
  /** The Lease's name. */
  readonly lease: string;
  /** What its users call it. */
  readonly name: string;
  readonly uid: string;
}

export interface LockFacts extends Identified {
  readonly kind: 'lock';
  readonly holders: readonly Entry[];
  readonly queue: readonly Entry[];
  readonly unreadableHolders: readonly string[];
  readonly unreadableQueue: readonly string[];
  /** The number of permits, where it was changed. */
  readonly resized: Resizing | undefined;
  /** The last grant, by the clock of who wrote it. */
  readonly grantedAt: number | undefined;
}

export interface ElectionFacts extends Identified {
  readonly kind: 'election';
  /** Undefined when nobody leads. */
  readonly leader: string | undefined;
  /** By the leader's clock. */
  readonly since: number | undefined;
  /** By the server's clock where it tells, else by the leader's. */
  readonly renewedAt: number | undefined;
  readonly durationSeconds: number;
  readonly transitions: number;
  /** Whom the last leader asked to lead next. */
  readonly transferTo: string | undefined;
  /** Whether somebody asked the leader to resign, and for whom. */
  readonly resignRequest: { readonly transferTo: string | undefined } | undefined;
  /** The API server itself picks the leader. */
  readonly strategy: string | undefined;
  readonly preferredHolder: string | undefined;
  /** What the leader tells of itself in this term. */
  readonly value: string | undefined;
  readonly priority: number | undefined;
}

export interface SessionFacts extends Identified {
  readonly kind: 'session';
  /** The process's name: its Pod or host. Undefined when the session was revoked: blank. */
  readonly process: string | undefined;
  /** The Pod that owns it. */
  readonly pod: string | undefined;
  readonly startedAt: number | undefined;
  /** By the server's clock where it tells, else by the owner's. */
  readonly renewedAt: number | undefined;
  readonly ttlSeconds: number;
  /** Attempt ids that its owner disowns. */
  readonly voided: ReadonlySet<string>;
  /** The attempt id that its owner is asked about. */
  readonly challenge: string | undefined;
  /** Of those who hold something meanwhile. */
  readonly waits: readonly Wait[];
}

export interface ScheduleFacts extends Identified {
  readonly kind: 'schedule';
  readonly plan: Plan | undefined;
  readonly run: RunEntry | undefined;
  readonly last: LastRun | undefined;
  /** Why it cannot be read. */
  readonly unreadable: string | undefined;
}

/** A counter, a latch or a barrier. */
export interface StateFacts extends Identified {
  readonly kind: 'state';
  /** Undefined when it cannot be read. */
  readonly what: string | undefined;
  readonly says: string;
  readonly writes: number;
  /** By the clock of who wrote it last. */
  readonly changedAt: number | undefined;
}

export interface OtherFacts extends Identified {
  readonly kind: 'other';
  /** What it is, as far as its shape tells. */
  readonly description: string;
  readonly holder: string | undefined;
  readonly renewedAt: number | undefined;
}

const NODE_NAMESPACE = 'kube-node-lease';
const API_SERVER_LABEL = 'apiserver.kubernetes.io/identity';

/** Reads a Lease of anybody; never throws. */
export function factsOf(lease: Lease): Facts {
  const { namespace = '', name, uid = '', annotations } = lease.metadata;
  const identified = { namespace, lease: name, name: annotations?.[NAME_ANNOTATION] || name, uid };
  if (isSession(lease)) return sessionFacts(lease, identified);
  if (isLock(lease)) return lockFacts(lease, identified);
  if (isSchedule(lease)) return scheduleFacts(lease, identified);
  if (isState(lease)) return stateFacts(lease, identified);
  const role = lease.metadata.labels?.[ROLE_LABEL];
  const description = role === undefined ? strangerOf(lease) : `of leasehold, with role ${role}`;
  if (description === undefined) return electionFacts(lease, identified);
  return {
    kind: 'other',
    ...identified,
    description,
    holder: lease.spec?.holderIdentity || undefined,
    renewedAt: renewedAt(lease),
  };
}

function isLock(lease: Lease): boolean {
  const { labels, annotations = {} } = lease.metadata;
  if (lease.spec?.strategy) return false;
  const role = labels?.[ROLE_LABEL];
  if (role !== undefined) return role === 'lock';
  // Somebody has removed the label: the entries still count.
  return Object.keys(annotations).some(
    (key) => key.startsWith(HOLDER_PREFIX) || key.startsWith(QUEUE_PREFIX),
  );
}

/**
 * What a Lease without a role is, unless it is an election. Every implementation of leader election
 * counts the changes of leader, and no heartbeat does.
 */
function strangerOf({ metadata, spec }: Lease): string | undefined {
  if (metadata.namespace === NODE_NAMESPACE) return 'heartbeat of a node';
  if (metadata.labels?.[API_SERVER_LABEL] !== undefined) return 'identity of an API server';
  if (spec?.strategy) return undefined;
  if (typeof spec?.leaseTransitions === 'number') return undefined;
  return spec?.holderIdentity ? 'heartbeat' : 'empty';
}

function lockFacts(lease: Lease, identified: Identified): LockFacts {
  const record = parseRecord(lease);
  const { holders, queue, unreadableHolders, unreadableQueue, resized } = record;
  const grantedAt = moment(lease.spec?.acquireTime);
  return {
    kind: 'lock',
    ...identified,
    holders,
    queue,
    unreadableHolders,
    unreadableQueue,
    resized,
    grantedAt,
  };
}

function scheduleFacts(lease: Lease, identified: Identified): ScheduleFacts {
  const nothing = { plan: undefined, run: undefined, last: undefined };
  try {
    const { plan, run, last, isNewer } = parseSchedule(lease);
    const unreadable = isNewer ? 'a newer version of leasehold has written it' : undefined;
    return { kind: 'schedule', ...identified, plan, run, last, unreadable };
  } catch (error) {
    const unreadable = error instanceof Error ? error.message : String(error);
    return { kind: 'schedule', ...identified, ...nothing, unreadable };
  }
}

function stateFacts(lease: Lease, identified: Identified): StateFacts {
  const changedAt = moment(lease.spec?.renewTime);
  try {
    const record = parseState(lease);
    const { kind: what, writes } = record;
    return { kind: 'state', ...identified, what, says: describeState(record), writes, changedAt };
  } catch {
    return {
      kind: 'state',
      ...identified,
      what: undefined,
      says: 'unreadable',
      writes: 0,
      changedAt,
    };
  }
}

function electionFacts(lease: Lease, identified: Identified): ElectionFacts {
  const { spec } = lease;
  const free = isFree(lease);
  return {
    kind: 'election',
    ...identified,
    leader: free ? undefined : (spec?.holderIdentity ?? undefined),
    since: free ? undefined : moment(spec?.acquireTime),
    renewedAt: free ? undefined : renewedAt(lease),
    durationSeconds: spec?.leaseDurationSeconds ?? 0,
    transitions: spec?.leaseTransitions ?? 0,
    transferTo: transferTarget(lease),
    resignRequest: resignRequest(lease),
    strategy: spec?.strategy || undefined,
    preferredHolder: spec?.preferredHolder || undefined,
    value: undefined,
    priority: undefined,
    ...publishedIn(lease),
  };
}

function sessionFacts(lease: Lease, identified: Identified): SessionFacts {
  const { metadata, spec } = lease;
  return {
    kind: 'session',
    ...identified,
    process: isBlank(lease) ? undefined : (spec?.holderIdentity ?? undefined),
    pod: metadata.ownerReferences?.find((owner) => owner.kind === 'Pod')?.name,
    startedAt: moment(metadata.creationTimestamp),
    renewedAt: renewedAt(lease),
    ttlSeconds: spec?.leaseDurationSeconds ?? 0,
    voided: voidAttempts(lease),
    challenge: metadata.annotations?.[CHALLENGE_ANNOTATION],
    waits: waitsOf(lease),
  };
}

function renewedAt(lease: Lease): number | undefined {
  return renewedAtServer(lease) ?? moment(lease.spec?.renewTime);
}

function moment(text: string | null | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}
