import type { Conversation } from './conversation.ts';

/** Any object, list or Status, as JSON. The transcript is what is checked, so nothing more is typed. */
export interface ApiObject {
  readonly [key: string]: unknown;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly finalizers?: readonly string[];
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** A moment of a past year: the transcript keeps it as it is. */
export const RENEWED = '2024-05-06T07:08:09.123456Z';
export const RENEWED_LATER = '2024-05-06T07:08:10.000001Z';

export function lease(name: string, spec?: Fields, metadata: Fields = {}): Fields {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, ...metadata },
    ...(spec && { spec }),
  };
}

/** What client-go writes when it takes an election. */
export const HELD = {
  holderIdentity: 'me',
  leaseDurationSeconds: 15,
  acquireTime: RENEWED,
  renewTime: RENEWED,
  leaseTransitions: 0,
} as const;

export function configMap(name: string, data: Fields = {}, metadata: Fields = {}): Fields {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}

export function namespaceObject(name: string): Fields {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

/**
 * A read of any version is answered from a cache that lags behind by a moment: it may not even have
 * what its client has just written. A consistent list makes the cache catch up.
 */
export async function seenByCache(api: Conversation): Promise<void> {
  await api.get('leases', { unrecorded: true });
}

/** Creates the Lease `a`, as a lock with one waiter, and gives it as it was answered. */
export async function createLock(api: Conversation): Promise<ApiObject> {
  const metadata = { labels: { role: 'lock' }, annotations: { 'queue/1': 'one' } };
  return (await api.post('leases', lease('a', HELD, metadata))).body;
}

/** A uid that no object has. */
export const UNKNOWN_UID = '11111111-2222-4333-8444-555555555555';
