import { parseEntry } from './entry.ts';
import type { Entry } from './entry.ts';
import { LeaseholdError } from './errors.ts';
import { PERMITS_ANNOTATION, ROLE_LABEL, versionOf } from './lease.ts';
import type { Lease } from './lease.ts';
import { parseResizing } from './permits.ts';
import type { Resizing } from './permits.ts';

export const HOLDER_PREFIX = 'holder.leasehold.dev/';
export const QUEUE_PREFIX = 'queue.leasehold.dev/';

/** The longest duration that a Lease can state: a lock record does not lapse, its sessions do. */
export const NEVER_LAPSES = 2_147_483_647;

/** A lock Lease, read. */
export interface LockRecord {
  readonly lease: Lease;
  readonly uid: string;
  readonly version: bigint;
  readonly holders: readonly Entry[];
  /** In the order in which they are granted. */
  readonly queue: readonly Entry[];
  /** Attempt ids of holder annotations that cannot be read: they block the lock. */
  readonly unreadableHolders: readonly string[];
  /** Attempt ids of queue annotations that cannot be read: they are ignored. */
  readonly unreadableQueue: readonly string[];
  /** The number of permits, where it was changed: then the record stays while nobody is in it. */
  readonly resized: Resizing | undefined;
}

/**
 * Reads a lock record.
 *
 * @throws LeaseholdError `FOREIGN_LEASE` when the Lease is no lock of leasehold: it has neither the
 * role label nor an entry, or it has a `strategy` (coordinated leader election)
 */
export function parseRecord(lease: Lease): LockRecord {
  const holders: Entry[] = [];
  const queue: Entry[] = [];
  const unreadableHolders: string[] = [];
  const unreadableQueue: string[] = [];
  for (const [key, text] of Object.entries(lease.metadata.annotations ?? {})) {
    if (key.startsWith(HOLDER_PREFIX)) {
      const id = key.slice(HOLDER_PREFIX.length);
      const entry = parseEntry(id, text);
      if (entry) holders.push(entry);
      else unreadableHolders.push(id);
    } else if (key.startsWith(QUEUE_PREFIX)) {
      const id = key.slice(QUEUE_PREFIX.length);
      const entry = parseEntry(id, text);
      if (entry) queue.push(entry);
      else unreadableQueue.push(id);
    }
  }
  const entries = holders.length + queue.length + unreadableHolders.length + unreadableQueue.length;
  const role = lease.metadata.labels?.[ROLE_LABEL];
  if ((role !== 'lock' && (role !== undefined || entries === 0)) || lease.spec?.strategy) {
    throw new LeaseholdError(
      'FOREIGN_LEASE',
      `Lease ${lease.metadata.name} exists and is no lock of leasehold (${lease.spec?.strategy ? `strategy ${lease.spec.strategy}` : role === undefined ? `no label ${ROLE_LABEL}=lock` : `${ROLE_LABEL}=${role}`}): use another name for the lock, or delete that Lease if nobody needs it`,
    );
  }
  holders.sort(byId);
  queue.sort(byTurn);
  return {
    lease,
    uid: lease.metadata.uid ?? '',
    version: versionOf(lease),
    holders,
    queue,
    unreadableHolders,
    unreadableQueue,
    resized: parseResizing(lease.metadata.annotations?.[PERMITS_ANNOTATION] ?? ''),
  };
}

function byId(a: Entry, b: Entry): number {
  return a.id < b.id ? -1 : 1;
}

function byTurn(a: Entry, b: Entry): number {
  const left = a.seen ?? 0n;
  const right = b.seen ?? 0n;
  return left === right ? byId(a, b) : left < right ? -1 : 1;
}
