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

/**
 * Whose words errors have: those of Go's encoding/json, or of the converter that reads the result of
 * a strategic merge patch, which lets numbers overflow.
 */
export type DecoderWords = 'json' | 'converter';

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
  words: DecoderWords = 'json',
): Decoded {
  const decoder = new Decoder(duplicates, words);
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
  readonly #words: DecoderWords;

  constructor(duplicates: ReadonlySet<string>, words: DecoderWords) {
    this.#duplicates = duplicates;
    this.#words = words;
  }

  struct(value: Json, schema: Schema, place: Place): Json {
    const { properties = {} } = resolved(schema);
    const type = structName(schema.ref ?? '');
    // Read in the order of the text, written in the order of the schema.
    const read: Record<string, unknown> = {};
    for (const [key, given] of Object.entries(value)) {
      const at = { name: joined(place.name, key), go: joined(place.go, key) };
      if (this.#duplicates.has(at.name)) this.problems.push(`duplicate field "${at.name}"`);
      const field = properties[key];
      if (!field) this.problems.push(`unknown field "${at.name}"`);
      else if (given !== null && given !== undefined)
        read[key] = this.#value(given, field, at, type);
    }
    const result: Record<string, unknown> = {};
    for (const [key, field] of Object.entries(properties)) {
      if (!(key in read)) {
        const initial = initialValue(field);
        if (initial !== undefined) result[key] = initial;
      } else if (!isEmpty(read[key]) || KEEPS_EMPTY.has(type)) {
        result[key] = read[key];
      }
    }
    return result;
  }

  #value(value: unknown, schema: Schema, place: Place, owner: string): unknown {
    if (schema.ref === MICRO_TIME || schema.ref === TIME) {
      if (typeof value !== 'string') {
        const into = this.#words === 'json' ? `struct field ${owner}.${place.go} of` : 'value of';
        throw new Error(`json: cannot unmarshal ${kindOf(value)} into Go ${into} type string`);
      }
      return schema.ref === TIME ? parseTime(value) : parseMicroTime(value);
    }
    if (schema.ref === QUANTITY) return String(value);
    const { type, properties, items, additionalProperties, format } = resolved(schema);
    const wrong = (goType: string, literal = ''): Error => {
      if (this.#words === 'converter') return new Error(notConverted(value, goType));
      return new Error(
        `json: cannot unmarshal ${kindOf(value)}${literal} into Go struct field ${owner}.${place.go} of type ${goType}`,
      );
    };
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
        if (fits(value, format)) return value;
        if (this.#words === 'converter' && Number.isInteger(value)) return value | 0;
        throw wrong(goType(schema), ` ${String(value)}`);
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
    // As Go writes maps.
    return Object.fromEntries(Object.entries(result).sort(([a], [b]) => (a < b ? -1 : 1)));
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

function notConverted(value: unknown, goType: string): string {
  if (typeof value !== 'number') return `unrecognized type: ${goType}`;
  return `cannot convert ${Number.isInteger(value) ? 'int64' : 'float64'} to ${goType}`;
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
