import { isJsonObject, isSameJson } from './object.ts';
import type { Json } from './object.ts';

/** A patch that cannot be applied to the object. */
export class PatchError extends Error {
  override readonly name = 'PatchError';
}

/** RFC 7386. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const result: Record<string, unknown> = isJsonObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, key);
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

interface Operation {
  readonly op?: string;
  readonly path?: string;
  readonly from?: string;
  readonly value?: unknown;
}

type Container = Record<string, unknown> | unknown[];

/**
 * RFC 6902.
 *
 * @throws PatchError when an operation does not apply
 */
export function jsonPatch(target: Json, operations: readonly unknown[]): unknown {
  let root: unknown = structuredClone(target);
  for (const operation of operations as readonly Operation[]) root = applied(root, operation);
  return root;
}

function applied(root: unknown, { op, path, from, value }: Operation): unknown {
  if (path === undefined) throw new PatchError('an operation has no path');
  switch (op) {
    case 'add':
      return add(root, path, value);
    case 'remove':
      return remove(root, path);
    case 'replace':
      return path === '' ? value : replace(root, path, value);
    case 'move': {
      const moved = read(root, from ?? '');
      return add(remove(root, from ?? ''), path, moved);
    }
    case 'copy':
      return add(root, path, structuredClone(read(root, from ?? '')));
    case 'test':
      if (!isSameJson(readOrNull(root, path), value ?? null)) throw new PatchError('test failed');
      return root;
    default:
      throw new PatchError(`unknown operation ${op ?? ''}`);
  }
}

function keysOf(path: string): string[] {
  if (path === '') return [];
  if (!path.startsWith('/')) throw new PatchError(`${path} is no path`);
  const keys = path.slice(1).split('/');
  return keys.map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function read(root: unknown, path: string): unknown {
  let found = root;
  for (const key of keysOf(path)) {
    const container = found as Container;
    found = Array.isArray(container)
      ? container[indexOf(container, key, container.length - 1)]
      : isJsonObject(container)
        ? container[key]
        : undefined;
    if (found === undefined) throw new PatchError(`${path} is missing`);
  }
  return found;
}

function readOrNull(root: unknown, path: string): unknown {
  try {
    return read(root, path);
  } catch {
    return null;
  }
}

function add(root: unknown, path: string, value: unknown): unknown {
  const keys = keysOf(path);
  const last = keys.pop();
  if (last === undefined) return value;
  const container = parentOf(root, keys);
  if (!Array.isArray(container)) container[last] = value;
  else if (last === '-') container.push(value);
  else container.splice(indexOf(container, last, container.length), 0, value);
  return root;
}

/** Of an object it also replaces what is missing, as the API server's library does. */
function replace(root: unknown, path: string, value: unknown): unknown {
  const keys = keysOf(path);
  const last = keys.pop() ?? '';
  const container = parentOf(root, keys);
  if (Array.isArray(container)) container[indexOf(container, last, container.length - 1)] = value;
  else container[last] = value;
  return root;
}

function remove(root: unknown, path: string): unknown {
  if (path === '') throw new PatchError('the whole cannot be removed');
  read(root, path);
  const keys = keysOf(path);
  const last = keys.pop() ?? '';
  const container = parentOf(root, keys);
  if (Array.isArray(container)) container.splice(Number(last), 1);
  else Reflect.deleteProperty(container, last);
  return root;
}

function parentOf(root: unknown, keys: readonly string[]): Container {
  const path = keys.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  const container = read(root, path);
  if (typeof container !== 'object' || container === null) {
    throw new PatchError(`${path} holds nothing`);
  }
  return container as Container;
}

function indexOf(list: readonly unknown[], key: string, most: number): number {
  const index = /^-?\d+$/.test(key) ? Number(key) : Number.NaN;
  const counted = index < 0 ? index + list.length : index;
  if (!(counted >= 0 && counted <= most)) throw new PatchError(`no item ${key}`);
  return counted;
}
