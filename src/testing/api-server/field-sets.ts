import { isJsonObject } from './object.ts';
import type { Json } from './object.ts';
import { resolved } from './schema.ts';
import type { Schema } from './schema.ts';

/** The server's own: nobody owns them. */
const SYSTEM_METADATA = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'managedFields',
]);

/** Owned fields by path; a path is the keys of `fieldsV1` parted by newlines. */
export type FieldSet = Set<string>;

export const SEPARATOR = '\n';

/** The value of what is no leaf: a map, a list whose items are told apart, and each of these. */
export const NODE = Symbol('node');

/** Every field of an object that somebody can own, with its value. */
export function leaves(object: Json, definition: string): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const { properties = {} } = resolved({ ref: definition });
  for (const [key, value] of Object.entries(object)) {
    const schema = properties[key];
    if (!schema || value === undefined || key === 'apiVersion' || key === 'kind') continue;
    if (key === 'metadata') {
      const { properties: metadata = {} } = resolved(schema);
      for (const [inner, given] of Object.entries(value as Json)) {
        const innerSchema = metadata[inner];
        if (!innerSchema || SYSTEM_METADATA.has(inner)) continue;
        collect(given, innerSchema, `f:metadata${SEPARATOR}f:${inner}`, found);
      }
    } else {
      collect(value, schema, `f:${key}`, found);
    }
  }
  return found;
}

function collect(value: unknown, schema: Schema, path: string, into: Map<string, unknown>): void {
  const { properties, additionalProperties, items, ...type } = resolved(schema);
  const below = (key: string): string => `${path}${SEPARATOR}${key}`;
  if (Array.isArray(value)) {
    const listType = schema['list-type'] ?? type['list-type'];
    const keys = schema['list-map-keys'] ?? type['list-map-keys'] ?? [];
    if (listType === 'set') {
      into.set(path, NODE);
      for (const item of value) into.set(below(`v:${JSON.stringify(item)}`), item);
    } else if (listType === 'map') {
      into.set(path, NODE);
      for (const item of value as Json[]) {
        const at = below(`k:${itemKey(item, keys)}`);
        into.set(at, NODE);
        collect(item, items ?? {}, at, into);
      }
    } else {
      into.set(path, value);
    }
    return;
  }
  const mapType = schema['map-type'] ?? type['map-type'];
  if (!isJsonObject(value) || mapType === 'atomic') {
    into.set(path, value);
    return;
  }
  const entries = Object.entries(value);
  if (properties) {
    // The spec and the status of an object are always there, if only as empty ones.
    if (entries.length === 0 && path.includes(SEPARATOR)) into.set(path, value);
    for (const [key, inner] of entries) {
      const innerSchema = properties[key];
      if (innerSchema) collect(inner, innerSchema, below(`f:${key}`), into);
    }
  } else if (additionalProperties) {
    if (entries.length === 0) return;
    into.set(path, NODE);
    for (const [key, inner] of entries) {
      collect(inner, additionalProperties, below(`f:${key}`), into);
    }
  } else {
    into.set(path, value);
  }
}

export function itemKey(item: Json, keys: readonly string[]): string {
  const sorted = [...keys].sort().filter((key) => item[key] !== undefined);
  return JSON.stringify(Object.fromEntries(sorted.map((key) => [key, item[key]])));
}

export function readSet(fields: Json, path = '', into: FieldSet = new Set()): FieldSet {
  const entries = Object.entries(fields);
  if (path !== '' && (entries.length === 0 || '.' in fields)) into.add(path);
  for (const [key, inner] of entries) {
    if (key === '.') continue;
    readSet(inner as Json, path === '' ? key : `${path}${SEPARATOR}${key}`, into);
  }
  return into;
}

export function writeSet(fields: FieldSet): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const path of [...fields].sort()) {
    let node = root;
    for (const key of path.split(SEPARATOR)) {
      // An owned field that has owned fields below it is marked by a dot.
      node = (node[key] ??= {}) as Record<string, unknown>;
    }
  }
  markDots(root, '', fields);
  return root;
}

function markDots(node: Record<string, unknown>, path: string, fields: FieldSet): void {
  for (const [key, inner] of Object.entries(node)) {
    const at = path === '' ? key : `${path}${SEPARATOR}${key}`;
    const child = inner as Record<string, unknown>;
    const below = Object.keys(child);
    if (below.length === 0) continue;
    markDots(child, at, fields);
    if (fields.has(at)) node[key] = { '.': {}, ...child };
  }
}
