import { formatTime } from './go-time.ts';
import type { Json } from './object.ts';
import { groupVersion, RESOURCES } from './resources.ts';
import { INT_OR_STRING, META, MICRO_TIME, QUANTITY, resolved, TIME } from './schema.ts';
import type { Schema } from './schema.ts';
import { badRequest } from './status.ts';

/** What clients written in Go send when their types are known to them, kubectl in part. */
export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

const MAGIC = Buffer.from('k8s\0');

/** Of objects that are not stored. */
const OTHERS: Readonly<Record<string, string>> = {
  SelfSubjectReview: 'io.k8s.api.authentication.v1.SelfSubjectReview',
  TokenRequest: 'io.k8s.api.authentication.v1.TokenRequest',
  SelfSubjectAccessReview: 'io.k8s.api.authorization.v1.SelfSubjectAccessReview',
  SelfSubjectRulesReview: 'io.k8s.api.authorization.v1.SelfSubjectRulesReview',
  DeleteOptions: `${META}.DeleteOptions`,
};

/** Numbers that Go has no pointers to: what is not given comes as zero. */
const ZERO_IS_NOTHING = new Set(['generation', 'nodePort', 'hostPort', 'count', 'deprecatedCount']);

/**
 * The JSON of an object that came as protobuf.
 *
 * @throws StatusError 400 when it is none, or of an unknown kind
 */
export function protobufToJson(bytes: Buffer): string {
  if (bytes.length === 0) return '';
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw badRequest('the body of the request is no protobuf of Kubernetes');
  }
  // The envelope: 1 is the type (apiVersion, kind), 2 the object.
  const envelope = readFields(bytes.subarray(MAGIC.length));
  const type = readFields(bytesOf(envelope.get(1)?.at(-1)));
  const apiVersion = bytesOf(type.get(1)?.at(-1)).toString('utf8');
  const kind = bytesOf(type.get(2)?.at(-1)).toString('utf8');
  const resource = RESOURCES.find(
    (known) => known.kind === kind && groupVersion(known) === apiVersion,
  );
  const definition = resource?.definition ?? OTHERS[kind];
  if (definition === undefined) {
    throw badRequest(
      `no kind "${kind}" is registered for version "${apiVersion}" in scheme "pkg/api/legacyscheme/scheme.go:30"`,
    );
  }
  const object = message(bytesOf(envelope.get(2)?.at(-1)), { ref: definition });
  return JSON.stringify({ ...object, kind, apiVersion });
}

type Value = bigint | Buffer;
type Fields = Map<number, Value[]>;

function bytesOf(value: Value | undefined): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}

/** The fields of a message by number: varints, and bytes. */
function readFields(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  let position = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[position++];
      if (byte === undefined) throw badRequest('the protobuf of the request ends too early');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
  };
  while (position < bytes.length) {
    const tag = Number(varint());
    const wireType = tag & 7;
    let value: Value;
    if (wireType === 0) value = varint();
    else {
      const length = wireType === 2 ? Number(varint()) : wireType === 1 ? 8 : 4;
      value = bytes.subarray(position, position + length);
      position += length;
    }
    const number = tag >>> 3;
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

function message(bytes: Buffer, schema: Schema): Json {
  const fields = readFields(bytes);
  const result: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(resolved(schema).properties ?? {})) {
    const { number, embeddedIn } = property;
    if (number === undefined) continue;
    const within =
      embeddedIn === undefined ? fields : readFields(bytesOf(fields.get(embeddedIn)?.at(-1)));
    const values = within.get(number);
    const value = values && field(values, property);
    if (value !== undefined && !(value === 0 && ZERO_IS_NOTHING.has(name))) result[name] = value;
  }
  return result;
}

function field(values: readonly Value[], schema: Schema): unknown {
  const { type, items, additionalProperties } = resolved(schema);
  if (type === 'array') {
    return values.map((value) => single(value, items ?? {}));
  }
  if (type === 'object' && additionalProperties) {
    const entries = values.map((value) => {
      const entry = readFields(bytesOf(value));
      const key = bytesOf(entry.get(1)?.at(-1)).toString('utf8');
      const found = entry.get(2)?.at(-1) ?? Buffer.alloc(0);
      return [key, single(found, additionalProperties)];
    });
    return Object.fromEntries(entries) as unknown;
  }
  return single(values.at(-1) ?? 0n, schema);
}

function single(value: Value, schema: Schema): unknown {
  const { type, format, properties } = resolved(schema);
  const bytes = bytesOf(value);
  switch (schema.ref) {
    case TIME:
    case MICRO_TIME:
      return time(bytes, schema.ref === MICRO_TIME);
    case QUANTITY:
      return bytesOf(readFields(bytes).get(1)?.at(-1)).toString('utf8');
    case INT_OR_STRING: {
      const parts = readFields(bytes);
      const isText = parts.get(1)?.at(-1) === 1n;
      return isText
        ? bytesOf(parts.get(3)?.at(-1)).toString('utf8')
        : Number(parts.get(2)?.at(-1) ?? 0n);
    }
    case undefined:
      break;
    default:
      // fieldsV1 is JSON in bytes; nothing else is an object without known fields.
      if (!properties) return rawJson(bytes);
      return message(bytes, schema);
  }
  if (type === 'boolean') return value === 1n;
  if (type === 'integer') return Number(value);
  return bytes.toString(format === 'byte' ? 'base64' : 'utf8');
}

function rawJson(bytes: Buffer): unknown {
  return JSON.parse(bytesOf(readFields(bytes).get(1)?.at(-1)).toString('utf8') || '{}');
}

/** Null for the zero time, which an empty message is. */
function time(bytes: Buffer, isMicro: boolean): string | null {
  if (bytes.length === 0) return null;
  const parts = readFields(bytes);
  const seconds = formatTime(Number(parts.get(1)?.at(-1) ?? 0n) * 1_000);
  if (!isMicro) return seconds;
  const micros = Math.floor(Number(parts.get(2)?.at(-1) ?? 0n) / 1_000);
  return seconds.replace('Z', `.${String(micros).padStart(6, '0')}Z`);
}
