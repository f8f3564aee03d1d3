import type { Lease } from '../../../src/core/lease.ts';

const LINES = new WeakMap<Lease, string>();

/** The Lease, which nobody may change any more; without what is undefined, as JSON has no such thing. */
export function frozen(lease: Lease): Lease {
  const { spec } = lease;
  const metadata = defined(lease.metadata);
  if (metadata.labels) metadata.labels = Object.freeze(defined(metadata.labels));
  if (metadata.annotations) metadata.annotations = Object.freeze(defined(metadata.annotations));
  return Object.freeze({
    kind: 'Lease',
    apiVersion: 'coordination.k8s.io/v1',
    metadata: Object.freeze(metadata),
    ...(spec === undefined ? {} : { spec: Object.freeze(defined(spec)) }),
  });
}

/**
 * The Lease as the API server writes it: everything that users can write comes after the
 * resourceVersion.
 *
 * @param lease - frozen: its text is remembered
 */
export function jsonOf(lease: Lease): string {
  let json = LINES.get(lease);
  if (json === undefined) {
    const { name, namespace, uid, resourceVersion, creationTimestamp, ...others } = lease.metadata;
    const metadata = { name, namespace, uid, resourceVersion, creationTimestamp, ...others };
    const { kind, apiVersion, spec } = lease;
    json = JSON.stringify({ kind, apiVersion, metadata, spec });
    LINES.set(lease, json);
  }
  return json;
}

/** Whether a write of `next` would change nothing. */
export function isSame(next: Lease, stored: Lease): boolean {
  return (
    isSameFlat(next.spec, stored.spec) &&
    isSameFlat(next.metadata.annotations, stored.metadata.annotations) &&
    isSameFlat(next.metadata.labels, stored.metadata.labels) &&
    JSON.stringify(next.metadata.ownerReferences) ===
      JSON.stringify(stored.metadata.ownerReferences)
  );
}

function isSameFlat(a: object = {}, b: object = {}): boolean {
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key in left) if (left[key] !== right[key]) return false;
  for (const key in right) if (left[key] !== right[key]) return false;
  return true;
}

function defined<T extends object>(value: T): T {
  const result: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) if (field !== undefined) result[key] = field;
  return result as T;
}

/** RFC 7386. */
export function merged(target: unknown, patch: unknown): unknown {
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
