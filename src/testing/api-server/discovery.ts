import { groupVersion, RESOURCES } from './resources.ts';
import type { Resource } from './resources.ts';
import type { Call, Result } from './request.ts';
import { methodNotAllowed } from './status.ts';

interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** What is asked by POST and not stored. */
const REVIEWS = [
  {
    group: 'authentication.k8s.io',
    version: 'v1',
    plural: 'selfsubjectreviews',
    singular: 'selfsubjectreview',
    kind: 'SelfSubjectReview',
  },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural: 'selfsubjectaccessreviews',
    singular: 'selfsubjectaccessreview',
    kind: 'SelfSubjectAccessReview',
  },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural: 'selfsubjectrulesreviews',
    singular: 'selfsubjectrulesreview',
    kind: 'SelfSubjectRulesReview',
  },
];

const VERBS = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];
const ALL_VERBS = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];

/** One resource or subresource, as discovery tells of it. */
interface Discovered {
  readonly name: string;
  readonly singularName: string;
  readonly namespaced: boolean;
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly group?: string;
  readonly version?: string;
}

const VERSION = {
  major: '1',
  minor: '36',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion: 'v1.36.0-leasehold',
  gitCommit: '',
  gitTreeState: '',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: '',
};

/** Health, version and discovery: what a client asks before it knows what there is. */
export function discover(call: Call): Result | undefined {
  const path = call.path.length > 1 ? call.path.replace(/\/$/, '') : call.path;
  if (/^\/(healthz|readyz|livez)(\/ping)?$/.test(path)) return { status: 200, body: 'ok' };
  if (path === '/version' && call.method !== 'GET') throw methodNotAllowed();
  if (call.method !== 'GET') return undefined;
  if (path === '/version') return { status: 200, body: VERSION };
  const isAggregated = /v=v2;as=APIGroupDiscoveryList/.test(call.headers.accept ?? '');
  if (path === '/api') {
    return isAggregated ? aggregated([{ group: '', version: 'v1' }]) : { status: 200, body: API };
  }
  if (path === '/apis') {
    return isAggregated ? aggregated(groups()) : { status: 200, body: groupList() };
  }
  const [, root, first = '', second, ...more] = path.split('/');
  if (more.length > 0) return undefined;
  if (root === 'api' && first === 'v1' && second === undefined) {
    return { status: 200, body: resourceList({ group: '', version: 'v1' }) };
  }
  const group = root === 'apis' ? groups().find((known) => known.group === first) : undefined;
  if (!group) return undefined;
  if (second === undefined) {
    return { status: 200, body: { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group) } };
  }
  return second === group.version ? { status: 200, body: resourceList(group) } : undefined;
}

const API = {
  kind: 'APIVersions',
  versions: ['v1'],
  serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: '' }],
};

/** All groups but the core one. */
function groups(): GroupVersion[] {
  const names = [...RESOURCES, ...REVIEWS].map(({ group }) => group);
  return [...new Set(names)]
    .filter((group) => group !== '')
    .map((group) => ({ group, version: 'v1' }));
}

function groupOf({ group, version }: GroupVersion): object {
  const entry = { groupVersion: `${group}/${version}`, version };
  return { name: group, versions: [entry], preferredVersion: entry };
}

function groupList(): object {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups().map(groupOf) };
}

function resourceList(of: GroupVersion): object {
  return {
    kind: 'APIResourceList',
    // The core group is older than the habit of naming it.
    ...(of.group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: groupVersion(of),
    resources: discovered(of),
  };
}

function discovered({ group }: GroupVersion): Discovered[] {
  const stored = RESOURCES.filter((resource) => resource.group === group).flatMap((resource) => [
    main(resource),
    ...resource.subresources.map((name) => subresource(resource, name)),
  ]);
  const reviews = REVIEWS.filter((review) => review.group === group).map((review) => ({
    name: review.plural,
    singularName: review.singular,
    namespaced: false,
    kind: review.kind,
    verbs: ['create'],
  }));
  return [...stored, ...reviews];
}

function main(resource: Resource): Discovered {
  const { plural, singular, namespaced, kind, shortNames, categories } = resource;
  return {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs: resource.deletesCollection ? ALL_VERBS : VERBS,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
  };
}

function subresource({ plural, namespaced, kind }: Resource, name: string): Discovered {
  const base = { name: `${plural}/${name}`, singularName: '', namespaced };
  switch (name) {
    case 'token':
      return {
        ...base,
        kind: 'TokenRequest',
        verbs: ['create'],
        group: 'authentication.k8s.io',
        version: 'v1',
      };
    case 'finalize':
      return { ...base, kind, verbs: ['update'] };
    default:
      return { ...base, kind, verbs: ['get', 'patch', 'update'] };
  }
}

const AGGREGATED_TYPE = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Everything in one answer, as newer clients ask for it. */
function aggregated(of: readonly GroupVersion[]): Result {
  const body = {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: of.map((entry) => ({
      metadata: { ...(entry.group === '' ? {} : { name: entry.group }), creationTimestamp: null },
      versions: [
        { version: entry.version, resources: aggregatedResources(entry), freshness: 'Current' },
      ],
    })),
  };
  return { status: 200, body, type: AGGREGATED_TYPE };
}

function aggregatedResources(of: GroupVersion): object[] {
  const all = discovered(of);
  return all
    .filter(({ name }) => !name.includes('/'))
    .map((resource) => {
      const subresources = all.filter(({ name }) => name.startsWith(`${resource.name}/`));
      return {
        resource: resource.name,
        responseKind: { ...of, kind: resource.kind },
        scope: resource.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: resource.singularName,
        verbs: resource.verbs,
        ...(resource.shortNames ? { shortNames: resource.shortNames } : {}),
        ...(resource.categories ? { categories: resource.categories } : {}),
        ...(subresources.length === 0
          ? {}
          : {
              subresources: subresources.map(({ name, kind, verbs, group, version }) => ({
                subresource: name.slice(name.indexOf('/') + 1),
                responseKind: { group: group ?? of.group, version: version ?? of.version, kind },
                verbs,
              })),
            }),
      };
    });
}
