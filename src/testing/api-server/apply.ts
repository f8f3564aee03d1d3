import { typed } from './body.ts';
import type { Context } from './context.ts';
import { create, withNamespace } from './create.ts';
import { decode } from './decode.ts';
import { inVersion } from './event-versions.ts';
import { itemKey, SEPARATOR } from './field-sets.ts';
import { formatTime } from './go-time.ts';
import { jsonProblem } from './json-text.ts';
import { managedAfterApply } from './managed-fields.ts';
import type { FieldConflict } from './managed-fields.ts';
import { isJsonObject, isSameJson, printed, withMetadata } from './object.ts';
import type { Json, ManagedFieldsEntry } from './object.ts';
import type { WriteOptions } from './options.ts';
import { groupVersion } from './resources.ts';
import type { Resource } from './resources.ts';
import type { Route } from './route.ts';
import { resolved } from './schema.ts';
import type { Schema } from './schema.ts';
import { badRequest, conflict, StatusError } from './status.ts';
import { checkName, routeKey, update } from './update.ts';
import type { Updated } from './update.ts';

/** It names YAML; what kubectl and client-go send is JSON. */
export const APPLY_PATCH = 'application/apply-patch+yaml';

/** Server-side apply: merges what one manager wants into an object, or creates it. */
export function apply(
  context: Context,
  route: Route,
  body: string,
  options: WriteOptions,
): Updated {
  const { resource, namespace, name = '', subresource } = route;
  const config = readConfig(body, resource);
  const sent = withNamespace(typed(config, resource), namespace, resource);
  checkName(sent, name);
  const existing = context.store.get(resource.storage, routeKey(route));
  const { uid } = sent.metadata;
  if (uid !== undefined && !existing) {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflict(resource, name, why);
  }
  const empty = inVersion(typed(decode({}, resource.definition).value, resource), resource);
  const live = existing ? inVersion(existing, resource) : empty;
  const { entries, conflicts, abandoned } = managedAfterApply(
    live,
    config,
    resource.definition,
    {
      manager: options.fieldManager,
      operation: 'Apply',
      apiVersion: groupVersion(resource),
      ...(subresource === undefined ? {} : { subresource }),
    },
    formatTime(context.clock.wall()),
  );
  if (conflicts.length > 0 && !options.force) throw applyConflict(conflicts);
  const schema = { ref: resource.definition };
  let merged = mergeApplied(live, config, schema);
  // What is deepest goes first, so that what holds it can be found empty.
  for (const path of [...abandoned].sort().reverse()) {
    merged = without(merged, path.split(SEPARATOR), schema);
  }
  const object = typed(merged as Json, resource);
  const isChanged = !existing || !isSameJson(merged, live);
  const managed: WriteOptions = { ...options, managedFields: entries(isChanged) };
  if (!existing) {
    // Like PUT, it creates whatever version is named.
    const fresh = withMetadata(object, { resourceVersion: undefined });
    return { object: create(context, resource, namespace, fresh, managed), created: true };
  }
  return { object: update(context, route, existing, object, managed), created: false };
}

function readConfig(body: string, resource: Resource): Json {
  const problem = jsonProblem(body);
  if (problem !== '')
    throw badRequest(`error decoding YAML: this server reads JSON only: ${problem}`);
  const value: unknown = JSON.parse(body);
  const { apiVersion, kind, metadata } = isJsonObject(value) ? value : {};
  if (!isJsonObject(value) || apiVersion !== groupVersion(resource) || kind !== resource.kind) {
    const [group, version] = splitVersion(typeof apiVersion === 'string' ? apiVersion : '');
    const given = kind === undefined ? '' : printed(kind);
    throw badRequest(`invalid object type: ${group}/${version}, Kind=${given}`);
  }
  if (isJsonObject(metadata) && metadata.managedFields !== undefined) {
    throw badRequest('metadata.managedFields must be nil');
  }
  const problemWith = (what: string): StatusError => {
    const { namespace, name } = isJsonObject(metadata) ? metadata : {};
    const type = `${groupVersion(resource)}, Kind=${resource.kind}`;
    const id = `${printed(namespace ?? '')}/${printed(name ?? '')}; ${type}`;
    // Times are only read when the patch has been found to be well typed.
    return what.startsWith('parsing time')
      ? new StatusError(
          500,
          undefined,
          `failed to convert new object (${id}) to proper version: unable to convert unstructured object to ${type}: ${what}`,
        )
      : new StatusError(500, undefined, `failed to create typed patch object (${id}): ${what}`);
  };
  let decoded;
  try {
    decoded = decode(value, resource.definition);
  } catch (error) {
    throw problemWith(error instanceof Error ? error.message : '');
  }
  const unknown = decoded.problems.map((found) => /^unknown field "(.*)"$/.exec(found)?.[1]);
  if (unknown[0] !== undefined) throw problemWith(`.${unknown[0]}: field not declared in schema`);
  return declared(value, decoded.value);
}

function splitVersion(apiVersion: string): [group: string, version: string] {
  const slash = apiVersion.indexOf('/');
  return slash === -1
    ? ['', apiVersion]
    : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}

/** Without what the decoder has filled in: only what is said is owned. */
function declared(said: Json, decoded: Json): Json {
  const entries = Object.entries(decoded).filter(([key]) => said[key] !== undefined);
  return Object.fromEntries(
    entries.map(([key, value]) => {
      const inner = said[key];
      return [key, isJsonObject(value) && isJsonObject(inner) ? declared(inner, value) : value];
    }),
  );
}

function applyConflict(conflicts: readonly FieldConflict[]): StatusError {
  const byOwner = Map.groupBy(conflicts, ({ owner }) => ownerText(owner));
  const parts = [...byOwner].map(([owner, of]) => {
    const fields = of.map(({ path }) => fieldText(path));
    return of.length === 1
      ? `conflict with ${owner}: ${fields[0] ?? ''}`
      : `conflicts with ${owner}:\n${fields.map((field) => `- ${field}`).join('\n')}`;
  });
  const count = `${String(conflicts.length)} conflict${conflicts.length === 1 ? '' : 's'}`;
  return new StatusError(409, 'Conflict', `Apply failed with ${count}: ${parts.join('\n')}`, {
    causes: conflicts.map(({ path, owner }) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${ownerText(owner)}`,
      field: fieldText(path),
    })),
  });
}

function ownerText({
  manager = '',
  operation,
  apiVersion = '',
  subresource,
}: ManagedFieldsEntry): string {
  const where = subresource === undefined ? '' : ` with subresource "${subresource}"`;
  return `"${manager}"${where}${operation === 'Update' ? ` using ${apiVersion}` : ''}`;
}

/** `.spec.containers[name="main"].image` */
function fieldText(path: string): string {
  const keys = path.split(SEPARATOR).map((key) => {
    const text = key.slice(2);
    if (key.startsWith('f:')) return `.${text}`;
    if (key.startsWith('v:')) return `[=${text}]`;
    const parts = Object.entries(JSON.parse(text) as Json);
    return `[${parts.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
  });
  return keys.join('');
}

function listKeys(schema: Schema): readonly string[] {
  return schema['list-map-keys'] ?? [];
}

function fieldSchema(schema: Schema, name: string): Schema {
  const { properties, additionalProperties } = resolved(schema);
  return properties?.[name] ?? additionalProperties ?? {};
}

/** Fields are merged, items of lists by their keys; what is atomic is replaced. */
function mergeApplied(live: unknown, config: unknown, schema: Schema): unknown {
  if (Array.isArray(config)) {
    const list: unknown[] = Array.isArray(live) ? live : [];
    if (schema['list-type'] === 'set') {
      return [...list, ...(config as unknown[]).filter((item) => !list.includes(item))];
    }
    if (schema['list-type'] !== 'map') return config;
    const result = [...(list as Json[])];
    for (const item of config as Json[]) {
      const key = itemKey(item, listKeys(schema));
      const index = result.findIndex((known) => itemKey(known, listKeys(schema)) === key);
      const known = result[index];
      if (known) result[index] = mergeApplied(known, item, schema.items ?? {}) as Json;
      else result.push(item);
    }
    return result;
  }
  const mapType = schema['map-type'] ?? resolved(schema)['map-type'];
  if (!isJsonObject(config) || !isJsonObject(live) || mapType === 'atomic') return config;
  const result: Record<string, unknown> = { ...live };
  for (const [name, value] of Object.entries(config)) {
    result[name] = mergeApplied(live[name], value, fieldSchema(schema, name));
  }
  return result;
}

/** The value without the field of this path. */
function without(value: unknown, keys: readonly string[], schema: Schema): unknown {
  const [key = '', ...rest] = keys;
  const text = key.slice(2);
  if (Array.isArray(value)) {
    const isMeant = (item: unknown): boolean =>
      key.startsWith('v:')
        ? JSON.stringify(item) === text
        : isJsonObject(item) && itemKey(item, listKeys(schema)) === text;
    const list = value as unknown[];
    if (rest.length === 0) return list.filter((item) => !isMeant(item));
    return list.map((item) => (isMeant(item) ? without(item, rest, schema.items ?? {}) : item));
  }
  if (!isJsonObject(value) || !(text in value)) return value;
  const { [text]: inner, ...others } = value;
  if (rest.length === 0) return others;
  return { ...value, [text]: without(inner, rest, fieldSchema(schema, text)) };
}
