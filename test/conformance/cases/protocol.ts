import { type Case, conform, conformEach } from '../case.ts';
import type { ApiObject } from '../objects.ts';
import { HELD, lease } from '../objects.ts';

const GROUP = '/apis/coordination.k8s.io/v1';

/** Fields that both must have; the values are each server's own. */
function keysOf(body: ApiObject): unknown {
  return Object.fromEntries(Object.entries(body).map(([key, value]) => [key, typeof value]));
}

interface Resource {
  readonly name: string;
  readonly verbs: readonly string[];
}

/** The resources that both must have, without what only the real storage has. */
function served(names: readonly string[]): (body: ApiObject) => unknown {
  return (body) => {
    const resources = (body.resources as Resource[] | undefined) ?? [];
    return {
      ...body,
      resources: names.map((name) => {
        const found = resources.find((resource) => resource.name === name);
        return found && { ...found, storageVersionHash: undefined };
      }),
    };
  };
}

export const protocolCases: readonly Case[] = [
  ...conformEach<string>(
    [
      ['path: unknown', [404], '/nowhere'],
      ['path: unknown group', [404], '/apis/nowhere.example/v1'],
      ['path: unknown version', [404], '/apis/coordination.k8s.io/v7/leases'],
      ['path: unknown resource', [404], `${GROUP}/chairs`],
      ['path: unknown resource in a namespace', [404], `${GROUP}/namespaces/default/chairs`],
      ['path: unknown subresource', [404], `${GROUP}/namespaces/default/leases/a/status`],
      ['path: resource of another group', [404], '/api/v1/namespaces/default/leases'],
      ['path: object without its namespace', [404], `${GROUP}/leases/a`],
      ['path: slash at the end', [200], `${GROUP}/namespaces/default/leases/`],
      ['path: two slashes', [404], `${GROUP}//leases`],
    ],
    async (api, path) => api.get(path),
  ),
  conform('method: not allowed', [405, 405, 405, 405, 405], async (api) => {
    await api.post('leases/a', lease('a'));
    await api.put('leases', lease('a'));
    await api.send('OPTIONS', 'leases/a');
    await api.post('/version', {});
    await api.delete('/api/v1/namespaces');
  }),
  conform('method: HEAD', [201, 405], async (api) => {
    await api.post('leases', lease('a'));
    await api.send('HEAD', 'leases/a');
  }),
  conform('method: POST across namespaces', [405], async (api) => {
    await api.post(`${GROUP}/leases`, lease('a', HELD, { namespace: api.namespace }));
  }),
  ...conformEach<readonly [body: string, contentType: string]>(
    [
      ['body: malformed JSON', [400], ['{"metadata":', 'application/json']],
      ['body: no JSON', [400], ['hello', 'application/json']],
      ['body: empty', [400], ['', 'application/json']],
      // Read as an empty object.
      ['body: null', [422], ['null', 'application/json']],
      ['body: a list', [400], ['[]', 'application/json']],
      ['body: JSON twice', [400], ['{}{}', 'application/json']],
      ['body: an unsupported type', [415], ['{}', 'text/plain']],
      [
        'body: a type with a charset',
        [201],
        [JSON.stringify(lease('a')), 'application/json; charset=utf-8'],
      ],
      ['body: a type that is malformed', [415], ['{}', ';;']],
      ['body: a patch type', [415], ['{}', 'application/merge-patch+json']],
    ],
    async (api, [body, contentType]) => {
      await api.post('leases', body, { headers: { 'content-type': contentType } });
    },
  ),
  conform('body: of 4 MiB', [413, 404], async (api) => {
    const large = 'x'.repeat(4 * 1024 * 1024);
    await api.post('leases', lease('a', { holderIdentity: large }));
    await api.get('leases/a');
  }),
  conform('body: nested deeply', [400], async (api) => {
    await api.post('leases', `{"spec":${'['.repeat(20_000)}${']'.repeat(20_000)}}`);
  }),
  conform('authentication: an unknown token', [401, 401, 401, 401], async (api) => {
    await api.get('leases', { token: 'wrong' });
    await api.get('/version', { token: 'wrong' });
    await api.get('/healthz', { token: 'wrong' });
    await api.refusedWatch('leases', { token: 'wrong' });
  }),
  conform('authentication: a token that looks like a JWT', [401], async (api) => {
    await api.get('leases', { token: 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln' });
  }),
  conform('health: healthz, livez and readyz', [200, 200, 200, 200], async (api) => {
    await api.get('/healthz');
    await api.get('/livez');
    await api.get('/readyz');
    await api.get('/healthz/ping');
  }),
  conform('version: the fields of /version', [200], async (api) => {
    await api.get('/version', { compare: keysOf });
  }),
  conform('discovery: /api', [200], async (api) => {
    await api.get('/api', { compare: ({ kind, versions }) => ({ kind, versions }) });
  }),
  conform('discovery: the groups that both have', [200], async (api) => {
    const names = ['authorization.k8s.io', 'coordination.k8s.io', 'events.k8s.io'];
    interface Group {
      readonly name: string;
      readonly preferredVersion: unknown;
    }
    await api.get('/apis', {
      compare: ({ kind, apiVersion, groups }) => ({
        kind,
        apiVersion,
        groups: (groups as Group[])
          .filter(({ name }) => names.includes(name))
          .map(({ name, preferredVersion }) => ({ name, preferredVersion }))
          .sort((a, b) => (a.name < b.name ? -1 : 1)),
      }),
    });
  }),
  conform('discovery: coordination.k8s.io', [200, 200], async (api) => {
    await api.get(GROUP, { compare: served(['leases']) });
    await api.get('/apis/coordination.k8s.io', {
      compare: ({ kind, apiVersion, name, preferredVersion }) => {
        return { kind, apiVersion, name, preferredVersion };
      },
    });
  }),
  conform('discovery: the core group', [200], async (api) => {
    const names = ['namespaces', 'pods', 'pods/status', 'events', 'configmaps', 'services'];
    await api.get('/api/v1', { compare: served(names) });
  }),
  conform('discovery: events.k8s.io', [200], async (api) => {
    await api.get('/apis/events.k8s.io/v1', { compare: served(['events']) });
  }),
  conform('discovery: authorization.k8s.io', [200], async (api) => {
    const names = ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'];
    await api.get('/apis/authorization.k8s.io/v1', { compare: served(names) });
  }),
];
