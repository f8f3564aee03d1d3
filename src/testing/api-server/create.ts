import { withDefaults, withInitialState, withoutGatedFields } from './defaults.ts';
import { inVersion } from './event-versions.ts';
import { randomSuffix, randomUuid } from './context.ts';
import type { Context } from './context.ts';
import { formatTime } from './go-time.ts';
import { managedAfterUpdate } from './managed-fields.ts';
import { decode } from './decode.ts';
import { keyOf } from './store.ts';
import type { KubeObject } from './object.ts';
import { withMetadata } from './object.ts';
import type { WriteOptions } from './options.ts';
import { groupVersion, storageResource } from './resources.ts';
import type { Resource } from './resources.ts';
import { alreadyExists, badRequest, forbidden, invalid, notFound, StatusError } from './status.ts';
import { validate } from './validation.ts';

/** Stores a new object. */
export function create(
  context: Context,
  resource: Resource,
  namespace: string | undefined,
  object: KubeObject,
  options: WriteOptions,
): KubeObject {
  const inNamespace = withNamespace(object, namespace, resource);
  const named = withName(inNamespace, context);
  checkNamespace(context, named, resource);
  const { clock, random, store } = context;
  const now = formatTime(clock.wall());
  const { status: _, ...sent } = named;
  const fresh = withMetadata(sent, {
    uid: randomUuid(random),
    resourceVersion: undefined,
    generation: undefined,
    creationTimestamp: now,
    deletionTimestamp: undefined,
    deletionGracePeriodSeconds: undefined,
    managedFields: undefined,
  });
  const defaulted = withDefaults(fresh, resource.storage);
  const managedFields =
    options.managedFields ??
    managedAfterUpdate(
      decode({}, resource.definition).value,
      inVersion(defaulted, resource),
      resource.definition,
      { manager: options.fieldManager, operation: 'Update', apiVersion: groupVersion(resource) },
      now,
    );
  const managed = withMetadata(withoutGatedFields(defaulted, resource.storage), {
    managedFields: managedFields.length === 0 ? undefined : managedFields,
  });
  const causes = validate(managed, resource);
  const { name = '' } = named.metadata;
  if (causes.length > 0) throw invalid(namesForValidation(resource), name, causes);
  if (object.metadata.resourceVersion !== undefined && object.metadata.resourceVersion !== '0') {
    throw new StatusError(
      500,
      undefined,
      'resourceVersion should not be set on objects to be created',
    );
  }
  const existing = store.get(resource.storage, keyOf(managed));
  if (existing) {
    throw alreadyExists(resource, name, existing.metadata.deletionTimestamp !== undefined);
  }
  const complete = ordered(
    withInitialState(withStatus(managed, resource), resource.storage, random),
  );
  return options.dryRun ? complete : store.put(resource.storage, complete);
}

/** Events are validated as core/v1 has them, whichever version sent them. */
export function namesForValidation(resource: Resource): Resource {
  return storageResource(resource.storage);
}

/** Structs that Go writes even when they are empty. */
function withStatus(object: KubeObject, { storage }: Resource): KubeObject {
  return storage === 'services' ? { ...object, status: { loadBalancer: {} } } : object;
}

const METADATA_ORDER = [
  'name',
  'generateName',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
  'managedFields',
] as const;

/**
 * The object with its fields in the API server's order: what users can write comes after the
 * resourceVersion.
 */
export function ordered(object: KubeObject): KubeObject {
  const { kind, apiVersion, metadata, ...rest } = object;
  const inOrder: Record<string, unknown> = {};
  for (const key of METADATA_ORDER) {
    // The version's place is kept for the store, which gives it.
    if (key === 'resourceVersion') inOrder[key] = metadata[key];
    else if (!isEmpty(metadata[key])) inOrder[key] = metadata[key];
  }
  return { kind, apiVersion, metadata: inOrder, ...rest };
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === '' ||
    (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
  );
}

export function withNamespace(
  object: KubeObject,
  namespace: string | undefined,
  resource: Resource,
): KubeObject {
  const given = object.metadata.namespace;
  if (!resource.namespaced) return withMetadata(object, { namespace: undefined });
  if (given !== undefined && given !== namespace) {
    throw badRequest(
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  }
  return withMetadata(object, { namespace });
}

function withName(object: KubeObject, { random }: Context): KubeObject {
  const { name, generateName } = object.metadata;
  if (name !== undefined || generateName === undefined) return object;
  return withMetadata(object, { name: `${generateName}${randomSuffix(random)}` });
}

function checkNamespace({ store }: Context, object: KubeObject, resource: Resource): void {
  if (!resource.namespaced) return;
  const { namespace = '', name = '' } = object.metadata;
  const found = store.get('namespaces', namespace);
  if (!found) throw notFound(storageResource('namespaces'), namespace);
  if (found.metadata.deletionTimestamp === undefined) return;
  throw forbidden(
    resource,
    name,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
    [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  );
}
