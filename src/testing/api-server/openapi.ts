import { groupVersion, RESOURCES } from './resources.ts';
import type { Resource } from './resources.ts';
import type { Call, Result } from './request.ts';
import { resolved } from './schema.ts';
import type { Schema } from './schema.ts';

const ROOT = '/openapi/v3';

/** OpenAPI v3, as far as kubectl asks for it: schemas, and which parameters writes take. */
export function openApi(call: Call): Result | undefined {
  if (call.method !== 'GET' || !call.path.startsWith(ROOT)) return undefined;
  const path = call.path.slice(ROOT.length + 1);
  if (path === '') return { status: 200, body: { paths: index() } };
  const resources = RESOURCES.filter((resource) => documentPath(resource) === path);
  return resources.length === 0 ? undefined : { status: 200, body: document(resources) };
}

function documentPath(resource: Resource): string {
  return `${resource.group === '' ? 'api' : 'apis'}/${groupVersion(resource)}`;
}

function index(): object {
  const paths = [...new Set(RESOURCES.map(documentPath))];
  return Object.fromEntries(
    paths.map((path) => [path, { serverRelativeURL: `${ROOT}/${path}?hash=leasehold` }]),
  );
}

const WRITE_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({
  name,
  in: 'query',
  schema: { type: 'string', uniqueItems: true },
}));

function document(resources: readonly Resource[]): object {
  const paths: Record<string, object> = {};
  const schemas: Record<string, object> = {};
  for (const resource of resources) {
    const root = `/${documentPath(resource)}${resource.namespaced ? '/namespaces/{namespace}' : ''}`;
    paths[`${root}/${resource.plural}`] = {
      get: operation(resource, 'list', []),
      post: operation(resource, 'post', WRITE_PARAMETERS),
    };
    paths[`${root}/${resource.plural}/{name}`] = {
      get: operation(resource, 'get', []),
      put: operation(resource, 'put', WRITE_PARAMETERS),
      patch: operation(resource, 'patch', WRITE_PARAMETERS),
      delete: operation(resource, 'delete', []),
    };
    collect(resource.definition, schemas);
    const { group, version, kind } = resource;
    schemas[resource.definition] = {
      ...schemas[resource.definition],
      'x-kubernetes-group-version-kind': [{ group, version, kind }],
    };
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'unversioned' },
    paths,
    components: { schemas },
  };
}

function operation(resource: Resource, action: string, parameters: readonly object[]): object {
  const { group, version, kind, definition } = resource;
  const content = { 'application/json': { schema: { $ref: reference(definition) } } };
  return {
    ...(parameters.length === 0 ? {} : { parameters }),
    responses: { 200: { description: 'OK', content } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind },
  };
}

function reference(definition: string): string {
  return `#/components/schemas/${definition}`;
}

/** The schema of this name and all that it refers to, as OpenAPI writes them. */
function collect(definition: string, into: Record<string, object>): void {
  if (definition in into) return;
  into[definition] = {};
  into[definition] = written(resolved({ ref: definition }), into);
}

const EXTENSIONS = [
  'list-type',
  'list-map-keys',
  'map-type',
  'patch-merge-key',
  'patch-strategy',
] as const;

function written(schema: Schema, into: Record<string, object>): object {
  const { type, ref, properties, items, additionalProperties, format, required } = schema;
  const result: Record<string, unknown> = {};
  if (ref !== undefined) {
    collect(ref, into);
    result.allOf = [{ $ref: reference(ref) }];
  } else if (type === 'int-or-string' || type === 'any') {
    result.oneOf = [{ type: 'string' }, { type: type === 'any' ? 'number' : 'integer' }];
  } else if (type !== undefined) {
    result.type = type;
  }
  if (format !== undefined) result.format = format;
  if (required) result.required = required;
  if (items) result.items = written(items, into);
  if (additionalProperties) result.additionalProperties = written(additionalProperties, into);
  if (properties) {
    const entries = Object.entries(properties).map(([key, value]) => [key, written(value, into)]);
    result.properties = Object.fromEntries(entries) as object;
  }
  if ('default' in schema) result.default = schema.default;
  for (const name of EXTENSIONS) {
    if (schema[name] !== undefined) result[`x-kubernetes-${name}`] = schema[name];
  }
  return result;
}
