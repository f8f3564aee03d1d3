import { LEASE_API_VERSION } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import type { Lane } from './connection.ts';
import { asLease } from './lease-shape.ts';
import type { Done, LeaseOutcome, Outcome } from './outcome.ts';
import type { KubeRequest, Requests } from './transport.ts';
import type { WatchStream } from './watch-stream.ts';

/** A merge patch of a Lease: null removes a key. */
export interface LeasePatch {
  metadata: {
    uid: string;
    /** Makes the patch a compare-and-swap. */
    resourceVersion?: string;
    annotations?: Record<string, string | null>;
  };
  spec?: Record<string, string | number | null>;
}

export interface RequestLimits {
  /** Milliseconds. */
  readonly deadline?: number;
  readonly signal?: AbortSignal | undefined;
  readonly lane?: Lane;
  /**
   * Under whose name the server notes the fields that the write changes: apart from the holder's, so
   * that a question to a holder does not date its last renewal.
   */
  readonly fieldManager?: string;
}

/** The field manager of whoever leaves a question on the Lease of another. */
export const ASKER = 'leasehold-ask';

/**
 * The field managers of those who revoke the session of another or take its lock: the server then
 * notes who it was and when, and beside that when the session was last renewed.
 */
export const REVOKER = {
  /** A waiter, after a ttl without a renewal. */
  waiter: 'leasehold-waiter',
  /** The parent of the process, which has ended. */
  supervisor: 'leasehold-supervisor',
  /** The operator, by proof; or people. */
  repair: 'leasehold-repair',
} as const;

/** The requests on the Leases of one namespace: everything the protocol may do, and no more. */
export interface LeaseApi {
  readonly namespace: string;
  get(name: string, limits?: RequestLimits): Promise<LeaseOutcome>;
  /**
   * What the API server has in its cache, without asking etcd: faster, and perhaps from a moment
   * before. For whoever then writes by compare-and-swap, and looks again for what was not there.
   */
  getCached(name: string, limits?: RequestLimits): Promise<LeaseOutcome>;
  create(lease: Lease, limits?: RequestLimits): Promise<LeaseOutcome>;
  /** Replaces exactly the object of the Lease's uid and resourceVersion. */
  replace(lease: Lease, limits?: RequestLimits): Promise<LeaseOutcome>;
  patch(name: string, patch: LeasePatch, limits?: RequestLimits): Promise<LeaseOutcome>;
  /** Deletes exactly the object of this uid and resourceVersion. */
  remove(lease: Lease, limits?: RequestLimits): Promise<Outcome<unknown>>;
  openWatch(
    name: string,
    query: Readonly<Record<string, string>>,
    deadline: number,
    signal: AbortSignal,
  ): Promise<Outcome<WatchStream>>;
}

/** @param deadline - of requests that name none: milliseconds */
export function leaseApi(requests: Requests, namespace: string, deadline: number): LeaseApi {
  const collection = `/apis/${LEASE_API_VERSION}/namespaces/${namespace}/leases`;
  const send = async <T>(
    read: (body: unknown) => T,
    request: Omit<KubeRequest, keyof RequestLimits>,
    { fieldManager, ...limits }: RequestLimits = {},
  ): Promise<Outcome<T>> => {
    const outcome = await requests.request<unknown>({
      deadline,
      ...request,
      ...limits,
      ...(fieldManager === undefined ? {} : { query: { fieldManager } }),
    });
    return outcome.kind === 'done' ? readBy(outcome, read) : outcome;
  };
  const sendFor = (
    name: string,
    request: Omit<KubeRequest, keyof RequestLimits>,
    limits: RequestLimits | undefined,
  ): Promise<LeaseOutcome> => send((body) => asLease(body, name), request, limits);

  return {
    namespace,
    get: (name, limits) => sendFor(name, { method: 'GET', path: `${collection}/${name}` }, limits),
    getCached: (name, limits) =>
      sendFor(
        name,
        { method: 'GET', path: `${collection}/${name}`, query: { resourceVersion: '0' } },
        limits,
      ),
    create: (lease, limits) => {
      const { name } = lease.metadata;
      return sendFor(name, { method: 'POST', path: collection, body: complete(lease) }, limits);
    },
    replace: (lease, limits) => {
      assertConditions(lease);
      const { name } = lease.metadata;
      const path = `${collection}/${name}`;
      return sendFor(name, { method: 'PUT', path, body: complete(lease) }, limits);
    },
    patch: (name, patch, limits) =>
      sendFor(
        name,
        {
          method: 'PATCH',
          path: `${collection}/${name}`,
          body: patch,
          contentType: 'application/merge-patch+json',
        },
        limits,
      ),
    remove: (lease, limits) => {
      const { uid, resourceVersion } = assertConditions(lease);
      const { name } = lease.metadata;
      return send(
        (body) => asDeleted(body, name),
        {
          method: 'DELETE',
          path: `${collection}/${name}`,
          body: { preconditions: { uid, resourceVersion } },
        },
        limits,
      );
    },
    openWatch: (name, query, deadline, signal) =>
      requests.openWatch(
        collection,
        { ...query, watch: 'true', fieldSelector: `metadata.name=${name}` },
        deadline,
        signal,
      ),
  };
}

/** A write may have been done although its answer cannot be read. */
function readBy<T>(outcome: Done<unknown>, read: (body: unknown) => T): Outcome<T> {
  try {
    return { ...outcome, body: read(outcome.body) };
  } catch (error) {
    return { kind: 'unknown', sent: true, error, retryAfter: undefined };
  }
}

/** A deletion is answered with a Status, or with the object that is gone or about to go. */
function asDeleted(body: unknown, name: string): unknown {
  return (body as { kind?: unknown }).kind === 'Status' ? body : asLease(body, name);
}

/** A PUT without a resourceVersion is unconditional, and one without a uid may create. */
function assertConditions(lease: Lease): { uid: string; resourceVersion: string } {
  const { uid, resourceVersion } = lease.metadata;
  if (!uid || !resourceVersion) {
    throw new TypeError(`a write of Lease ${lease.metadata.name} lacks uid or resourceVersion`);
  }
  return { uid, resourceVersion };
}

/** managedFields are the server's: left out of a write, they are kept. */
function complete(lease: Lease): Lease {
  const { managedFields: _, ...metadata } = lease.metadata;
  return { ...lease, apiVersion: LEASE_API_VERSION, kind: 'Lease', metadata };
}
