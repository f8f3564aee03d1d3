import type { KubeObject } from './object.ts';
import type { ListOptions } from './options.ts';
import type { Resource } from './resources.ts';
import { parseFieldSelector, parseLabelSelector } from './selectors.ts';

/** Which objects a list or a watch is about. */
export interface Selection {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  /** The only name that can match, if there is one. */
  readonly name: string | undefined;
  /** Whether labels or fields narrow it down. */
  readonly narrowed: boolean;
  matches(object: KubeObject): boolean;
}

export function select(
  resource: Resource,
  namespace: string | undefined,
  name: string | undefined,
  options: Pick<ListOptions, 'labelSelector' | 'fieldSelector'>,
): Selection {
  const labels = parseLabelSelector(options.labelSelector);
  const fields = parseFieldSelector(options.fieldSelector, resource);
  const byName = fields.find(({ field, equal }) => field === 'metadata.name' && equal)?.value;
  return {
    resource,
    namespace,
    name: name ?? byName,
    narrowed: labels !== undefined || fields.length > 0 || name !== undefined,
    matches(object) {
      if (name !== undefined && object.metadata.name !== name) return false;
      for (const { field, equal, value } of fields) {
        if ((resource.fields[field]?.(object) === value) !== equal) return false;
      }
      return labels?.(object.metadata.labels ?? {}) ?? true;
    },
  };
}

/** What the keys of all selected objects begin with. */
export function keyPrefix({ namespace }: Selection): string {
  return namespace === undefined ? '' : `${namespace}/`;
}

/** The only key that can be selected, if there is one. */
export function onlyKey({ resource, namespace, name }: Selection): string | undefined {
  if (name === undefined) return undefined;
  if (!resource.namespaced) return name;
  return namespace === undefined ? undefined : `${namespace}/${name}`;
}
