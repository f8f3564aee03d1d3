import { microTime } from '../../src/core/lease.ts';
import type { Lease } from '../../src/core/lease.ts';
import type { Answer, Pod } from './guarded.ts';

/** A change as a merge patch: null takes a field away. */
export interface Change {
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly spec?: Readonly<Record<string, unknown>> | null;
}

/** Every way to write a change to a Lease that is there. */
export const WAYS = ['update', 'merge patch', 'strategic patch', 'JSON patch', 'apply'] as const;
export type Way = (typeof WAYS)[number];

/** Whether apply can say it: only what is set, and never managedFields. */
export function canApply(change: Change): boolean {
  return !hasNull(change) && change.metadata?.managedFields === undefined;
}

/** Sends the change to the Lease as it is now, as `pod`. */
export function attack(pod: Pod, lease: Lease, change: Change, way: Way): Promise<Answer> {
  const { name } = lease.metadata;
  switch (way) {
    case 'update':
      return pod.send('PUT', name, merged(lease, change));
    case 'merge patch':
      return pod.send('PATCH', name, change, { contentType: 'application/merge-patch+json' });
    case 'strategic patch': {
      const contentType = 'application/strategic-merge-patch+json';
      return pod.send('PATCH', name, change, { contentType });
    }
    case 'JSON patch': {
      const contentType = 'application/json-patch+json';
      return pod.send('PATCH', name, operations(lease, change), { contentType });
    }
    case 'apply': {
      const contentType = 'application/apply-patch+yaml';
      const applied = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, ...change.metadata },
        ...(change.spec && { spec: change.spec }),
      };
      return pod.send('PATCH', `${name}?fieldManager=thief&force=true`, applied, { contentType });
    }
  }
}

export function now(): string {
  return microTime(Date.now());
}

/** @param days - from now */
export function daysAway(days: number): string {
  return microTime(Date.now() + days * 86_400_000);
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasNull(value: unknown): boolean {
  return value === null || (isObject(value) && Object.values(value).some(hasNull));
}

function merged(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, key);
    else result[key] = merged(result[key], value);
  }
  return result;
}

function operations(target: unknown, patch: unknown, path = ''): Json[] {
  if (!isObject(patch)) return [];
  return Object.entries(patch).flatMap(([key, value]) => {
    const at = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const before = isObject(target) ? target[key] : undefined;
    if (value === null) return before === undefined ? [] : [{ op: 'remove', path: at }];
    if (isObject(value) && isObject(before)) return operations(before, value, at);
    return [{ op: 'add', path: at, value }];
  });
}
