import { CONTAINER_ANNOTATION } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { isBlank, isSession, renewedAtServer } from '../core/session-lease.ts';
import { agree, judge } from './agreement.ts';
import type { Judgement } from './agreement.ts';
import type { ObservedContainer, ObservedPod, Termination } from './observed-pod.ts';

/** The end of a container, as the kubelet reports it. */
export interface ContainerEnd {
  readonly pod: string;
  readonly podUid: string;
  readonly container: string;
  readonly containerID: string;
  readonly reason: string;
  readonly exitCode: number | undefined;
  /** On the node's clock: milliseconds since the epoch. */
  readonly finishedAt: number;
}

/** Why a session's process is known to have ended; it is logged with each revocation. */
export interface Proof extends ContainerEnd {
  /** On the node's clock, too. */
  readonly sessionStart: number;
}

/** What the end of a container says of a session, with the evidence. */
export type Verdict = Judgement & { readonly proof: Proof };

/** When a session was read, and what is known of it beside. */
export interface Look {
  /** By the server, of the answer; undefined for one whose time is not known. */
  readonly serverTime: number | undefined;
  /** The longest ttl that is known of the session: milliseconds. */
  readonly ttl: number;
}

/** How long the request that began or renewed a session may have taken. */
const LATENCY_MS = 10_000;

/**
 * Whether the session's process has ended, where its Pod tells of an end: the session says that it belongs
 * to this Pod and to which container, and began while that container ran which has ended since. Undefined
 * for whatever is equal or unclear: then the ttl decides.
 *
 * Both times are of the node's clock. The kubelet's are cut to the second, so that the end that it
 * reports is never later than the real one, and a session that began afterwards never before it, unless
 * the clock was set back in between. What the server has noted tells that: see {@link judge}.
 */
export function verdictOn(
  pod: ObservedPod,
  session: Lease,
  { serverTime, ttl }: Look,
): Verdict | undefined {
  const since = endOfSession(pod, session);
  if (!since) return undefined;
  const { proof, ends } = since;
  // Dead for everybody, whoever has revoked it.
  if (isBlank(session)) return { kind: 'dead', isHeard: true, proof };
  const { metadata, spec } = session;
  const created = Date.parse(metadata.creationTimestamp ?? '');
  const renewTime = Date.parse(spec?.renewTime ?? '');
  const renewedAt = renewedAtServer(session);
  if (Number.isNaN(created) || Number.isNaN(renewTime) || renewedAt === undefined) return undefined;
  if (!agree(proof.sessionStart, created, LATENCY_MS)) {
    return { kind: 'doubtful', why: 'beginning', proof };
  }
  const judgement = judge({
    ends,
    seen: created,
    mayBeSameSecond: false,
    renewTime,
    renewedAt,
    latency: LATENCY_MS,
    serverTime,
    silence: timeToRenew(ttl),
  });
  return judgement && { ...judgement, proof };
}

/**
 * Whether something runs in the Pod that may be the session's process, as far as the Pod tells: in doubt
 * yes, but of an end that is told it is not asked when it was. No proof of a death.
 */
export function mayRunIn(pod: ObservedPod, session: Lease): boolean {
  const name = session.metadata.annotations?.[CONTAINER_ANNOTATION];
  const [named, another] = pod.containers.filter((one) => one.name === name);
  if (named && !another) return named.mayRun;
  return pod.containers.some(({ isInit, mayRun }) => !isInit && mayRun);
}

/** In so many milliseconds a living process has renewed, of a session or a Lease of this duration. */
export function timeToRenew(ttl: number): number {
  return ttl / 3 + ttl / 10;
}

/** The end of the container in which the session began, by the node's clock alone: no proof yet. */
export function endOfSession(
  pod: ObservedPod,
  session: Lease,
): { readonly proof: Proof; readonly ends: readonly Termination[] } | undefined {
  if (!isSession(session) || session.metadata.namespace !== pod.namespace) return undefined;
  const owners = session.metadata.ownerReferences ?? [];
  if (owners.length !== 1 || owners[0]?.kind !== 'Pod' || owners[0].uid !== pod.uid) {
    return undefined;
  }
  const sessionStart = Date.parse(session.spec?.acquireTime ?? '');
  if (Number.isNaN(sessionStart)) return undefined;
  const since = endSince(pod, session.metadata.annotations?.[CONTAINER_ANNOTATION], sessionStart);
  return since && { proof: { ...since.end, sessionStart }, ends: since.ends };
}

/**
 * The end of what ran in the Pod at that moment, of the node's clock; and of all runs of containers in one
 * of which that may have been.
 *
 * @param container - where it ran; if that is not known, all containers must have ended since
 */
export function endSince(
  pod: ObservedPod,
  container: string | undefined,
  start: number,
): { readonly end: ContainerEnd; readonly ends: readonly Termination[] } | undefined {
  const ended =
    container === undefined ? anyWhereAllEnded(pod, start) : ofContainer(pod, container, start);
  if (!ended) return undefined;
  const { containerID, reason, exitCode, finishedAt } = ended.termination;
  const end = {
    pod: pod.name,
    podUid: pod.uid,
    container: ended.container.name,
    containerID,
    reason,
    exitCode,
    finishedAt,
  };
  return { end, ends: ended.all };
}

interface Ended {
  readonly container: ObservedContainer;
  readonly termination: Termination;
  readonly all: readonly Termination[];
}

function ofContainer(pod: ObservedPod, name: string, start: number): Ended | undefined {
  const [container, another] = pod.containers.filter((one) => one.name === name);
  if (!container || another) return undefined;
  const termination = container.terminations.find((one) => isDuring(start, one));
  return termination && { container, termination, all: [termination] };
}

/** A session that does not say where it is may be in any container: all must have ended since. */
function anyWhereAllEnded(pod: ObservedPod, start: number): Ended | undefined {
  // What runs once was over before the others began, so if those have ended since it is over too.
  const lasting = pod.containers.filter(({ isInit }) => !isInit);
  const all: Termination[] = [];
  for (const { terminations } of lasting) {
    const [latest] = terminations;
    if (latest === undefined || start >= latest.finishedAt) return undefined;
    all.push(latest);
  }
  const during = lasting.flatMap((container) => {
    const termination = container.terminations.find((one) => isDuring(start, one));
    return termination ? [{ container, termination, all }] : [];
  });
  // Whose end is the last to come.
  return during.toSorted((a, b) => b.termination.finishedAt - a.termination.finishedAt)[0];
}

/** The session began in that run of the container, and not in one after it. */
function isDuring(start: number, { startedAt, finishedAt }: Termination): boolean {
  return startedAt <= start && start < finishedAt;
}
