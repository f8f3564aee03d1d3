import type { Clock } from '../core/clock.ts';
import { LEASE_API_VERSION } from '../core/lease.ts';
import { writeEventAbout } from '../kube/events.ts';
import type { EventSubject, Notice } from '../kube/events.ts';
import type { Requests } from '../kube/transport.ts';
import type { ContainerEnd } from './death.ts';
import type { Report } from './report.ts';

/** The same about the same object is told no more often. */
const QUIET_MS = 300_000;
const MOST_REMEMBERED = 2_000;
/** So many wait to be written, one after the other; more are dropped: Events are a courtesy. */
const MOST_WAITING = 1_000;

/** Writes Events about what the operator does, for `kubectl describe` of the Lease and the Pod. */
export class EventWriter {
  readonly #requests: Requests;
  readonly #clock: Clock;
  readonly #told = new Map<string, number>();
  readonly #waiting: { subject: EventSubject; notice: Notice }[] = [];
  #writing = false;

  constructor(requests: Requests, clock: Clock) {
    this.#requests = requests;
    this.#clock = clock;
  }

  report(report: Report): void {
    if (report.type === 'revoked') {
      const { session, proof } = report;
      const why = proof ? causeOf(proof) : 'its process has not renewed it for its ttl';
      const message = `session ${session.name} was revoked: ${why}`;
      const notice: Notice = { type: 'Warning', reason: 'SessionRevoked', message };
      this.#write({ apiVersion: LEASE_API_VERSION, kind: 'Lease', ...session }, notice);
      if (!proof) return;
      const { pod: name, podUid: uid } = proof;
      const { namespace } = session;
      this.#write({ apiVersion: 'v1', kind: 'Pod', namespace, name, uid }, notice);
    } else if (report.type === 'settled' && report.held && report.holders.length > 0) {
      // A lock that nobody waited for is gone, and nothing is to be told of it.
      const { namespace, lock: name, lockUid: uid, holders, session, proof } = report;
      const to = holders.map((holder) => holder.session).join(', ');
      const from = session ? ` from session ${session.name}` : ' from a session that is missing';
      const message = `reclaimed${from}${proof ? `, as ${causeOf(proof)}` : ''}; held by ${to} now`;
      const subject = { apiVersion: LEASE_API_VERSION, kind: 'Lease', namespace, name, uid };
      this.#write(subject, { type: 'Normal', reason: 'Reclaimed', message });
    } else if (report.type === 'released') {
      const { namespace, lease: name, leaseUid, proof } = report;
      const message = `released for its leader ${proof.holder}: ${causeOf(proof)}`;
      const notice: Notice = { type: 'Warning', reason: 'LeaderReleased', message };
      const lease = { apiVersion: LEASE_API_VERSION, kind: 'Lease', namespace, name };
      this.#write({ ...lease, uid: leaseUid }, notice);
      const pod = { apiVersion: 'v1', kind: 'Pod', namespace, name: proof.pod, uid: proof.podUid };
      this.#write(pod, { ...notice, message: `Lease ${name} was ${message}` });
    }
  }

  #write(subject: EventSubject, notice: Notice): void {
    const key = `${subject.kind} ${subject.uid ?? ''} ${notice.message}`;
    const now = this.#clock.now();
    const before = this.#told.get(key);
    if (before !== undefined && now - before < QUIET_MS) return;
    if (this.#waiting.length >= MOST_WAITING) return;
    this.#told.delete(key);
    this.#told.set(key, now);
    if (this.#told.size > MOST_REMEMBERED) {
      const [oldest = ''] = this.#told.keys();
      this.#told.delete(oldest);
    }
    this.#waiting.push({ subject, notice });
    if (!this.#writing) void this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      await writeEventAbout(this.#requests, next.subject, next.notice, this.#clock.wall());
    }
    this.#writing = false;
  }
}

function causeOf({ pod, container, reason, exitCode, finishedAt }: ContainerEnd): string {
  const how = [reason, exitCode === undefined ? '' : `exit code ${String(exitCode)}`];
  const detail = how.filter((part) => part !== '').join(', ');
  const when = new Date(finishedAt).toISOString();
  return `container ${container} of Pod ${pod} ended at ${when}${detail === '' ? '' : ` (${detail})`}`;
}
