import { objectAt, textAt } from './object.ts';
import type { KubeObject } from './object.ts';

/** A kind of object that the server stores, in one version of the API. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** The name of its schema. */
  readonly definition: string;
  /** The resource that it is stored as: events are served in two versions and stored in one. */
  readonly storage: string;
  /** Whether PUT creates what is missing. */
  readonly createsOnUpdate: boolean;
  /** Whether PUT goes without a resourceVersion. */
  readonly updatesUnconditionally: boolean;
  /** Whether DELETE answers with the object instead of a Status. */
  readonly returnsDeleted: boolean;
  readonly deletesCollection: boolean;
  readonly subresources: readonly string[];
  /** What field selectors may name. */
  readonly fields: Readonly<Record<string, (object: KubeObject) => string>>;
}

/** `v1`, or `coordination.k8s.io/v1`. */
export function groupVersion({ group, version }: { group: string; version: string }): string {
  return group === '' ? version : `${group}/${version}`;
}

const name = (object: KubeObject): string => object.metadata.name ?? '';
const namespace = (object: KubeObject): string => object.metadata.namespace ?? '';
const field =
  (...path: readonly string[]) =>
  (object: KubeObject): string =>
    textAt(object, ...path);

const NAME_ONLY = { 'metadata.name': name };
const COMMON = { 'metadata.name': name, 'metadata.namespace': namespace };

const BASE = {
  group: '',
  version: 'v1',
  shortNames: [],
  categories: [],
  namespaced: true,
  createsOnUpdate: false,
  updatesUnconditionally: true,
  returnsDeleted: false,
  deletesCollection: true,
  subresources: [],
  fields: COMMON,
} as const;

const INVOLVED = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

/** @param involved - what the object that an event is about is called in this version */
function eventFields(involved: string): Resource['fields'] {
  return {
    ...Object.fromEntries(
      INVOLVED.map((key) => [`${involved}.${key}`, field('involvedObject', key)]),
    ),
    reason: field('reason'),
    ...(involved === 'involvedObject'
      ? { reportingComponent: field('reportingComponent') }
      : { reportingController: field('reportingComponent') }),
    ...(involved === 'involvedObject' ? { source: eventSource } : {}),
    type: field('type'),
    ...COMMON,
  };
}

function eventSource(object: KubeObject): string {
  return textAt(object, 'source', 'component') || textAt(object, 'reportingComponent');
}

/** Everything that the server stores. */
export const RESOURCES: readonly Resource[] = [
  {
    ...BASE,
    kind: 'ConfigMap',
    plural: 'configmaps',
    singular: 'configmap',
    shortNames: ['cm'],
    definition: 'io.k8s.api.core.v1.ConfigMap',
    storage: 'configmaps',
  },
  {
    ...BASE,
    kind: 'Event',
    plural: 'events',
    singular: 'event',
    shortNames: ['ev'],
    definition: 'io.k8s.api.core.v1.Event',
    storage: 'events',
    createsOnUpdate: true,
    fields: eventFields('involvedObject'),
  },
  {
    ...BASE,
    kind: 'Namespace',
    plural: 'namespaces',
    singular: 'namespace',
    shortNames: ['ns'],
    namespaced: false,
    definition: 'io.k8s.api.core.v1.Namespace',
    storage: 'namespaces',
    returnsDeleted: true,
    deletesCollection: false,
    subresources: ['finalize', 'status'],
    fields: { ...NAME_ONLY, 'status.phase': field('status', 'phase'), name },
  },
  {
    ...BASE,
    kind: 'Pod',
    plural: 'pods',
    singular: 'pod',
    shortNames: ['po'],
    categories: ['all'],
    definition: 'io.k8s.api.core.v1.Pod',
    storage: 'pods',
    returnsDeleted: true,
    subresources: ['status'],
    fields: {
      ...COMMON,
      'spec.nodeName': field('spec', 'nodeName'),
      'spec.restartPolicy': field('spec', 'restartPolicy'),
      'spec.schedulerName': field('spec', 'schedulerName'),
      'spec.serviceAccountName': field('spec', 'serviceAccountName'),
      'spec.hostNetwork': (pod) => String(objectAt(pod, 'spec').hostNetwork === true),
      'status.phase': field('status', 'phase'),
      'status.podIP': field('status', 'podIP'),
      'status.nominatedNodeName': field('status', 'nominatedNodeName'),
    },
  },
  {
    ...BASE,
    kind: 'ServiceAccount',
    plural: 'serviceaccounts',
    singular: 'serviceaccount',
    shortNames: ['sa'],
    definition: 'io.k8s.api.core.v1.ServiceAccount',
    storage: 'serviceaccounts',
    returnsDeleted: true,
    subresources: ['token'],
  },
  {
    ...BASE,
    kind: 'Service',
    plural: 'services',
    singular: 'service',
    shortNames: ['svc'],
    categories: ['all'],
    definition: 'io.k8s.api.core.v1.Service',
    storage: 'services',
    createsOnUpdate: true,
    returnsDeleted: true,
    subresources: ['status'],
    fields: {
      ...COMMON,
      'spec.clusterIP': field('spec', 'clusterIP'),
      'spec.type': field('spec', 'type'),
    },
  },
  {
    ...BASE,
    group: 'coordination.k8s.io',
    kind: 'Lease',
    plural: 'leases',
    singular: 'lease',
    definition: 'io.k8s.api.coordination.v1.Lease',
    storage: 'leases',
    createsOnUpdate: true,
    updatesUnconditionally: false,
  },
  {
    ...BASE,
    group: 'events.k8s.io',
    kind: 'Event',
    plural: 'events',
    singular: 'event',
    shortNames: ['ev'],
    definition: 'io.k8s.api.events.v1.Event',
    storage: 'events',
    createsOnUpdate: true,
    fields: eventFields('regarding'),
  },
];

export function findResource(group: string, version: string, plural: string): Resource | undefined {
  return RESOURCES.find(
    (resource) =>
      resource.group === group && resource.version === version && resource.plural === plural,
  );
}

/** The resource of that storage that all objects of it are stored as. */
export function storageResource(storage: string): Resource {
  const found = RESOURCES.find((resource) => resource.storage === storage);
  if (!found) throw new Error(`no resource is stored as ${storage}`);
  return found;
}
