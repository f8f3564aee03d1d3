import { LEASE_API_VERSION } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import type { Lane } from './connection.ts';
import type { LeaseOutcome, Outcome } from './outcome.ts';
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
  const send = (
    request: Omit<KubeRequest, keyof RequestLimits>,
    { fieldManager, ...limits }: RequestLimits = {},
  ): Promise<LeaseOutcome> =>
    requests.request<Lease>({
      deadline,
      ...request,
      ...limits,
      ...(fieldManager === undefined ? {} : { query: { fieldManager } }),
    });

  return {
    namespace,
    get: (name, limits) => send({ method: 'GET', path: `${collection}/${name}` }, limits),
    getCached: (name, limits) =>
      send(
        { method: 'GET', path: `${collection}/${name}`, query: { resourceVersion: '0' } },
        limits,
      ),
    create: (lease, limits) =>
      send({ method: 'POST', path: collection, body: complete(lease) }, limits),
    replace: (lease, limits) => {
      assertConditions(lease);
      const path = `${collection}/${lease.metadata.name}`;
      return send({ method: 'PUT', path, body: complete(lease) }, limits);
    },
    patch: (name, patch, limits) =>
      send(
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
      const path = `${collection}/${lease.metadata.name}`;
      return send(
        { method: 'DELETE', path, body: { preconditions: { uid, resourceVersion } } },
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
