import type { Context } from './context.ts';
import { randomUuid } from './context.ts';
import { ordered } from './create.ts';
import { FOREGROUND_FINALIZER, ORPHAN_FINALIZER, remove } from './deletion.ts';
import { formatTime } from './go-time.ts';
import { withMetadata } from './object.ts';
import type { KubeObject } from './object.ts';
import { RESOURCES, storageResource } from './resources.ts';
import type { StoreEvent } from './store.ts';
import type { DeleteOptions } from './options.ts';

/** A controller of a real cluster is about as far behind. */
const DELAY_MS = 50;

/** Created by every cluster. */
const INITIAL_NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

const AT_ONCE: DeleteOptions = {
  dryRun: false,
  gracePeriod: 0,
  uid: undefined,
  resourceVersion: undefined,
  propagation: undefined,
};

/**
 * What happens by itself in a cluster: namespaces get their service account, lose their content when
 * they are deleted, and objects go when the last of their owners has gone.
 */
export class Controllers {
  readonly #context: Context;
  /** Objects by the uid of each of their owners. */
  readonly #owned = new Map<string, Set<string>>();
  readonly #cancels = new Set<() => void>();
  #unsubscribe = (): void => undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  start(): void {
    const { store } = this.#context;
    for (const storage of storages()) {
      for (const object of store.list(storage)) this.#noteOwners(storage, object);
    }
    this.#unsubscribe = store.subscribe((event) => this.#on(event));
    for (const name of INITIAL_NAMESPACES) {
      if (!store.get('namespaces', name)) this.#createNamespace(name);
    }
    // What another server had begun.
    for (const namespace of store.list('namespaces')) {
      if (namespace.metadata.deletionTimestamp !== undefined) this.#empty(namespace);
    }
  }

  stop(): void {
    this.#unsubscribe();
    for (const cancel of this.#cancels) cancel();
  }

  #on(event: StoreEvent): void {
    const { type, storage, object } = event;
    const { deletionTimestamp, namespace, uid = '' } = object.metadata;
    if (storage === 'namespaces') {
      if (type === 'ADDED') this.#createServiceAccount(object);
      if (type !== 'DELETED' && deletionTimestamp !== undefined) this.#empty(object);
    } else if (type === 'DELETED' && namespace !== undefined) {
      const inside = this.#context.store.get('namespaces', namespace);
      if (inside?.metadata.deletionTimestamp !== undefined) this.#empty(inside);
    }
    if (type !== 'DELETED' && deletionTimestamp !== undefined) {
      const { finalizers = [] } = object.metadata;
      const awaitsUs = [ORPHAN_FINALIZER, FOREGROUND_FINALIZER].some((own) => {
        return finalizers.includes(own);
      });
      if (awaitsUs) this.#later(() => this.#releaseOwner(storage, event.key, uid));
    }
    if (type === 'DELETED') {
      if (this.#owned.has(uid)) this.#later(() => this.#collect(uid));
    } else if (this.#noteOwners(storage, object)) {
      this.#later(() => this.#collectOrphan(storage, event.key));
    }
  }

  /** Whether an owner of it does not exist (any more). */
  #noteOwners(storage: string, object: KubeObject): boolean {
    let isOrphan = false;
    const { ownerReferences = [], namespace, name = '' } = object.metadata;
    for (const { uid } of ownerReferences) {
      const owned = this.#owned.get(uid) ?? new Set();
      this.#owned.set(uid, owned);
      owned.add(`${storage} ${namespace === undefined ? name : `${namespace}/${name}`}`);
      isOrphan ||= !this.#exists(uid, object);
    }
    return isOrphan;
  }

  #collect(owner: string): void {
    const owned = this.#owned.get(owner) ?? [];
    this.#owned.delete(owner);
    for (const id of owned) {
      const [storage = '', key = ''] = id.split(' ');
      this.#collectOrphan(storage, key);
    }
  }

  /** Sees to what an object owns that is to be deleted, and takes the finalizer for it away. */
  #releaseOwner(storage: string, key: string, uid: string): void {
    const { store } = this.#context;
    const owner = store.get(storage, key);
    if (owner?.metadata.uid !== uid) return;
    const { finalizers = [], deletionGracePeriodSeconds = 0 } = owner.metadata;
    const isOrphaning = finalizers.includes(ORPHAN_FINALIZER);
    for (const id of this.#owned.get(uid) ?? []) {
      const [dependentStorage = '', dependentKey = ''] = id.split(' ');
      const dependent = store.get(dependentStorage, dependentKey);
      if (!dependent) continue;
      const { ownerReferences = [] } = dependent.metadata;
      if (!ownerReferences.some((owned) => owned.uid === uid)) continue;
      if (isOrphaning) {
        const others = ownerReferences.filter((owned) => owned.uid !== uid);
        const released = ordered(withMetadata(dependent, { ownerReferences: others }));
        store.put(dependentStorage, released);
      } else if (dependent.metadata.deletionTimestamp === undefined) {
        remove(this.#context, storageResource(dependentStorage), dependent, {
          ...AT_ONCE,
          gracePeriod: undefined,
        });
      }
    }
    const own = [ORPHAN_FINALIZER, FOREGROUND_FINALIZER];
    const left = finalizers.filter((name) => !own.includes(name));
    const released = ordered(withMetadata(owner, { finalizers: left }));
    if (left.length > 0 || deletionGracePeriodSeconds > 0) store.put(storage, released);
    else store.delete(storage, owner);
  }

  /** Deletes the object if it has owners and none of them exists. */
  #collectOrphan(storage: string, key: string): void {
    const object = this.#context.store.get(storage, key);
    const owners = object?.metadata.ownerReferences ?? [];
    if (!object || owners.length === 0) return;
    if (owners.some(({ uid }) => this.#exists(uid, object))) return;
    remove(this.#context, storageResource(storage), object, { ...AT_ONCE, gracePeriod: undefined });
  }

  #exists(owner: string, owned: KubeObject): boolean {
    const reference = owned.metadata.ownerReferences?.find(({ uid }) => uid === owner);
    const resource = RESOURCES.find(({ kind }) => kind === reference?.kind);
    // Of a kind that this server does not have nothing is known.
    if (!resource || !reference) return true;
    const { namespace = '' } = owned.metadata;
    const key = resource.namespaced ? `${namespace}/${reference.name}` : reference.name;
    return this.#context.store.get(resource.storage, key)?.metadata.uid === owner;
  }

  /** Deletes what is in a namespace, and then the namespace. */
  #empty(namespace: KubeObject): void {
    const { name = '', uid } = namespace.metadata;
    this.#later(() => {
      const { store } = this.#context;
      const found = store.get('namespaces', name);
      if (found?.metadata.uid !== uid) return;
      let isEmpty = true;
      for (const storage of storages()) {
        if (storage === 'namespaces') continue;
        for (const object of store.list(storage, `${name}/`)) {
          const { gone } = remove(this.#context, storageResource(storage), object, AT_ONCE);
          isEmpty &&= gone;
        }
      }
      const current = store.get('namespaces', name);
      if (isEmpty && current) store.delete('namespaces', current);
    });
  }

  #createNamespace(name: string): void {
    const { store, clock, random } = this.#context;
    store.put('namespaces', {
      kind: 'Namespace',
      apiVersion: 'v1',
      metadata: {
        name,
        uid: randomUuid(random),
        resourceVersion: '',
        creationTimestamp: formatTime(clock.wall()),
        labels: { 'kubernetes.io/metadata.name': name },
      },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  }

  #createServiceAccount(namespace: KubeObject): void {
    const { store, clock, random } = this.#context;
    const { name = '' } = namespace.metadata;
    if (store.get('serviceaccounts', `${name}/default`)) return;
    store.put('serviceaccounts', {
      kind: 'ServiceAccount',
      apiVersion: 'v1',
      metadata: {
        name: 'default',
        namespace: name,
        uid: randomUuid(random),
        resourceVersion: '',
        creationTimestamp: formatTime(clock.wall()),
      },
    });
  }

  #later(task: () => void): void {
    const cancel = this.#context.clock.schedule(DELAY_MS, () => {
      this.#cancels.delete(cancel);
      task();
    });
    this.#cancels.add(cancel);
  }
}

function storages(): Set<string> {
  return new Set(RESOURCES.map(({ storage }) => storage));
}
