import { checkSize, notRegistered, typed } from './body.ts';
import type { Context } from './context.ts';
import { withNamespace } from './create.ts';
import { decode } from './decode.ts';
import type { DecoderWords } from './decode.ts';
import { toVersion } from './event-versions.ts';
import { duplicateKeys, jsonProblem } from './json-text.ts';
import { isJsonObject } from './object.ts';
import type { Json, KubeObject } from './object.ts';
import type { WriteOptions } from './options.ts';
import { jsonPatch, mergePatch, PatchError } from './patch.ts';
import { groupVersion } from './resources.ts';
import type { Resource } from './resources.ts';
import type { Route } from './route.ts';
import { badRequest, invalidPatch, notFound, StatusError } from './status.ts';
import { strategicMerge } from './strategic-merge.ts';
import { checkName, routeKey, update } from './update.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const STRATEGIC_PATCH = 'application/strategic-merge-patch+json';

export interface Patched {
  readonly object: KubeObject;
  readonly warnings: readonly string[];
}

/** PATCH of an object that exists. */
export function patch(
  context: Context,
  route: Route,
  body: string,
  contentType: string,
  options: WriteOptions,
): Patched {
  const { resource, name = '' } = route;
  checkSize(body);
  if (![JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH].includes(contentType)) {
    throw new StatusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
  }
  const existing = context.store.get(resource.storage, routeKey(route));
  if (!existing) throw notFound(resource, name);
  const value = parse(body, contentType);
  const current = toVersion(existing, resource);
  const result = apply(current, value, contentType, resource);
  const words = contentType === STRATEGIC_PATCH ? 'converter' : 'json';
  const { object, warnings } = read(result, body, resource, options, words);
  checkName(object, name);
  withNamespace(object, route.namespace, resource);
  return { object: update(context, route, existing, object, options), warnings };
}

function parse(body: string, contentType: string): unknown {
  const problem = jsonProblem(body);
  const prefix = contentType === STRATEGIC_PATCH ? '' : 'error decoding patch: ';
  if (problem !== '') throw badRequest(`${prefix}${problem}`);
  const value: unknown = JSON.parse(body);
  if (value === null && contentType === MERGE_PATCH) throw badRequest('Invalid JSON Patch');
  const found = Array.isArray(value) ? 'array' : isJsonObject(value) ? 'object' : typeof value;
  const isList = contentType === JSON_PATCH;
  if (found === (isList ? 'array' : 'object')) return value;
  const type = isList ? '[]handlers.jsonPatchOp' : 'map[string]interface {}';
  if (value === null && contentType === MERGE_PATCH) throw badRequest('Invalid JSON Patch');
  throw badRequest(`${prefix}json: cannot unmarshal ${found} into Go value of type ${type}`);
}

function apply(current: Json, value: unknown, contentType: string, resource: Resource): unknown {
  if (contentType === MERGE_PATCH) return mergePatch(current, value);
  if (contentType === STRATEGIC_PATCH) {
    return strategicMerge(current, value as Json, { ref: resource.definition });
  }
  try {
    return jsonPatch(current, value as unknown[]);
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    const message = 'the server rejected our request due to an error in our request';
    throw new StatusError(422, 'Invalid', message, {});
  }
}

function read(
  result: unknown,
  body: string,
  resource: Resource,
  { fieldValidation }: WriteOptions,
  words: DecoderWords,
): Patched {
  if (!isJsonObject(result)) throw badRequest('the result of the patch is no object');
  const text = (): string => JSON.stringify({ apiVersion: undefined, kind: undefined, ...result });
  const { kind, apiVersion } = result;
  if (kind !== resource.kind || apiVersion !== groupVersion(resource)) {
    throw invalidPatch(text(), notRegistered(kind, apiVersion));
  }
  let decoded;
  try {
    decoded = decode(result, resource.definition, duplicateKeys(body), words);
  } catch (error) {
    throw invalidPatch(text(), error instanceof Error ? error.message : '');
  }
  if (fieldValidation === 'Strict' && decoded.problems.length > 0) {
    throw invalidPatch(text(), `strict decoding error: ${decoded.problems.join(', ')}`);
  }
  return {
    object: typed(decoded.value, resource),
    warnings: fieldValidation === 'Warn' ? decoded.problems : [],
  };
}
