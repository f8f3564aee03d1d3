import { parseMicroTime, parseTime } from './go-time.ts';
import { joined } from './json-text.ts';
import { isJsonObject } from './object.ts';
import type { Json } from './object.ts';
import { MICRO_TIME, QUANTITY, resolved, structName, TIME } from './schema.ts';
import type { Schema } from './schema.ts';

/** An object as a schema has it, and what of it the schema does not know. */
export interface Decoded {
  readonly value: Json;
  /** `unknown field "spec.x"`, `duplicate field "spec.y"`, in the order of the text. */
  readonly problems: readonly string[];
}

/** Pointers in Go: an empty string in them is a value, elsewhere the same as nothing. */
const KEEPS_EMPTY = new Set(['LeaseSpec']);

/**
 * Reads `value` as the API server does: unknown fields are dropped, times brought into one form,
 * and what is null or empty left out.
 *
 * @param duplicates - paths of keys that the text named twice
 * @throws Error in the words of Go's encoding/json when a field has another type
 */
export function decode(
  value: Json,
  definition: string,
  duplicates: ReadonlySet<string> = new Set(),
): Decoded {
  const decoder = new Decoder(duplicates);
  const decoded = decoder.struct(value, { ref: definition }, { name: '', go: '' });
  return { value: decoded, problems: decoder.problems };
}

/** A place in the object: with the indexes of lists for people, without them for Go's messages. */
interface Place {
  readonly name: string;
  readonly go: string;
}

class Decoder {
  readonly problems: string[] = [];
  readonly #duplicates: ReadonlySet<string>;

  constructor(duplicates: ReadonlySet<string>) {
    this.#duplicates = duplicates;
  }

  struct(value: Json, schema: Schema, place: Place): Json {
    const { properties = {} } = resolved(schema);
    const type = structName(schema.ref ?? '');
    for (const key of Object.keys(value)) {
      const name = joined(place.name, key);
      if (this.#duplicates.has(name)) this.problems.push(`duplicate field "${name}"`);
      if (!(key in properties)) this.problems.push(`unknown field "${name}"`);
    }
    const result: Record<string, unknown> = {};
    for (const [key, field] of Object.entries(properties)) {
      const given = value[key];
      if (given === undefined || given === null) {
        const initial = initialValue(field);
        if (initial !== undefined) result[key] = initial;
        continue;
      }
      const at = { name: joined(place.name, key), go: joined(place.go, key) };
      const decoded = this.#value(given, field, at, type);
      if (!isEmpty(decoded) || KEEPS_EMPTY.has(type)) result[key] = decoded;
    }
    return result;
  }

  #value(value: unknown, schema: Schema, place: Place, owner: string): unknown {
    if (schema.ref === MICRO_TIME || schema.ref === TIME) {
      if (typeof value !== 'string') {
        throw new Error(`json: cannot unmarshal ${kindOf(value)} into Go value of type string`);
      }
      return schema.ref === TIME ? parseTime(value) : parseMicroTime(value);
    }
    if (schema.ref === QUANTITY) return String(value);
    const { type, properties, items, additionalProperties, format } = resolved(schema);
    const wrong = (goType: string, literal = ''): Error =>
      new Error(
        `json: cannot unmarshal ${kindOf(value)}${literal} into Go struct field ${owner}.${place.go} of type ${goType}`,
      );
    if (properties) {
      if (!isJsonObject(value)) throw wrong(`v1.${structName(schema.ref ?? '')}`);
      return this.struct(value, schema, place);
    }
    switch (type) {
      case 'string':
        if (typeof value !== 'string') throw wrong(goType(schema));
        return value;
      case 'boolean':
        if (typeof value !== 'boolean') throw wrong(goType(schema));
        return value;
      case 'integer':
        if (typeof value !== 'number') throw wrong(goType(schema));
        if (!fits(value, format)) throw wrong(goType(schema), ` ${String(value)}`);
        return value;
      case 'array':
        if (!Array.isArray(value)) throw wrong(goType(schema));
        return value.map((item: unknown, index) => {
          const at = { name: `${place.name}[${String(index)}]`, go: place.go };
          return this.#value(item, items ?? {}, at, owner);
        });
      case 'object':
        if (!isJsonObject(value)) throw wrong(goType(schema));
        if (!additionalProperties) return value;
        return this.#map(value, additionalProperties, place, owner);
      default:
        return value;
    }
  }

  #map(value: Json, schema: Schema, place: Place, owner: string): Json {
    const result: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) {
      const name = joined(place.name, key);
      if (this.#duplicates.has(name)) this.problems.push(`duplicate field "${name}"`);
      result[key] =
        item === null && schema.type === 'string'
          ? ''
          : this.#value(item, schema, { name, go: place.go }, owner);
    }
    return result;
  }
}

/** What a field that is absent reads as: the struct that Go has there anyway, or the default. */
function initialValue(schema: Schema): unknown {
  const initial = schema.default;
  if (!isJsonObject(initial)) return initial === '' || initial === 0 ? undefined : initial;
  const { properties = {} } = resolved(schema);
  const result: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(properties)) {
    const value = initialValue(field);
    if (value !== undefined) result[key] = value;
  }
  return result;
}

function isEmpty(value: unknown): boolean {
  if (value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return false;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return value === null ? 'null' : typeof value;
}

function fits(value: number, format: string | undefined): boolean {
  if (!Number.isInteger(value)) return false;
  return format !== 'int32' || (value >= -2_147_483_648 && value <= 2_147_483_647);
}

function goType(schema: Schema): string {
  const { type, format, items, additionalProperties } = resolved(schema);
  switch (type) {
    case 'integer':
      return format ?? 'int64';
    case 'boolean':
      return 'bool';
    case 'array':
      return `[]${goType(items ?? {})}`;
    case 'object':
      if (additionalProperties) return `map[string]${goType(additionalProperties)}`;
      return schema.ref === undefined ? 'map[string]interface {}' : `v1.${structName(schema.ref)}`;
    default:
      return 'string';
  }
}
