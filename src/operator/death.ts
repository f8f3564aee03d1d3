import { CONTAINER_ANNOTATION } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import { isSession } from '../core/session-lease.ts';
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

/**
 * The proof that the session's process has ended, if there is one: the session says that it belongs to
 * this Pod and to which container, and began while that container ran which has ended since. Whatever
 * is equal or unclear is no proof: then the ttl decides.
 *
 * Both times are of the node's clock. The kubelet's are cut to the second, so that the end that it
 * reports is never later than the real one, and a session that began afterwards never before it.
 */
export function proofOfDeath(pod: ObservedPod, session: Lease): Proof | undefined {
  if (!isSession(session) || session.metadata.namespace !== pod.namespace) return undefined;
  const owners = session.metadata.ownerReferences ?? [];
  if (owners.length !== 1 || owners[0]?.kind !== 'Pod' || owners[0].uid !== pod.uid) {
    return undefined;
  }
  const sessionStart = Date.parse(session.spec?.acquireTime ?? '');
  if (Number.isNaN(sessionStart)) return undefined;
  const ended = endSince(pod, session.metadata.annotations?.[CONTAINER_ANNOTATION], sessionStart);
  return ended && { ...ended, sessionStart };
}

/**
 * The end of what ran in the Pod at that moment, of the node's clock.
 *
 * @param container - where it ran; if that is not known, all containers must have ended since
 */
export function endSince(
  pod: ObservedPod,
  container: string | undefined,
  start: number,
): ContainerEnd | undefined {
  const ended =
    container === undefined ? anyWhereAllEnded(pod, start) : ofContainer(pod, container, start);
  if (!ended) return undefined;
  const { containerID, reason, exitCode, finishedAt } = ended.termination;
  return {
    pod: pod.name,
    podUid: pod.uid,
    container: ended.container.name,
    containerID,
    reason,
    exitCode,
    finishedAt,
  };
}

interface Ended {
  readonly container: ObservedContainer;
  readonly termination: Termination;
}

function ofContainer(pod: ObservedPod, name: string, start: number): Ended | undefined {
  const [container, another] = pod.containers.filter((one) => one.name === name);
  if (!container || another) return undefined;
  const termination = container.terminations.find((one) => isDuring(start, one));
  return termination && { container, termination };
}

/** A session that does not say where it is may be in any container: all must have ended since. */
function anyWhereAllEnded(pod: ObservedPod, start: number): Ended | undefined {
  // What runs once was over before the others began, so if those have ended since it is over too.
  const lasting = pod.containers.filter(({ isInit }) => !isInit);
  const haveEnded = lasting.every(({ terminations: [latest] }) => {
    return latest !== undefined && start < latest.finishedAt;
  });
  if (!haveEnded) return undefined;
  for (const container of lasting) {
    const termination = container.terminations.find((one) => isDuring(start, one));
    if (termination) return { container, termination };
  }
  return undefined;
}

/** The session began in that run of the container, and not in one after it. */
function isDuring(start: number, { startedAt, finishedAt }: Termination): boolean {
  return startedAt <= start && start < finishedAt;
}
