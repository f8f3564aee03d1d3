/**
 * Writes `src/testing/api-server/schemas.json`: what the embedded API server knows of the objects that
 * it serves. It is taken from the OpenAPI of the kube-apiserver of `test/cluster`, without descriptions,
 * and the numbers of fields in protobuf from the Go modules that this was built from.
 *
 *     node scripts/api-schemas.ts
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startCluster } from '../test/cluster/server.ts';

type Json = Record<string, unknown>;

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const ROOTS = [
  ...['ConfigMap', 'Event', 'Namespace', 'Pod', 'Service', 'ServiceAccount'].map(
    (kind) => `io.k8s.api.core.v1.${kind}`,
  ),
  'io.k8s.api.coordination.v1.Lease',
  'io.k8s.api.events.v1.Event',
  'io.k8s.api.authentication.v1.SelfSubjectReview',
  'io.k8s.api.authentication.v1.TokenRequest',
  'io.k8s.api.authorization.v1.SelfSubjectAccessReview',
  'io.k8s.api.authorization.v1.SelfSubjectRulesReview',
  `${META}.DeleteOptions`,
];
const DOCUMENTS = [
  'api/v1',
  'apis/coordination.k8s.io/v1',
  'apis/events.k8s.io/v1',
  'apis/authentication.k8s.io/v1',
  'apis/authorization.k8s.io/v1',
];
const EXTENSION = 'x-kubernetes-';
const OUTPUT = join(import.meta.dirname, '../src/testing/api-server/schemas.json');
const MODULES = join(import.meta.dirname, '../test/cluster');

/** A field of a message in protobuf. */
interface Field {
  readonly number: number;
  readonly type: string;
}

type Message = ReadonlyMap<string, Field>;

const packages = new Map<string, Map<string, Message>>();

/**
 * Where each field of a message is, from the module's generated.proto: its number, and that of the
 * message around it where Go embeds one struct in another.
 */
function places(definition: string): (name: string) => Json {
  const [, root = '', path = '', message = ''] =
    /^io\.k8s\.(api|apimachinery)\.(.+)\.(\w+)$/.exec(definition) ?? [];
  const messages = messagesOf(root, path.replaceAll('.', '/'));
  const own = messages.get(message) ?? new Map<string, Field>();
  return (name) => {
    // `uid` is `uID` in some.
    const key = name.toLowerCase();
    const field = own.get(key);
    if (field) return { number: field.number };
    for (const embedding of own.values()) {
      const inner = messages.get(embedding.type)?.get(key);
      if (inner) return { number: inner.number, embeddedIn: embedding.number };
    }
    return {};
  };
}

function messagesOf(root: string, path: string): Map<string, Message> {
  const known = packages.get(`${root}/${path}`);
  if (known) return known;
  const directory = execFileSync('go', ['list', '-m', '-f', '{{.Dir}}', `k8s.io/${root}`], {
    cwd: MODULES,
    encoding: 'utf8',
  }).trim();
  const text = readFileSync(join(directory, path, 'generated.proto'), 'utf8');
  const messages = new Map<string, Message>();
  for (const [, name = '', body = ''] of text.matchAll(/^message (\w+) \{\n(.*?)^\}/gms)) {
    const fields = body.matchAll(/^ {2}(?:optional |repeated |map<)([^=]*) (\w+) = (\d+);/gm);
    messages.set(
      name,
      new Map(
        [...fields].map(([, type = '', field = '', number]) => [
          field.toLowerCase(),
          { type, number: Number(number) },
        ]),
      ),
    );
  }
  packages.set(`${root}/${path}`, messages);
  return messages;
}

function converted(schema: Json, placeOf: (name: string) => Json = () => ({})): Json {
  const result: Json = {};
  const [only] = (schema.allOf ?? []) as Json[];
  const reference = (only?.$ref ?? schema.$ref) as string | undefined;
  if (reference !== undefined) result.ref = reference.slice(reference.lastIndexOf('/') + 1);
  if (schema.oneOf) result.type = schema.format === 'int-or-string' ? schema.format : 'any';
  for (const key of ['type', 'format', 'required'] as const) {
    if (schema[key] !== undefined) result[key] = schema[key];
  }
  if (schema.items) result.items = converted(schema.items as Json);
  if (schema.additionalProperties) {
    result.additionalProperties = converted(schema.additionalProperties as Json);
  }
  if (schema.properties) {
    // By number they stand in the order in which Go writes them; the type has none.
    const first = ['apiVersion', 'kind'];
    const rank = (name: string): number => {
      const { number, embeddedIn } = placeOf(name);
      const place = embeddedIn ?? number;
      if (typeof place === 'number') return place;
      return first.includes(name) ? -1 - first.indexOf(name) : 1_000;
    };
    const entries = Object.entries(schema.properties as Record<string, Json>)
      .sort(([a], [b]) => rank(a) - rank(b))
      .map(([name, property]) => [name, { ...converted(property), ...placeOf(name) }]);
    result.properties = Object.fromEntries(entries) as Json;
  }
  if ('default' in schema) result.default = schema.default;
  for (const key of Object.keys(schema)) {
    if (key.startsWith(EXTENSION) && key !== `${EXTENSION}group-version-kind`) {
      result[key.slice(EXTENSION.length)] = schema[key];
    }
  }
  return result;
}

const definitions: Record<string, Json> = {};
const cluster = await startCluster();
try {
  for (const path of DOCUMENTS) {
    const { body } = await cluster.request<{ components: { schemas: Record<string, Json> } }>(
      'GET',
      `/openapi/v3/${path}`,
    );
    Object.assign(definitions, body.components.schemas);
  }
} finally {
  await cluster.stop();
}
const schemas: Record<string, Json> = {};
const open = [...ROOTS];
for (let name = open.pop(); name !== undefined; name = open.pop()) {
  if (name in schemas) continue;
  const definition = definitions[name];
  if (!definition) throw new Error(`the API server has no ${name}`);
  const schema = converted(definition, places(name));
  schemas[name] = schema;
  for (const [, reference = ''] of JSON.stringify(schema).matchAll(/"ref":"([^"]+)"/g)) {
    open.push(reference);
  }
}
const sorted = Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1));
const lines = sorted.map(([name, schema]) => `${JSON.stringify(name)}:${JSON.stringify(schema)}`);
writeFileSync(OUTPUT, `{\n${lines.join(',\n')}\n}\n`);
