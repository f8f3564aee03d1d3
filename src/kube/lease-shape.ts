import type { Lease } from '../core/lease.ts';

type Json = Readonly<Record<string, unknown>>;

const TEXTS = ['holderIdentity', 'acquireTime', 'renewTime', 'strategy', 'preferredHolder'];
const NUMBERS = ['leaseDurationSeconds', 'leaseTransitions'];

/**
 * A Lease as an API server stores it: what comes from elsewhere, as the JSON of a proxy, or was mixed up
 * on the way must not pass for the state of a lock. Looks at all that is relied on without a look later.
 *
 * @param name - of the Lease that was asked for; any if undefined
 * @throws Error when it is none
 */
export function asLease(value: unknown, name?: string): Lease {
  const problem = problemOf(value, name);
  if (problem !== undefined) throw new Error(`what came is no Lease: ${problem}`);
  return value as Lease;
}

function problemOf(value: unknown, name: string | undefined): string | undefined {
  if (!isObject(value)) return 'it is no object';
  const { metadata, spec } = value;
  if (!isObject(metadata)) return 'it has no metadata';
  if (!isText(metadata.name)) return 'it has no name';
  if (name !== undefined && metadata.name !== name) return `it is ${metadata.name}, not ${name}`;
  if (!isText(metadata.uid)) return 'it has no uid';
  if (!isText(metadata.resourceVersion) || !/^\d+$/.test(metadata.resourceVersion)) {
    return 'its resourceVersion is no number';
  }
  if (!isOptional(metadata.namespace, isText)) return 'its namespace is no text';
  if (!isOptional(metadata.labels, isTexts)) return 'its labels are no texts';
  if (!isOptional(metadata.annotations, isTexts)) return 'its annotations are no texts';
  if (!isOptional(metadata.ownerReferences, isObjects)) return 'its owners are no list';
  if (!isOptional(metadata.managedFields, isObjects)) return 'its managed fields are no list';
  if (!isOptional(metadata.creationTimestamp, isString)) return 'its time is no text';
  if (!isOptional(spec, isObject)) return 'its spec is no object';
  const fields = isObject(spec) ? spec : {};
  const odd =
    TEXTS.find((key) => !isOptional(fields[key], isString)) ??
    NUMBERS.find((key) => !isOptional(fields[key], Number.isSafeInteger));
  return odd === undefined ? undefined : `its spec.${odd} is of a wrong type`;
}

function isOptional(value: unknown, is: (value: unknown) => boolean): boolean {
  return value === undefined || value === null || is(value);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isObjects(value: unknown): boolean {
  return Array.isArray(value) && value.every(isObject);
}

function isTexts(value: unknown): boolean {
  return isObject(value) && Object.values(value).every(isString);
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isText(value: unknown): value is string {
  return isString(value) && value !== '';
}
