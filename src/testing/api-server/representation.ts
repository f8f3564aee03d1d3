import { toVersion } from './event-versions.ts';
import type { KubeObject } from './object.ts';
import { groupVersion } from './resources.ts';
import type { Resource } from './resources.ts';
import { badRequest, StatusError } from './status.ts';
import { cellsOf, columnsOf } from './tables.ts';

/** How the client wants objects: whole, their metadata alone, or as the rows of a table. */
export type Form = 'object' | 'metadata' | 'metadata-list' | 'table';

/** How much of the object comes with a table's row. */
export type RowObject = 'Metadata' | 'Object' | 'None';

/** What the answer's objects look like. */
export interface Representation {
  readonly resource: Resource;
  readonly form: Form;
  readonly rowObject: RowObject;
}

const META = 'meta.k8s.io';
const JSON_TYPES = new Set(['application/json', '*/*', '']);
/** What the API server says that it has, for the same messages; only JSON is served here. */
const TYPES = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';

/**
 * The form that an `Accept` header asks for first, of those that the server has.
 *
 * @throws StatusError 406 when it has none of them
 */
export function negotiate(accept: string | undefined): Form {
  const ranges = (accept ?? '').split(',').map((range) => range.trim());
  let isJson = false;
  for (const range of ranges) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    if (!JSON_TYPES.has(type)) continue;
    isJson = true;
    const wanted = Object.fromEntries(parameters.map((part) => part.split('=', 2))) as Record<
      string,
      string | undefined
    >;
    if (wanted.as === undefined) return 'object';
    if (wanted.g !== META || (wanted.v !== 'v1' && wanted.v !== 'v1beta1')) continue;
    if (wanted.as === 'Table') return 'table';
    if (wanted.as === 'PartialObjectMetadata') return 'metadata';
    if (wanted.as === 'PartialObjectMetadataList') return 'metadata-list';
  }
  if (isJson) throw notAcceptable(`only the following media types are accepted: ${TYPES}`);
  const message = `406: Not Acceptable\n\nAvailable representations: ${TYPES}`;
  throw new StatusError(406, 'NotAcceptable', message, {});
}

function notAcceptable(message: string): StatusError {
  return new StatusError(406, 'NotAcceptable', message);
}

/** The type of an object or a list in the API server, as its messages name it. */
function goType({ group, kind }: Resource, suffix = ''): string {
  return `*${group === '' ? 'core' : (group.split('.', 1)[0] ?? '')}.${kind}${suffix}`;
}

/** @throws StatusError 400 when a table is wanted with no such part of its objects */
export function rowObject(query: URLSearchParams, form: Form): RowObject {
  const include = query.get('includeObject') ?? '';
  if (include === 'Object' || include === 'None') return include;
  if (include === '' || include === 'Metadata' || form !== 'table') return 'Metadata';
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(include)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}

/** @param now - milliseconds since the epoch, for ages in tables */
export function represent(object: KubeObject, as: Representation, now: number): object {
  switch (as.form) {
    case 'object':
      return toVersion(object, as.resource);
    case 'metadata':
      return metadataOnly(object);
    case 'metadata-list':
      throw notAcceptable(
        `you requested PartialObjectMetadataList, but the requested object is not a list (${goType(as.resource)})`,
      );
    case 'table':
      return table([object], as, object.metadata.resourceVersion, now);
  }
}

/** The event of a watch: rows come with their columns only the first time. */
export function representChange(
  object: KubeObject,
  as: Representation,
  isFirst: boolean,
  now: number,
): object {
  const shown = represent(object, as, now);
  return as.form === 'table' && !isFirst ? { ...shown, columnDefinitions: null } : shown;
}

export interface ListPart {
  readonly objects: readonly KubeObject[];
  readonly resourceVersion: string;
  readonly continueFrom?: string | undefined;
  readonly remaining?: number | undefined;
}

export function representList(part: ListPart, as: Representation, now: number): object {
  const metadata = {
    resourceVersion: part.resourceVersion,
    ...(part.continueFrom === undefined ? {} : { continue: part.continueFrom }),
    ...(part.remaining === undefined ? {} : { remainingItemCount: part.remaining }),
  };
  const { resource } = as;
  switch (as.form) {
    case 'object':
      return {
        kind: `${resource.kind}List`,
        apiVersion: groupVersion(resource),
        metadata,
        items: part.objects.map((object) => {
          const { kind: _, apiVersion: __, ...item } = toVersion(object, resource);
          return item;
        }),
      };
    case 'metadata':
      throw notAcceptable(
        `you requested PartialObjectMetadata, but the requested object is a list (${goType(resource, 'List')})`,
      );
    case 'metadata-list':
      return {
        kind: 'PartialObjectMetadataList',
        apiVersion: `${META}/v1`,
        metadata,
        items: part.objects.map(metadataOnly),
      };
    case 'table':
      return { ...table(part.objects, as, part.resourceVersion, now), metadata };
  }
}

function metadataOnly({ metadata }: KubeObject): object {
  return { kind: 'PartialObjectMetadata', apiVersion: `${META}/v1`, metadata };
}

function table(
  objects: readonly KubeObject[],
  { resource, rowObject: include }: Representation,
  resourceVersion: string | undefined,
  now: number,
): object {
  return {
    kind: 'Table',
    apiVersion: `${META}/v1`,
    metadata: { resourceVersion },
    columnDefinitions: columnsOf(resource.storage),
    rows: objects.map((object) => ({
      cells: cellsOf(object, resource.storage, now),
      object:
        include === 'None'
          ? null
          : include === 'Object'
            ? toVersion(object, resource)
            : metadataOnly(object),
    })),
  };
}
