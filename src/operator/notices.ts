import { LEASE_API_VERSION } from '../core/lease.ts';
import type { EventSubject, Notice } from '../kube/events.ts';
import { REVOKER } from '../kube/lease-api.ts';
import type { ContainerEnd } from './death.ts';
import type { PodRef, Report, StuckBehind } from './report.ts';

/** Something to tell about one object. */
export interface Told {
  readonly subject: EventSubject;
  readonly notice: Notice;
}

type Of<Type extends Report['type']> = Extract<Report, { type: Type }>;

/** The Events that a report is worth; each reason is explained in `docs/operations.md`. */
export function noticesOf(report: Report): Told[] {
  switch (report.type) {
    case 'revoked':
      return revoked(report);
    case 'settled':
      return settled(report);
    case 'acquired':
      return acquired(report);
    case 'lost':
      return lost(report);
    case 'stuck':
      return stuck(report);
    case 'released':
      return released(report);
    default:
      return [];
  }
}

function revoked({ session, proof }: Of<'revoked'>): Told[] {
  const why = proof ? causeOf(proof) : 'its process has not renewed it for its ttl';
  const message = `session ${session.name} was revoked: ${why}`;
  const notice: Notice = { type: 'Warning', reason: 'SessionRevoked', message };
  const pod = proof && { name: proof.pod, uid: proof.podUid };
  const subject = { apiVersion: LEASE_API_VERSION, kind: 'Lease', ...session };
  return [{ subject, notice }, ...aboutPod(session.namespace, pod, notice)];
}

function settled({ held, holders, session, proof, ...report }: Of<'settled'>): Told[] {
  // A lock that nobody waited for is gone, and nothing is to be told of it.
  if (!held || holders.length === 0) return [];
  const from = session ? ` from session ${session.name}` : ' from a session that is missing';
  const why = proof ? `, as ${causeOf(proof)}` : '';
  const message = `reclaimed${from}${why}; ${next(holders)}`;
  return [aboutLock(report, { type: 'Normal', reason: 'Reclaimed', message })];
}

function acquired({ session, pod, waitedMs, ...report }: Of<'acquired'>): Told[] {
  const wait = `a wait of ${seconds(waitedMs)}`;
  const message = `granted to session ${session} after ${wait}`;
  const onPod: Notice = {
    type: 'Normal',
    reason: 'LockAcquired',
    message: `acquired lock ${report.lock} after ${wait}`,
  };
  return [
    aboutLock(report, { type: 'Normal', reason: 'Acquired', message }),
    ...aboutPod(report.namespace, pod, onPod),
  ];
}

function lost({ how, by, session, pod, holders, ...report }: Of<'lost'>): Told[] {
  const names: Readonly<Record<string, string>> = {
    '': 'somebody who edited or deleted its Lease',
    [REVOKER.repair]: 'leasehold release --force',
  };
  const whom = names[by] ?? by;
  const { type, reason, text, why } = {
    expired: {
      type: 'Warning',
      reason: 'Expired',
      text: `session ${session.name} of its holder was not renewed for its ttl`,
      why: `its session ${session.name} was not renewed for its ttl`,
    },
    ended: {
      type: 'Normal',
      reason: 'Reclaimed',
      text: `reclaimed from session ${session.name}, as its process has ended by its supervisor`,
      why: 'its process has ended',
    },
    stolen: {
      type: 'Warning',
      reason: 'Stolen',
      text: `taken from session ${session.name} by ${whom}`,
      why: `it was taken away by ${whom}`,
    },
  }[how] as Pick<Notice, 'type' | 'reason'> & { text: string; why: string };
  const onPod: Notice = {
    type: 'Warning',
    reason: 'LockLost',
    message: `lost lock ${report.lock}: ${why}`,
  };
  const onLock = aboutLock(report, { type, reason, message: `${text}; ${next(holders)}` });
  // That command writes an Event about the lock itself.
  const isTold = by === REVOKER.repair;
  return [...(isTold ? [] : [onLock]), ...aboutPod(report.namespace, pod, onPod)];
}

const BEHIND: Readonly<Record<StuckBehind, string>> = {
  alive: 'which renews, so its process lives: it works for long, or hangs',
  silent: 'which does not renew, and which nobody has revoked',
  blank: 'which was revoked, and whose lock nobody has settled',
  missing: 'which is missing',
  nobody: 'nobody holds it, and nobody takes it',
  unreadable: 'its holder cannot be read: see leasehold doctor',
};

function stuck({ session, pod, waiting, behind, holder, ...report }: Of<'stuck'>): Told[] {
  const others = waiting > 1 ? ` (${String(waiting)} wait)` : '';
  const what =
    holder === undefined ? BEHIND[behind] : `behind session ${holder}, ${BEHIND[behind]}`;
  const message = `the queue does not move: session ${session} is next${others}, ${what}`;
  const notice: Notice = { type: 'Warning', reason: 'WaiterStuck', message };
  const onPod: Notice = {
    type: 'Warning',
    reason: 'WaiterStuck',
    message: `next for lock ${report.lock}, and it does not move: ${what}`,
  };
  return [aboutLock(report, notice), ...aboutPod(report.namespace, pod, onPod)];
}

function released({ namespace, lease: name, leaseUid: uid, proof }: Of<'released'>): Told[] {
  const message = `released for its leader ${proof.holder}: ${causeOf(proof)}`;
  const notice: Notice = { type: 'Warning', reason: 'LeaderReleased', message };
  const onPod: Notice = { ...notice, message: `Lease ${name} was ${message}` };
  const pod = { name: proof.pod, uid: proof.podUid };
  return [
    aboutLock({ namespace, lock: name, lockUid: uid }, notice),
    ...aboutPod(namespace, pod, onPod),
  ];
}

function aboutLock(
  { namespace, lock: name, lockUid: uid }: { namespace: string; lock: string; lockUid: string },
  notice: Notice,
): Told {
  const subject = { apiVersion: LEASE_API_VERSION, kind: 'Lease', namespace, name, uid };
  return { subject, notice };
}

function aboutPod(namespace: string, pod: PodRef | undefined, notice: Notice): Told[] {
  return pod ? [{ subject: { apiVersion: 'v1', kind: 'Pod', namespace, ...pod }, notice }] : [];
}

function next(holders: readonly { session: string }[]): string {
  if (holders.length === 0) return 'nobody holds it now';
  return `held by ${holders.map(({ session }) => session).join(', ')} now`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(milliseconds < 10_000 ? 1 : 0)} s`;
}

function causeOf({ pod, container, reason, exitCode, finishedAt }: ContainerEnd): string {
  const how = [reason, exitCode === undefined ? '' : `exit code ${String(exitCode)}`];
  const detail = how.filter((part) => part !== '').join(', ');
  const when = new Date(finishedAt).toISOString();
  return `container ${container} of Pod ${pod} ended at ${when}${detail === '' ? '' : ` (${detail})`}`;
}
