import type { Context } from './context.ts';
import { ordered } from './create.ts';
import { formatTime } from './go-time.ts';
import { isSameJson, objectAt, textAt, withMetadata } from './object.ts';
import type { KubeObject } from './object.ts';
import type { DeleteOptions, Propagation } from './options.ts';
import type { Resource } from './resources.ts';
import { conflict, forbidden } from './status.ts';

/** The API server keeps them for itself. */
const PROTECTED_NAMESPACES = new Set(['default', 'kube-system', 'kube-public']);
const DEFAULT_GRACE_SECONDS = 30;

export interface Deletion {
  /** As the deletion leaves it, or as it was last. */
  readonly object: KubeObject;
  /** Whether it is gone; else something keeps it, and it is marked. */
  readonly gone: boolean;
}

/** Deletes an object, or marks it as to be deleted when something keeps it. */
export function remove(
  context: Context,
  resource: Resource,
  existing: KubeObject,
  options: DeleteOptions,
): Deletion {
  const { store, clock } = context;
  const { storage } = resource;
  checkPreconditions(resource, existing, options);
  const { name = '', deletionTimestamp } = existing.metadata;
  const finalizers = withPropagation(existing.metadata.finalizers ?? [], options.propagation);
  if (storage === 'namespaces' && PROTECTED_NAMESPACES.has(name)) {
    throw forbidden(resource, name, 'this namespace may not be deleted');
  }
  const now = clock.wall();
  const put = (object: KubeObject): Deletion => ({
    object: options.dryRun ? object : store.put(storage, object),
    gone: false,
  });

  if (storage === 'namespaces' && hasOwnFinalizers(existing)) {
    if (deletionTimestamp !== undefined) return { object: existing, gone: false };
    const marked = withMetadata(existing, { deletionTimestamp: formatTime(now) });
    return put(ordered({ ...marked, status: { phase: 'Terminating' } }));
  }
  const seconds = storage === 'pods' ? gracePeriod(existing, options) : 0;
  const known = existing.metadata.deletionGracePeriodSeconds;
  if (deletionTimestamp !== undefined && seconds > 0 && seconds >= (known ?? 0)) {
    return { object: existing, gone: false };
  }
  const marked = marking(withMetadata(existing, { finalizers }), seconds, now);
  if (seconds > 0) return put(marked);
  if (finalizers.length > 0) {
    return deletionTimestamp !== undefined &&
      known === 0 &&
      isSameJson(finalizers, existing.metadata.finalizers)
      ? { object: existing, gone: false }
      : put(marked);
  }
  const last = storage === 'pods' ? marked : existing;
  return { object: options.dryRun ? last : store.delete(storage, existing, last), gone: true };
}

function checkPreconditions(
  resource: Resource,
  { metadata }: KubeObject,
  { uid, resourceVersion }: DeleteOptions,
): void {
  const { name = '' } = metadata;
  if (uid !== undefined && uid !== metadata.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid ?? ''}). The object might have been deleted and then recreated`;
    throw conflict(resource, name, why, 'kind');
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion ?? ''}). The object might have been modified`;
    throw conflict(resource, name, why, 'kind');
  }
}

/** The garbage collector's finalizers: it takes them away when it has seen to the dependents. */
export const ORPHAN_FINALIZER = 'orphan';
export const FOREGROUND_FINALIZER = 'foregroundDeletion';

function withPropagation(
  finalizers: readonly string[],
  propagation: Propagation | undefined,
): readonly string[] {
  if (propagation === undefined) return finalizers;
  const own = [ORPHAN_FINALIZER, FOREGROUND_FINALIZER];
  const others = finalizers.filter((name) => !own.includes(name));
  if (propagation === 'Background') return others;
  return [...others, propagation === 'Orphan' ? ORPHAN_FINALIZER : FOREGROUND_FINALIZER];
}

function hasOwnFinalizers(namespace: KubeObject): boolean {
  const { finalizers } = objectAt(namespace, 'spec');
  return Array.isArray(finalizers) && finalizers.length > 0;
}

function marking(existing: KubeObject, seconds: number, now: number): KubeObject {
  const { generation } = existing.metadata;
  const isFirst = existing.metadata.deletionTimestamp === undefined;
  return ordered(
    withMetadata(existing, {
      deletionTimestamp: formatTime(now + seconds * 1_000),
      deletionGracePeriodSeconds: seconds,
      generation: generation !== undefined && isFirst ? generation + 1 : generation,
    }),
  );
}

/** Seconds that a Pod gets to end. One that no node runs, or that has ended, needs none. */
function gracePeriod(pod: KubeObject, { gracePeriod: asked }: DeleteOptions): number {
  const phase = textAt(pod, 'status', 'phase');
  if (textAt(pod, 'spec', 'nodeName') === '' || phase === 'Succeeded' || phase === 'Failed') {
    return 0;
  }
  const { terminationGracePeriodSeconds: own } = objectAt(pod, 'spec');
  return asked ?? (typeof own === 'number' ? own : DEFAULT_GRACE_SECONDS);
}
