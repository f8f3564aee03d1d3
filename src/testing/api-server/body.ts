import { decode } from './decode.ts';
import type { Decoded } from './decode.ts';
import { toStored } from './event-versions.ts';
import { duplicateKeys, parseObject } from './json-text.ts';
import { isJsonObject, printed } from './object.ts';
import type { Json, KubeObject } from './object.ts';
import type { FieldValidation } from './options.ts';
import { groupVersion, RESOURCES } from './resources.ts';
import type { Resource } from './resources.ts';
import { badRequest, StatusError } from './status.ts';

const MOST_BODY_BYTES = 3 * 1024 * 1024;
const SUMMARY_LENGTH = 30;

/** The object that a request sent, in the form in which it is stored. */
export interface Sent {
  readonly object: KubeObject;
  readonly warnings: readonly string[];
}

/**
 * Reads the object of a POST or PUT.
 *
 * @throws StatusError 400, 413 or 415 as the API server words it
 */
export function readBody(
  text: string,
  contentType: string | undefined,
  resource: Resource,
  validation: FieldValidation,
): Sent {
  const type = contentType?.split(';')[0]?.trim();
  if (type !== undefined && type !== 'application/json' && type !== '*/*') {
    throw new StatusError(
      415,
      'UnsupportedMediaType',
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    );
  }
  checkSize(text);
  const value = parse(text, resource.kind);
  checkKind(value, resource);
  let decoded: Decoded;
  const duplicates = validation === 'Ignore' ? undefined : duplicateKeys(text);
  try {
    decoded = decode(value, resource.definition, duplicates);
  } catch (error) {
    throw cannotHandle(resource, error instanceof Error ? error.message : '');
  }
  const { problems } = decoded;
  if (validation === 'Strict' && problems.length > 0) {
    throw cannotHandle(resource, `strict decoding error: ${problems.join(', ')}`);
  }
  return {
    object: typed(decoded.value, resource),
    warnings: validation === 'Warn' ? problems : [],
  };
}

/** A decoded object as it is stored. */
export function typed(value: Json, resource: Resource): KubeObject {
  const { kind } = resource;
  const metadata = isJsonObject(value.metadata) ? value.metadata : {};
  const object = { ...value, kind, apiVersion: groupVersion(resource), metadata };
  const { kind: first, apiVersion, metadata: second, ...rest } = object;
  return toStored({ kind: first, apiVersion, metadata: second, ...rest }, resource);
}

export function checkSize(text: string): void {
  if (Buffer.byteLength(text) <= MOST_BODY_BYTES) return;
  throw new StatusError(
    413,
    'RequestEntityTooLarge',
    `Request entity too large: limit is ${String(MOST_BODY_BYTES)}`,
  );
}

function parse(text: string, kind: string): Json {
  return parseObject(text, (why) =>
    badRequest(
      `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${why} (${summary(text)})`,
    ),
  );
}

function summary(text: string): string {
  if (text === '') return '<empty>';
  const shown = text.startsWith('{') ? text : Buffer.from(text).toString('hex');
  return shown.length <= SUMMARY_LENGTH ? shown : `${shown.slice(0, SUMMARY_LENGTH)} ...`;
}

function checkKind(value: Json, resource: Resource): void {
  const kind = value.kind ?? resource.kind;
  const version = value.apiVersion ?? groupVersion(resource);
  if (kind === resource.kind && version === groupVersion(resource)) return;
  const isKnown = RESOURCES.some((known) => known.kind === kind && groupVersion(known) === version);
  if (!isKnown) {
    const given = { kind: printed(kind), version: versionOf(printed(version)) };
    throw cannotHandle(resource, notRegistered(kind, version), given);
  }
  const internal = resource.group.startsWith('coordination') ? 'coordination' : 'core';
  const given = printed(kind);
  throw badRequest(
    `${given} in version "${versionOf(printed(version))}" cannot be handled as a ${resource.kind}: converting (v1.${given}) to (${internal}.${resource.kind}): unknown conversion`,
  );
}

export function notRegistered(kind: unknown, apiVersion: unknown): string {
  return `no kind "${printed(kind)}" is registered for version "${printed(apiVersion)}" in scheme "pkg/runtime/scheme.go:111"`;
}

function versionOf(apiVersion: string): string {
  return apiVersion.slice(apiVersion.indexOf('/') + 1);
}

function cannotHandle(
  resource: Resource,
  why: string,
  { kind, version }: Pick<Resource, 'kind' | 'version'> = resource,
): StatusError {
  return badRequest(
    `${kind} in version "${version}" cannot be handled as a ${resource.kind}: ${why}`,
  );
}
