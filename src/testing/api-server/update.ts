import type { Context } from './context.ts';
import { create, namesForValidation, ordered, withNamespace } from './create.ts';
import { withDefaults, withKeptFields, withoutGatedFields } from './defaults.ts';
import { inVersion } from './event-versions.ts';
import { formatTime } from './go-time.ts';
import { managedAfterUpdate } from './managed-fields.ts';
import { isSameJson, objectAt, withMetadata } from './object.ts';
import type { KubeObject, ManagedFieldsEntry } from './object.ts';
import type { WriteOptions } from './options.ts';
import { groupVersion } from './resources.ts';
import type { Resource } from './resources.ts';
import type { Route } from './route.ts';
import { badRequest, conflict, invalid, modified, notFound, StatusError } from './status.ts';
import type { Cause } from './status.ts';
import { invalidValue, validate, validateUpdate } from './validation.ts';

export interface Updated {
  readonly object: KubeObject;
  readonly created: boolean;
}

/** The key under which the object of a route is stored. */
export function routeKey({ namespace, name = '' }: Route): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** PUT: replaces an object, or creates it where the resource allows that. */
export function replace(
  context: Context,
  route: Route,
  sent: KubeObject,
  options: WriteOptions,
): Updated {
  const { resource, namespace, name = '' } = route;
  const object = withNamespace(sent, namespace, resource);
  checkName(object, name);
  const existing = context.store.get(resource.storage, routeKey(route));
  const { uid } = object.metadata;
  if (uid !== undefined && uid !== existing?.metadata.uid) {
    if (!existing && !resource.createsOnUpdate) throw notFound(resource, name);
    throw conflict(resource, name, uidMismatch(route, uid, existing?.metadata.uid ?? ''));
  }
  if (!existing) {
    // By a subresource, too: PUT of the status of a Service that is missing creates it.
    if (!resource.createsOnUpdate) throw notFound(resource, name);
    const fresh = withMetadata(object, { resourceVersion: undefined });
    return { object: create(context, resource, namespace, fresh, options), created: true };
  }
  return { object: update(context, route, existing, object, options), created: false };
}

export function checkName(object: KubeObject, name: string): void {
  const given = object.metadata.name ?? '';
  if (given === name) return;
  throw badRequest(
    given === ''
      ? `the name of the object (${name} based on URL) was undeterminable: name must be provided`
      : `the name of the object (${given}) does not match the name on the URL (${name})`,
  );
}

function uidMismatch(route: Route, wanted: string, found: string): string {
  const { resource } = route;
  return `StorageError: invalid object, Code: 4, Key: /registry/${resource.storage}/${routeKey(route)}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${found}`;
}

/** Stores `sent` in place of `existing`, if it may be. */
export function update(
  context: Context,
  route: Route,
  existing: KubeObject,
  sent: KubeObject,
  options: WriteOptions,
): KubeObject {
  const { resource, subresource, name = '' } = route;
  checkVersion(resource, name, sent.metadata.resourceVersion ?? '', existing);
  const full = nextObject(route, existing, sent);
  const next = withoutGatedFields(full, resource.storage);
  const managedFields = isReset(sent.metadata.managedFields)
    ? undefined
    : (options.managedFields ?? managedFieldsOf(full, existing, route, options, context));
  if (isSameJson(next, existing) && hasSameWriters(managedFields, existing)) return existing;
  const metadataCauses = validateUpdate(next, existing);
  const causes = [
    ...metadataCauses,
    ...validate(next, resource),
    ...metadataCauses,
    ...(subresource === undefined ? validateKindUpdate(next, existing, resource) : []),
  ];
  if (causes.length > 0) throw invalid(namesForValidation(resource), name, causes);
  const managed = ordered(withMetadata(next, { managedFields }));
  if (options.dryRun) return managed;
  if (isReadyToGo(managed, resource)) {
    // Watches see it as it was, the answer is without what kept it.
    context.store.delete(resource.storage, existing);
    return managed;
  }
  return context.store.put(resource.storage, managed);
}

function checkVersion(
  resource: Resource,
  name: string,
  version: string,
  existing: KubeObject,
): void {
  if (version === '' || version === '0') {
    if (resource.updatesUnconditionally) return;
    const cause = invalidValue('metadata.resourceVersion', 0, 'must be specified for an update');
    throw invalid(resource, name, [cause], 'plural');
  }
  if (!/^\d+$/.test(version)) {
    throw new StatusError(
      500,
      undefined,
      `strconv.ParseUint: parsing "${version}": invalid syntax`,
    );
  }
  if (version !== existing.metadata.resourceVersion) throw modified(resource, name);
}

/** What would be stored: with everything that the sender cannot change, or has left to the server. */
function nextObject(
  { resource, subresource }: Route,
  existing: KubeObject,
  sent: KubeObject,
): KubeObject {
  const old = existing.metadata;
  const given = sent.metadata;
  const metadata = {
    uid: given.uid ?? old.uid,
    resourceVersion: old.resourceVersion,
    generation: old.generation,
    creationTimestamp: old.creationTimestamp,
    deletionTimestamp: given.deletionTimestamp ?? old.deletionTimestamp,
    deletionGracePeriodSeconds: given.deletionGracePeriodSeconds ?? old.deletionGracePeriodSeconds,
    managedFields: basedOn(given.managedFields, old.managedFields),
  };
  if (subresource === 'status') {
    const { labels, annotations, finalizers } = given;
    const own = withMetadata(existing, { labels, annotations, finalizers });
    return ordered({ ...own, status: sent.status ?? {} });
  }
  if (subresource === 'finalize') {
    const spec = { ...objectAt(existing, 'spec'), finalizers: objectAt(sent, 'spec').finalizers };
    return ordered({ ...existing, spec });
  }
  const { status: _, ...rest } = sent;
  const own: KubeObject = withMetadata(rest, metadata);
  const kept = withKeptFields(withDefaults(own, resource.storage), existing, resource.storage);
  const { status } = existing;
  const spec = resource.storage === 'namespaces' ? { spec: existing.spec } : {};
  const next = { ...kept, ...spec, ...(status === undefined ? {} : { status }) };
  const isNewSpec = !isSameJson(next.spec, existing.spec);
  return ordered(
    old.generation !== undefined && isNewSpec
      ? withMetadata(next, { generation: old.generation + 1 })
      : next,
  );
}

/** What a client sends as `managedFields` counts, as if it had been so; nothing means as it was. */
function basedOn(
  given: readonly ManagedFieldsEntry[] = [],
  old: readonly ManagedFieldsEntry[] | undefined,
): readonly ManagedFieldsEntry[] | undefined {
  if (isReset(given)) return undefined;
  return given.length > 0 ? given : old;
}

/** One empty entry means: forget who wrote what. */
function isReset(entries: readonly unknown[] | undefined): boolean {
  return entries?.length === 1 && Object.keys(entries[0] as object).length === 0;
}

/** Whether nobody has come to own more or fewer fields, whatever the times. */
function hasSameWriters(
  entries: readonly ManagedFieldsEntry[] | undefined,
  { metadata }: KubeObject,
): boolean {
  const timeless = (of: readonly ManagedFieldsEntry[] = []): object[] =>
    of.map(({ time: _, ...entry }) => entry);
  return isSameJson(timeless(entries), timeless(metadata.managedFields));
}

function managedFieldsOf(
  next: KubeObject,
  existing: KubeObject,
  { resource, subresource }: Route,
  { fieldManager }: WriteOptions,
  { clock }: Context,
): readonly ManagedFieldsEntry[] {
  return managedAfterUpdate(
    inVersion(existing, resource),
    inVersion(next, resource),
    resource.definition,
    {
      manager: fieldManager,
      operation: 'Update',
      apiVersion: groupVersion(resource),
      ...(subresource === undefined ? {} : { subresource }),
    },
    formatTime(clock.wall()),
  );
}

/** Whether nothing keeps the object any more, which is to be deleted. */
function isReadyToGo({ metadata, spec }: KubeObject, { storage }: Resource): boolean {
  if (metadata.deletionTimestamp === undefined || (metadata.finalizers ?? []).length > 0) {
    return false;
  }
  if ((metadata.deletionGracePeriodSeconds ?? 0) > 0) return false;
  const own = storage === 'namespaces' ? objectAt({ spec }, 'spec').finalizers : undefined;
  return !Array.isArray(own) || own.length === 0;
}

function validateKindUpdate(
  next: KubeObject,
  existing: KubeObject,
  { storage }: Resource,
): Cause[] {
  if (storage === 'pods') return validatePodUpdate(next, existing);
  if (storage !== 'configmaps' || existing.immutable !== true) return [];
  const changed = ['data', 'binaryData'].filter((part) => !isSameJson(next[part], existing[part]));
  if (next.immutable !== true) changed.unshift('immutable');
  const message = 'Forbidden: field is immutable when `immutable` is set';
  return changed.map((field) => ({ reason: 'FieldValueForbidden', message, field }));
}

const CHANGEABLE = [
  'activeDeadlineSeconds',
  'tolerations',
  'terminationGracePeriodSeconds',
  'nodeName',
  'schedulingGates',
];

function validatePodUpdate(next: KubeObject, existing: KubeObject): Cause[] {
  if (isSameJson(fixedSpec(next), fixedSpec(existing))) return [];
  const message =
    'Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';
  return [{ reason: 'FieldValueForbidden', message, field: 'spec' }];
}

function fixedSpec(pod: KubeObject): object {
  const spec: Record<string, unknown> = { ...objectAt(pod, 'spec') };
  for (const key of CHANGEABLE) Reflect.deleteProperty(spec, key);
  for (const key of ['containers', 'initContainers']) {
    const containers = spec[key];
    if (!Array.isArray(containers)) continue;
    spec[key] = containers.map((container: object) => ({ ...container, image: '' }));
  }
  return spec;
}
