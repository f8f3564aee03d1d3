import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { LEASE_API_VERSION } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import type { Outcome } from './outcome.ts';
import type { Requests } from './transport.ts';

/** What is told about a Lease, for `kubectl describe lease` and `kubectl get events`. */
export interface Notice {
  readonly type: 'Normal' | 'Warning';
  /** In CamelCase, for machines. */
  readonly reason: string;
  /** For people. */
  readonly message: string;
}

const MOST_MESSAGE_CHARACTERS = 1_024;
/** What a name of 253 characters leaves beside the suffix. */
const MOST_NAME_CHARACTERS = 230;
const DEADLINE_MS = 3_000;
const COMPONENT = 'leasehold';

/** The object that an Event is about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

/** Writes one Kubernetes Event about the Lease. Sends one POST; needs `create` on `events`. */
export function writeEvent(
  requests: Requests,
  lease: Lease,
  namespace: string,
  notice: Notice,
  wall: number,
): Promise<Outcome<unknown>> {
  const { name, uid, resourceVersion } = lease.metadata;
  const subject = { apiVersion: LEASE_API_VERSION, kind: 'Lease', namespace, name, uid };
  return writeEventAbout(requests, { ...subject, resourceVersion }, notice, wall);
}

/** An Event that was written, and what it tells by now. */
export interface WrittenEvent {
  readonly namespace: string;
  readonly name: string;
  /** When it was told first: milliseconds since the epoch. */
  readonly firstAt: number;
  /** How often it was told. */
  readonly count: number;
}

/** A name for an Event about this object: unique, as the same is told of it more than once. */
export function newEventName(subject: string): string {
  const prefix = subject.slice(0, MOST_NAME_CHARACTERS).replace(/[.-]+$/, '');
  return `${prefix}.${randomBytes(8).toString('hex')}`;
}

/**
 * The same about any object.
 *
 * @param event - under which name, and what came before; a new one that is told for the first time if
 * undefined
 */
export function writeEventAbout(
  requests: Requests,
  subject: EventSubject,
  notice: Notice,
  wall: number,
  event?: WrittenEvent,
): Promise<Outcome<unknown>> {
  const { namespace } = subject;
  const { name = newEventName(subject.name), firstAt = wall, count = 1 } = event ?? {};
  return requests.request({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/events`,
    deadline: DEADLINE_MS,
    body: {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: subject,
      type: notice.type,
      reason: notice.reason,
      message: notice.message.slice(0, MOST_MESSAGE_CHARACTERS),
      source: { component: COMPONENT, host: hostname() },
      reportingComponent: COMPONENT,
      reportingInstance: hostname().slice(0, 128),
      firstTimestamp: toTheSecond(firstAt),
      lastTimestamp: toTheSecond(wall),
      count,
    },
  });
}

/** Counts an Event once more, in place of another of the same. Sends one PATCH; needs `patch`. */
export function repeatEvent(
  requests: Requests,
  { namespace, name, count }: WrittenEvent,
  notice: Notice,
  wall: number,
): Promise<Outcome<unknown>> {
  const message = notice.message.slice(0, MOST_MESSAGE_CHARACTERS);
  return requests.request({
    method: 'PATCH',
    path: `/api/v1/namespaces/${namespace}/events/${name}`,
    contentType: 'application/merge-patch+json',
    deadline: DEADLINE_MS,
    body: { count, lastTimestamp: toTheSecond(wall), message },
  });
}

function toTheSecond(wall: number): string {
  return new Date(wall).toISOString().replace(/\.\d+Z$/, 'Z');
}
