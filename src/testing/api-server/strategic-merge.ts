import { isJsonObject, isSameJson } from './object.ts';
import type { Json } from './object.ts';
import { resolved } from './schema.ts';
import type { Schema } from './schema.ts';

const ORDER = '$setElementOrder/';
const DELETE_ITEMS = '$deleteFromPrimitiveList/';
const RETAIN_KEYS = '$retainKeys';
const DIRECTIVE = '$patch';

/** A strategic merge patch: lists are merged by the keys that the schema names. */
export function strategicMerge(target: Json, patch: Json, schema: Schema): Json {
  if (patch[DIRECTIVE] === 'delete') return {};
  const { [DIRECTIVE]: directive, [RETAIN_KEYS]: retained, ...fields } = patch;
  const result: Record<string, unknown> = directive === 'replace' ? {} : { ...target };
  if (Array.isArray(retained)) {
    for (const key of Object.keys(result)) {
      if (!retained.includes(key)) Reflect.deleteProperty(result, key);
    }
  }
  for (const [key, value] of Object.entries(fields)) {
    if (key.startsWith(ORDER)) continue;
    if (key.startsWith(DELETE_ITEMS)) {
      const name = key.slice(DELETE_ITEMS.length);
      const list = result[name];
      if (Array.isArray(list) && Array.isArray(value)) {
        result[name] = list.filter((item) => !value.includes(item));
      }
    } else if (value === null) {
      Reflect.deleteProperty(result, key);
    } else {
      result[key] = merged(result[key], value, fieldSchema(schema, key));
    }
  }
  for (const [key, order] of Object.entries(fields)) {
    if (!key.startsWith(ORDER) || !Array.isArray(order)) continue;
    const name = key.slice(ORDER.length);
    const list = result[name];
    if (Array.isArray(list)) {
      result[name] = inOrder(list, order, mergeKeyOf(fieldSchema(schema, name)));
    }
  }
  return result;
}

function fieldSchema(schema: Schema, key: string): Schema {
  const { properties, additionalProperties } = resolved(schema);
  return properties?.[key] ?? additionalProperties ?? {};
}

function mergeKeyOf(schema: Schema): string | undefined {
  return schema['patch-merge-key'];
}

function merged(target: unknown, value: unknown, schema: Schema): unknown {
  if (isJsonObject(value)) {
    return strategicMerge(isJsonObject(target) ? target : {}, value, schema);
  }
  if (!Array.isArray(value) || !(schema['patch-strategy'] ?? '').includes('merge')) return value;
  const list: unknown[] = Array.isArray(target) ? target : [];
  const mergeKey = mergeKeyOf(schema);
  if (mergeKey === undefined) {
    return interleaved(
      list.filter((item) => !value.includes(item)),
      value,
      (item) => list.indexOf(item),
    );
  }
  return mergedList(list as Json[], value as Json[], mergeKey, schema.items ?? {});
}

function mergedList(
  list: readonly Json[],
  patches: readonly Json[],
  mergeKey: string,
  schema: Schema,
): Json[] {
  if (patches.some((item) => item[DIRECTIVE] === 'replace' && !(mergeKey in item))) {
    return patches.filter((item) => !(DIRECTIVE in item));
  }
  const result = [...list];
  const patched: Json[] = [];
  for (const patch of patches) {
    const index = result.findIndex((item) => isSameJson(item[mergeKey], patch[mergeKey]));
    const known = result[index];
    if (known) result.splice(index, 1);
    if (patch[DIRECTIVE] !== 'delete') patched.push(strategicMerge(known ?? {}, patch, schema));
  }
  return interleaved(result, patched, (item) =>
    list.findIndex((known) => isSameJson(known[mergeKey], item[mergeKey])),
  );
}

/**
 * The items of a patch in its order, and in between, in theirs, those that only the server has. What
 * is new comes before what was there.
 *
 * @param indexOf - where the server had the item, -1 when it is new
 */
function interleaved<Item>(
  others: readonly Item[],
  patched: readonly Item[],
  indexOf: (item: Item) => number,
): Item[] {
  const result = [...patched];
  for (const item of [...others].reverse()) {
    const before = result.findIndex((known) => indexOf(known) > indexOf(item));
    result.splice(before === -1 ? result.length : before, 0, item);
  }
  return result;
}

/** The items that the patch orders, in its order; those that only the server knows come last. */
function inOrder(
  list: readonly unknown[],
  order: readonly unknown[],
  mergeKey: string | undefined,
): unknown[] {
  const identity = (item: unknown): unknown =>
    mergeKey !== undefined && isJsonObject(item) ? item[mergeKey] : item;
  const rank = (item: unknown): number => {
    const found = order.findIndex((wanted) => isSameJson(identity(wanted), identity(item)));
    return found === -1 ? order.length : found;
  };
  return [...list].sort((a, b) => rank(a) - rank(b));
}
