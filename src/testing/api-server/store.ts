import type { KubeObject } from './object.ts';
import { withMetadata } from './object.ts';

/** One change of one object. */
export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** The resource that it is stored as. */
  readonly storage: string;
  /** `namespace/name`, or the name alone. */
  readonly key: string;
  readonly revision: number;
  /** After the change; of a deletion the last state, with the deletion's version. */
  readonly object: KubeObject;
  /** Before the change. */
  readonly previous: KubeObject | undefined;
}

/** All that a store holds, as JSON: what a server needs to go on where another one stopped. */
export interface StoreState {
  readonly revision: number;
  readonly objects: Readonly<Record<string, readonly KubeObject[]>>;
}

interface Collection {
  readonly objects: Map<string, KubeObject>;
  /** In order; undefined after an object came or went. */
  keys: string[] | undefined;
}

export function keyOf(object: KubeObject): string {
  const { namespace, name = '' } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/**
 * Objects, their versions, and the history of both: what etcd is to the API server. Every write gets
 * the next revision, which is the object's `resourceVersion`. Everything happens at once, in memory.
 */
export class Store {
  readonly #collections = new Map<string, Collection>();
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  readonly #historyLimit: number;
  #history: StoreEvent[] = [];
  #revision: number;
  #compacted: number;

  /** @param historyLimit - so many events are kept at least, and twice as many at most */
  constructor(historyLimit: number, state?: StoreState) {
    this.#historyLimit = historyLimit;
    this.#revision = state?.revision ?? 1;
    // Nothing is known of what happened before.
    this.#compacted = state ? state.revision : 0;
    for (const [storage, objects] of Object.entries(state?.objects ?? {})) {
      const collection = this.#collection(storage);
      for (const object of objects) collection.objects.set(keyOf(object), object);
    }
  }

  /** Of the latest write. */
  get revision(): number {
    return this.#revision;
  }

  /** What happened up to this revision is forgotten. */
  get compacted(): number {
    return this.#compacted;
  }

  get(storage: string, key: string): KubeObject | undefined {
    return this.#collections.get(storage)?.objects.get(key);
  }

  /** The objects whose keys begin with `prefix`, in the order of their keys. */
  list(storage: string, prefix = ''): KubeObject[] {
    const collection = this.#collections.get(storage);
    if (!collection) return [];
    collection.keys ??= [...collection.objects.keys()].sort();
    const { keys } = collection;
    const found: KubeObject[] = [];
    for (let next = firstAtLeast(keys, prefix); next < keys.length; next += 1) {
      const key = keys[next] ?? '';
      if (!key.startsWith(prefix)) break;
      const object = collection.objects.get(key);
      if (object) found.push(object);
    }
    return found;
  }

  /** As {@link list}, as it was at `revision`, which must not be compacted. */
  listAt(revision: number, storage: string, prefix = ''): KubeObject[] {
    if (revision >= this.#revision) return this.list(storage, prefix);
    const then = new Map<string, KubeObject | undefined>();
    for (const event of this.since(revision).reverse()) {
      if (event.storage === storage) then.set(event.key, event.previous);
    }
    const objects = new Map(this.list(storage, prefix).map((object) => [keyOf(object), object]));
    for (const [key, object] of then) {
      if (!key.startsWith(prefix)) continue;
      if (object) objects.set(key, object);
      else objects.delete(key);
    }
    return [...objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  /** Stores an object, new or changed, and returns it with its version. */
  put(storage: string, object: KubeObject): KubeObject {
    const collection = this.#collection(storage);
    const key = keyOf(object);
    const previous = collection.objects.get(key);
    this.#revision += 1;
    const stored = withMetadata(object, { resourceVersion: String(this.#revision) });
    collection.objects.set(key, stored);
    if (!previous) collection.keys = undefined;
    this.#publish(previous ? 'MODIFIED' : 'ADDED', storage, key, stored, previous);
    return stored;
  }

  /**
   * Deletes an object, and returns its last state with the version of the deletion.
   *
   * @param last - its last state, if it has changed on the way out
   */
  delete(storage: string, object: KubeObject, last = object): KubeObject {
    const collection = this.#collection(storage);
    const key = keyOf(object);
    const previous = collection.objects.get(key);
    this.#revision += 1;
    collection.objects.delete(key);
    collection.keys = undefined;
    const gone = withMetadata(last, { resourceVersion: String(this.#revision) });
    this.#publish('DELETED', storage, key, gone, previous);
    return gone;
  }

  /** What happened after `revision`, which must not be compacted. */
  since(revision: number): StoreEvent[] {
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#history[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#history.slice(low);
  }

  /** Forgets what happened up to `revision`. */
  compact(revision = this.#revision): void {
    if (revision <= this.#compacted) return;
    this.#history = this.since(revision);
    this.#compacted = Math.min(revision, this.#revision);
  }

  /** Calls `listener` for every write, in order, until the returned function is called. */
  subscribe(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What a later store can begin with. */
  state(): StoreState {
    const objects = [...this.#collections].map(([storage, collection]) => [
      storage,
      [...collection.objects.values()],
    ]);
    return {
      revision: this.#revision,
      objects: Object.fromEntries(objects) as StoreState['objects'],
    };
  }

  #collection(storage: string): Collection {
    let collection = this.#collections.get(storage);
    if (!collection) {
      collection = { objects: new Map(), keys: undefined };
      this.#collections.set(storage, collection);
    }
    return collection;
  }

  #publish(
    type: StoreEvent['type'],
    storage: string,
    key: string,
    object: KubeObject,
    previous: KubeObject | undefined,
  ): void {
    const event: StoreEvent = { type, storage, key, revision: this.#revision, object, previous };
    this.#history.push(event);
    if (this.#history.length > 2 * this.#historyLimit) {
      this.compact(this.#history.at(-this.#historyLimit - 1)?.revision);
    }
    for (const listener of [...this.#listeners]) listener(event);
  }
}

function firstAtLeast(keys: readonly string[], prefix: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < prefix) low = middle + 1;
    else high = middle;
  }
  return low;
}
