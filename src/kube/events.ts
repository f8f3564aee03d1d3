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

/** The same about any object. */
export function writeEventAbout(
  requests: Requests,
  subject: EventSubject,
  notice: Notice,
  wall: number,
): Promise<Outcome<unknown>> {
  const { namespace, name } = subject;
  const now = new Date(wall).toISOString().replace(/\.\d+Z$/, 'Z');
  const prefix = name.slice(0, MOST_NAME_CHARACTERS).replace(/[.-]+$/, '');
  return requests.request({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/events`,
    deadline: DEADLINE_MS,
    body: {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${prefix}.${randomBytes(8).toString('hex')}`, namespace },
      involvedObject: subject,
      type: notice.type,
      reason: notice.reason,
      message: notice.message.slice(0, MOST_MESSAGE_CHARACTERS),
      source: { component: COMPONENT, host: hostname() },
      reportingComponent: COMPONENT,
      reportingInstance: hostname().slice(0, 128),
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    },
  });
}
