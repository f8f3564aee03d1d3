import type { Lease } from '../../../src/core/lease.ts';
import type { LeasePatch } from '../../../src/kube/lease-api.ts';
import type { LeaseOutcome, Outcome } from '../../../src/kube/outcome.ts';
import { conflict, done, invalid, notFound, refused } from './answers.ts';
import { FieldOwners } from './field-owners.ts';

export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly name: string;
  readonly version: number;
  /** The object as JSON. */
  readonly object: string;
}

interface Stored {
  lease: Lease;
  readonly owners: FieldOwners;
}

/** The Leases of one namespace, as an API server keeps them. Everything happens at once. */
export class LeaseStore {
  readonly #wall: () => number;
  readonly #leases = new Map<string, Stored>();
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  readonly history: StoreEvent[] = [];
  #revision = 1_000;
  #created = 0;

  constructor(wall: () => number) {
    this.#wall = wall;
  }

  get revision(): number {
    return this.#revision;
  }

  names(): string[] {
    return [...this.#leases.keys()];
  }

  /** The Lease as stored: do not change it. */
  peek(name: string): Lease | undefined {
    return this.#leases.get(name)?.lease;
  }

  /** Calls `listener` for every write, in order, until the returned function is called. */
  subscribe(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get(name: string): LeaseOutcome {
    const stored = this.#leases.get(name);
    return stored ? this.#done(stored.lease) : notFound(name);
  }

  /** As it was before so many of its last changes. */
  getCached(name: string, lag: number): LeaseOutcome {
    const events = this.history.filter((event) => event.name === name);
    const last = events[events.length - 1 - lag];
    if (!last || last.type === 'DELETED') return notFound(name);
    return done(JSON.parse(last.object) as Lease, this.#wall());
  }

  create(lease: Lease, by = 'leasehold'): LeaseOutcome {
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
    return this.#store('ADDED', stored, { ...lease, metadata }, by);
  }

  replace(lease: Lease, by = 'leasehold'): LeaseOutcome {
    const { name, uid, resourceVersion } = lease.metadata;
    const stored = this.#leases.get(name);
    if (!stored) return conflict(name, 'the object has been deleted');
    const mismatch = this.#mismatch(stored.lease, uid, resourceVersion);
    if (mismatch) return mismatch;
    return this.#change(stored, lease, by);
  }

  patch(name: string, patch: LeasePatch, by = 'leasehold'): LeaseOutcome {
    const stored = this.#leases.get(name);
    if (!stored) return notFound(name);
    const { lease } = stored;
    const { uid, resourceVersion } = patch.metadata;
    if (uid !== '' && uid !== lease.metadata.uid) {
      const cause = { reason: 'FieldValueInvalid', field: 'metadata.uid' };
      return refused(422, 'Invalid', 'metadata.uid: Invalid value: field is immutable', [cause]);
    }
    const mismatch = this.#mismatch(lease, undefined, resourceVersion);
    if (mismatch) return mismatch;
    return this.#change(stored, merged(lease, patch) as Lease, by);
  }

  remove(lease: Lease): Outcome<unknown> {
    const { name, uid, resourceVersion } = lease.metadata;
    const stored = this.#leases.get(name);
    if (!stored) return notFound(name);
    const mismatch = this.#mismatch(stored.lease, uid, resourceVersion);
    if (mismatch) return mismatch;
    this.#leases.delete(name);
    this.#revision += 1;
    const metadata = { ...stored.lease.metadata, resourceVersion: String(this.#revision) };
    this.#publish('DELETED', { ...stored.lease, metadata });
    return done({ kind: 'Status', status: 'Success' }, this.#wall());
  }

  /** As people do it: by name, whatever the version. */
  removeByHand(name: string): void {
    const stored = this.#leases.get(name);
    if (stored) this.remove(stored.lease);
  }

  /** As people do it: a label or an annotation, null removes it. */
  editByHand(name: string, metadata: Record<string, Record<string, string | null>>): LeaseOutcome {
    return this.patch(name, { metadata: { uid: '', ...metadata } }, 'kubectl-edit');
  }

  #mismatch(lease: Lease, uid: string | undefined, version: string | undefined) {
    const { name } = lease.metadata;
    if (uid !== undefined && uid !== lease.metadata.uid) {
      return conflict(name, 'Precondition failed: UID');
    }
    if (version !== undefined && version !== lease.metadata.resourceVersion) {
      return conflict(name, 'the object has been modified');
    }
    return undefined;
  }

  #change(stored: Stored, wanted: Lease, by: string): LeaseOutcome {
    const { uid, resourceVersion, creationTimestamp, managedFields } = stored.lease.metadata;
    const own = { uid, resourceVersion, creationTimestamp, managedFields };
    const next = {
      ...wanted,
      metadata: { ...wanted.metadata, ...(own as object) },
    };
    const no = invalid(next);
    if (no) return no;
    if (canonical(next) === canonical(stored.lease)) return this.#done(stored.lease);
    return this.#store('MODIFIED', stored, next, by);
  }

  #store(type: 'ADDED' | 'MODIFIED', stored: Stored, next: Lease, by: string): LeaseOutcome {
    this.#revision += 1;
    stored.owners.wrote(stored.lease, next, type === 'ADDED', by, this.#wall());
    const metadata = {
      ...next.metadata,
      resourceVersion: String(this.#revision),
      managedFields: stored.owners.list(),
    };
    stored.lease = { ...next, metadata };
    this.#publish(type, stored.lease);
    return this.#done(stored.lease);
  }

  #publish(type: StoreEvent['type'], lease: Lease): void {
    const event: StoreEvent = {
      type,
      name: lease.metadata.name,
      version: this.#revision,
      object: toJson(lease),
    };
    this.history.push(event);
    for (const listener of [...this.#listeners]) listener(event);
  }

  #done(lease: Lease): LeaseOutcome {
    return done(JSON.parse(toJson(lease)) as Lease, this.#wall());
  }
}

/** The API server's order: everything users can write comes after the resourceVersion. */
export function toJson(lease: Lease): string {
  const { name, namespace, uid, resourceVersion, creationTimestamp, ...others } = lease.metadata;
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp, ...others };
  const { kind = 'Lease', apiVersion = 'coordination.k8s.io/v1' } = lease;
  return JSON.stringify({ kind, apiVersion, metadata, spec: lease.spec });
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    const entries = Object.entries(inner).filter(([, field]) => field !== undefined);
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** RFC 7386. */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) Reflect.deleteProperty(result, key);
    else result[key] = merged(result[key], value);
  }
  return result;
}
