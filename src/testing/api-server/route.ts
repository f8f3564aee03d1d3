import { findResource, RESOURCES } from './resources.ts';
import type { Resource } from './resources.ts';

/** Where a path under `/api` or `/apis` leads. */
export interface Route {
  readonly resource: Resource;
  /** Undefined for all namespaces, and for resources that are in none. */
  readonly namespace: string | undefined;
  /** Undefined for the collection. */
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** The old form of a watch: `/api/v1/watch/pods`. */
  readonly watch: boolean;
}

/**
 * `undefined`: the group is unknown, so that there is no such page; `unknown`: there is no such
 * resource in the group.
 */
export function findRoute(path: string): Route | 'unknown' | undefined {
  const [, root, ...parts] = path.replace(/\/$/, '').split('/').map(decodeURIComponent);
  const group = root === 'apis' ? (parts.shift() ?? '') : '';
  const isKnown = RESOURCES.some((resource) => resource.group === group);
  if ((root !== 'api' && root !== 'apis') || !isKnown) return undefined;
  const version = parts.shift() ?? '';
  const watch = parts[0] === 'watch';
  if (watch) parts.shift();
  // What is in a namespace, unless the namespace itself or a part of it is meant.
  const [first, second, third] = parts;
  const inNamespace =
    first === 'namespaces' &&
    third !== undefined &&
    findResource(group, version, third)?.namespaced;
  const rest = inNamespace ? parts.slice(2) : parts;
  const [plural = '', name, subresource, ...more] = rest;
  const resource = findResource(group, version, plural);
  if (!resource || more.length > 0) return 'unknown';
  if (subresource !== undefined && !resource.subresources.includes(subresource)) return 'unknown';
  const namespace = inNamespace ? second : undefined;
  if (resource.namespaced && namespace === undefined && name !== undefined) return 'unknown';
  return { resource, namespace, name, subresource, watch };
}
