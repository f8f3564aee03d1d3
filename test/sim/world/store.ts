import type { Lease } from '../../../src/core/lease.ts';
import type { LeasePatch } from '../../../src/kube/lease-api.ts';
import type { LeaseOutcome, Outcome } from '../../../src/kube/outcome.ts';
import { conflict, done, invalid, notFound, refused } from './answers.ts';
import { FieldOwners } from './field-owners.ts';
import { frozen, isSame, jsonOf, merged } from './objects.ts';

export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly name: string;
  readonly version: number;
  /** As it is now; for a deletion, as it was. */
  readonly lease: Lease;
  readonly before: Lease | undefined;
  readonly writer: Writer;
}

/** Who writes, as the server notes it, and which process that is. */
export interface Writer {
  readonly manager: string;
  /** Undefined for people, and for what the cluster does by itself. */
  readonly process?: string | undefined;
}

export interface Conditions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

interface Stored {
  lease: Lease;
  owners: FieldOwners;
}

export const FIRST_REVISION = 1_000;
const LEASEHOLD: Writer = { manager: 'leasehold' };
const BY_HAND: Writer = { manager: 'kubectl-edit' };

/**
 * The Leases of one namespace, as etcd and the API server before it keep them. Everything happens at
 * once. What it gives away is frozen, and shared by all who read it.
 */
export class LeaseStore {
  readonly #wall: () => number;
  readonly #leases = new Map<string, Stored>();
  readonly #listeners = new Map<string, Set<(event: StoreEvent) => void>>();
  readonly #observers: ((event: StoreEvent) => void)[] = [];
  readonly #history = new Map<string, StoreEvent[]>();
  readonly #order: StoreEvent[] = [];
  #revision = FIRST_REVISION;
  #created = 0;

  /** @param wall - the clock by which the server dates what it stores */
  constructor(wall: () => number) {
    this.#wall = wall;
  }

  get revision(): number {
    return this.#revision;
  }

  names(): string[] {
    return [...this.#leases.keys()];
  }

  /** The Lease as stored. */
  peek(name: string): Lease | undefined {
    return this.#leases.get(name)?.lease;
  }

  /** All writes of this name that are remembered. */
  eventsOf(name: string): readonly StoreEvent[] {
    return this.#history.get(name) ?? [];
  }

  /** Calls `listener` for every write of a name, in order, until the returned function is called. */
  subscribe(name: string, listener: (event: StoreEvent) => void): () => void {
    let listeners = this.#listeners.get(name);
    if (!listeners) this.#listeners.set(name, (listeners = new Set()));
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Calls `observer` for every write, before anybody else learns of it. */
  observe(observer: (event: StoreEvent) => void): void {
    this.#observers.push(observer);
  }

  get(name: string): LeaseOutcome {
    const stored = this.#leases.get(name);
    return stored ? done(stored.lease, this.#wall()) : notFound(name);
  }

  /** As it was before so many of its last changes. */
  getCached(name: string, lag: number): LeaseOutcome {
    const events = this.eventsOf(name);
    const last = events[events.length - 1 - lag];
    if (!last || last.type === 'DELETED') return notFound(name);
    return done(last.lease, this.#wall());
  }

  create(lease: Lease, writer = LEASEHOLD): LeaseOutcome {
    const { name } = lease.metadata;
    if (this.#leases.has(name)) {
      return refused(409, 'AlreadyExists', `leases.coordination.k8s.io "${name}" already exists`);
    }
    const no = invalid(lease);
    if (no) return no;
    this.#created += 1;
    const metadata = {
      ...lease.metadata,
      uid: `uid-${String(this.#created)}`,
      creationTimestamp: new Date(this.#wall()).toISOString().replace(/\.\d+Z/, 'Z'),
    };
    const stored = { lease, owners: new FieldOwners() };
    this.#leases.set(name, stored);
    return this.#store('ADDED', stored, { ...lease, metadata }, writer);
  }

  /** PUT: one that names no uid creates what is not there; it never replaces without a version. */
  replace(lease: Lease, writer = LEASEHOLD): LeaseOutcome {
    const { name, uid, resourceVersion } = lease.metadata;
    const stored = this.#leases.get(name);
    if (!stored) {
      return uid === undefined
        ? this.create(lease, writer)
        : conflict(name, 'Precondition failed: UID');
    }
    const mismatch = mismatchOf(stored.lease, { uid, resourceVersion });
    if (mismatch) return mismatch;
    if (resourceVersion === undefined) {
      return refused(422, 'Invalid', 'metadata.resourceVersion: must be specified for an update');
    }
    return this.#change(stored, lease, writer);
  }

  /** An RFC 7386 merge patch. */
  patch(name: string, patch: LeasePatch, writer = LEASEHOLD): LeaseOutcome {
    const stored = this.#leases.get(name);
    if (!stored) return notFound(name);
    const { lease } = stored;
    const { uid, resourceVersion } = patch.metadata as Conditions;
    if (uid !== undefined && uid !== '' && uid !== lease.metadata.uid) {
      const cause = { reason: 'FieldValueInvalid', field: 'metadata.uid' };
      return refused(422, 'Invalid', 'metadata.uid: Invalid value: field is immutable', [cause]);
    }
    const mismatch = mismatchOf(lease, { resourceVersion });
    if (mismatch) return mismatch;
    return this.#change(stored, merged(lease, patch) as Lease, writer);
  }

  remove(name: string, conditions: Conditions, writer = LEASEHOLD): Outcome<unknown> {
    const stored = this.#leases.get(name);
    if (!stored) return notFound(name);
    const mismatch = mismatchOf(stored.lease, conditions);
    if (mismatch) return mismatch;
    this.#leases.delete(name);
    this.#revision += 1;
    const metadata = { ...stored.lease.metadata, resourceVersion: String(this.#revision) };
    this.#publish('DELETED', frozen({ ...stored.lease, metadata }), stored.lease, writer);
    return done({ kind: 'Status', status: 'Success' }, this.#wall());
  }

  /** As people do it: by name, whatever the version. */
  removeByHand(name: string): void {
    this.remove(name, {}, BY_HAND);
  }

  /** As people do it: null removes what it names. */
  editByHand(
    name: string,
    metadata: Record<string, Record<string, string | null>>,
    spec?: LeasePatch['spec'],
  ): LeaseOutcome {
    const patch = { metadata: { uid: '', ...metadata }, ...(spec ? { spec } : {}) };
    return this.patch(name, patch, BY_HAND);
  }

  /**
   * etcd is restored from a backup of this revision: what was written since then has never been, and
   * versions are given out again.
   */
  restore(revision: number): void {
    const forgotten = this.#order.filter((event) => event.version > revision);
    this.#order.length -= forgotten.length;
    this.#revision = revision;
    for (const name of new Set(forgotten.map((event) => event.name))) {
      const kept = this.eventsOf(name).filter((event) => event.version <= revision);
      this.#history.set(name, kept);
      const last = kept.at(-1);
      if (!last || last.type === 'DELETED') this.#leases.delete(name);
      else this.#leases.set(name, { lease: last.lease, owners: FieldOwners.of(last.lease) });
    }
  }

  #change(stored: Stored, wanted: Lease, writer: Writer): LeaseOutcome {
    const { uid, resourceVersion, creationTimestamp, managedFields } = stored.lease.metadata;
    const own = { uid, resourceVersion, creationTimestamp, managedFields } as object;
    const next: Lease = { ...wanted, metadata: { ...wanted.metadata, ...own } };
    const no = invalid(next);
    if (no) return no;
    if (isSame(next, stored.lease)) return done(stored.lease, this.#wall());
    return this.#store('MODIFIED', stored, next, writer);
  }

  #store(type: 'ADDED' | 'MODIFIED', stored: Stored, next: Lease, writer: Writer): LeaseOutcome {
    this.#revision += 1;
    const before = type === 'ADDED' ? undefined : stored.lease;
    stored.owners.wrote(before, next, writer.manager, this.#wall());
    const metadata = {
      ...next.metadata,
      resourceVersion: String(this.#revision),
      managedFields: stored.owners.list(),
    };
    stored.lease = frozen({ ...next, metadata });
    this.#publish(type, stored.lease, before, writer);
    return done(stored.lease, this.#wall());
  }

  #publish(
    type: StoreEvent['type'],
    lease: Lease,
    before: Lease | undefined,
    writer: Writer,
  ): void {
    const { name } = lease.metadata;
    const event: StoreEvent = { type, name, version: this.#revision, lease, before, writer };
    this.#order.push(event);
    const events = this.#history.get(name);
    if (events) events.push(event);
    else this.#history.set(name, [event]);
    for (const observer of this.#observers) observer(event);
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(event);
  }
}

function mismatchOf({ metadata }: Lease, { uid, resourceVersion }: Conditions) {
  if (uid !== undefined && uid !== metadata.uid) {
    return conflict(metadata.name, 'Precondition failed: UID');
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    return conflict(metadata.name, 'the object has been modified');
  }
  return undefined;
}

/** The event as a line of a watch. */
export function lineOf({ type, lease }: Pick<StoreEvent, 'type' | 'lease'>): string {
  return `{"type":"${type}","object":${jsonOf(lease)}}`;
}
