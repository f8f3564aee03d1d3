import { leaves, NODE, readSet, writeSet } from './field-sets.ts';
import type { FieldSet } from './field-sets.ts';
import { isJsonObject, isSameJson } from './object.ts';
import type { Json, KubeObject, ManagedFieldsEntry } from './object.ts';

/** Who writes, and how: what tells the entries of `managedFields` apart. */
export interface Manager {
  readonly manager: string;
  readonly operation: 'Update' | 'Apply';
  readonly apiVersion: string;
  readonly subresource?: string;
}

/**
 * The `managedFields` of `next` after an update: what differs from `previous` is the writer's, with
 * the time of now, and nobody else's.
 */
export function managedAfterUpdate(
  previous: Json,
  next: KubeObject,
  definition: string,
  by: Manager,
  now: string,
): readonly ManagedFieldsEntry[] {
  const entries = next.metadata.managedFields ?? [];
  const before = leaves(previous, definition);
  const after = leaves(next, definition);
  const taken: FieldSet = new Set();
  const removed: FieldSet = new Set();
  for (const [path, value] of after) {
    if (!before.has(path) || !isSameJson(before.get(path), value)) taken.add(path);
  }
  for (const path of before.keys()) if (!after.has(path)) removed.add(path);
  if (taken.size === 0 && removed.size === 0) return entries;

  const result: ManagedFieldsEntry[] = [];
  const own: FieldSet = new Set(taken);
  for (const entry of entries) {
    const fields = readSet(entry.fieldsV1 ?? {});
    const isOwn = isOf(entry, by);
    const count = fields.size;
    for (const path of removed) fields.delete(path);
    for (const path of taken) if (!isOwn) fields.delete(path);
    if (isOwn) {
      for (const path of fields) own.add(path);
      if (taken.size > 0) continue;
    }
    if (fields.size === count) result.push(entry);
    else if (fields.size > 0) result.push({ ...entry, fieldsV1: writeSet(fields) });
  }
  if (taken.size > 0) {
    result.push(entryOf(by, own, now));
  }
  return result.sort(compareEntries);
}

function isOf(entry: ManagedFieldsEntry, by: Manager): boolean {
  return (
    entry.manager === by.manager &&
    entry.operation === by.operation &&
    (by.operation === 'Apply' || entry.apiVersion === by.apiVersion) &&
    entry.subresource === by.subresource
  );
}

/** As the API server sorts them. */
function compareEntries(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  const keys = ['operation', 'time', 'manager', 'apiVersion', 'subresource'] as const;
  for (const key of keys) {
    const [left = '', right = ''] = [a[key], b[key]];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

function entryOf(by: Manager, fields: FieldSet, time: string | undefined): ManagedFieldsEntry {
  const { manager, operation, apiVersion, subresource } = by;
  return {
    manager,
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: writeSet(fields),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

/** A field that is applied with another value than that of somebody who owns it. */
export interface FieldConflict {
  readonly path: string;
  readonly owner: ManagedFieldsEntry;
}

export interface Applied {
  /** The `managedFields` then; the manager's time is of the last apply that changed the object. */
  readonly entries: (isChanged: boolean) => readonly ManagedFieldsEntry[];
  readonly conflicts: readonly FieldConflict[];
  /** What this manager has applied before and now leaves out, and nobody else owns. */
  readonly abandoned: readonly string[];
}

/**
 * What a server-side apply of `config` does to the owners of `live`: the manager owns exactly what it
 * applies, and shares what others own with the same value.
 */
export function managedAfterApply(
  live: KubeObject,
  config: Json,
  definition: string,
  by: Manager,
  now: string,
): Applied {
  const current = leaves(live, definition);
  const values = leaves(config, definition);
  const applied: FieldSet = new Set();
  for (const [path, value] of values) if (value !== NODE || isItem(path)) applied.add(path);
  // A struct that is said to be empty is owned as a whole.
  for (const [key, value] of Object.entries(config)) {
    if (key !== 'metadata' && isJsonObject(value) && Object.keys(value).length === 0) {
      applied.add(`f:${key}`);
    }
  }
  const changed = [...applied].filter(
    (path) => current.has(path) && !isSameJson(current.get(path), values.get(path)),
  );
  const others: ManagedFieldsEntry[] = [];
  const conflicts: FieldConflict[] = [];
  const shared: FieldSet = new Set();
  let own: ManagedFieldsEntry | undefined;
  for (const entry of live.metadata.managedFields ?? []) {
    if (isOf(entry, by)) {
      own = entry;
      continue;
    }
    const fields = readSet(entry.fieldsV1 ?? {});
    const lost = changed.filter((path) => fields.delete(path));
    conflicts.push(...lost.map((path) => ({ path, owner: entry })));
    for (const path of fields) shared.add(path);
    if (lost.length === 0) others.push(entry);
    else if (fields.size > 0) others.push({ ...entry, fieldsV1: writeSet(fields) });
  }
  const before = readSet(own?.fieldsV1 ?? {});
  const abandoned = [...before].filter((path) => !applied.has(path) && !isOwned(path, shared));
  const entries = (isChanged: boolean): ManagedFieldsEntry[] => {
    const time = isChanged ? now : own?.time;
    const entry = isSameSet(before, applied) && own ? own : entryOf(by, applied, time);
    return [...others, ...(applied.size === 0 ? [] : [entry])].sort(compareEntries);
  };
  return { entries, conflicts, abandoned };
}

/** Whether the path is that of a list's item, which is owned apart from what is in it. */
function isItem(path: string): boolean {
  return /^[kv]:/.test(path.slice(path.lastIndexOf('\n') + 1));
}

/** Whether somebody owns the field, or something in it. */
function isOwned(path: string, fields: FieldSet): boolean {
  if (fields.has(path)) return true;
  for (const other of fields) if (other.startsWith(`${path}\n`)) return true;
  return false;
}

function isSameSet(a: FieldSet, b: FieldSet): boolean {
  return a.size === b.size && [...a].every((path) => b.has(path));
}
