import { type Case, conform } from '../case.ts';
import type { Conversation } from '../conversation.ts';
import type { ApiObject } from '../objects.ts';
import { configMap, HELD, lease, namespaceObject } from '../objects.ts';

const NAMESPACES = '/api/v1/namespaces';

/**
 * Makes the case's namespace terminate. A finalizer on a Lease keeps it so: the real server under
 * test has no namespace controller, the embedded one would empty it at once.
 */
async function terminate(api: Conversation): Promise<void> {
  await api.post('leases', lease('kept', HELD, { finalizers: ['example.com/keep'] }));
  await api.delete(`${NAMESPACES}/${api.namespace}`, undefined, { unrecorded: true });
}

/** The namespace controller writes conditions, and only the embedded server has one. */
function withoutConditions(body: ApiObject): unknown {
  const { phase } = (body.status ?? {}) as { phase?: unknown };
  const {
    resourceVersion: _,
    managedFields: _fields,
    ...metadata
  } = {
    managedFields: undefined,
    ...body.metadata,
  };
  return { ...body, metadata, status: { phase } };
}

export const namespaceCases: readonly Case[] = [
  conform('namespace: that exists', [200, 409, 200], async (api) => {
    const path = `${NAMESPACES}/${api.namespace}`;
    await api.get(path);
    await api.post(NAMESPACES, namespaceObject(api.namespace));
    await api.mergePatch(path, { metadata: { labels: { part: 'x' } } });
  }),
  conform('namespace: create and delete', [201, 200], async (api) => {
    const name = `${api.namespace}-more`;
    await api.post(NAMESPACES, namespaceObject(name));
    const { body } = await api.delete(`${NAMESPACES}/${name}`, undefined, {
      compare: withoutConditions,
    });
    const finalized = { ...body, spec: { finalizers: [] } };
    await api.put(`${NAMESPACES}/${name}/finalize`, finalized, { unrecorded: true });
  }),
  conform('namespace: names that cannot be', [422, 422, 422, 422], async (api) => {
    await api.post(NAMESPACES, namespaceObject('Upper'));
    await api.post(NAMESPACES, namespaceObject('a.b'));
    await api.post(NAMESPACES, namespaceObject('x'.repeat(64)));
    await api.post(NAMESPACES, namespaceObject(''));
  }),
  conform('namespace: dryRun', [201, 404, 200, 201], async (api) => {
    const name = `${api.namespace}-more`;
    await api.post(`${NAMESPACES}?dryRun=All`, namespaceObject(name));
    await api.get(`${NAMESPACES}/${name}`);
    await api.delete(`${NAMESPACES}/${api.namespace}?dryRun=All`);
    await api.post('leases', lease('a'));
  }),
  // Unlike a Lease, a namespace is not created by PUT.
  conform('namespace: of a missing one', [404, 404, 404, 404], async (api) => {
    const path = `${NAMESPACES}/does-not-exist`;
    await api.get(path);
    await api.delete(path);
    await api.mergePatch(path, { metadata: { labels: { a: 'b' } } });
    await api.put(path, namespaceObject('does-not-exist'));
  }),
  conform('namespace: by selectors', [200, 200, 200], async (api) => {
    const name = encodeURIComponent(`metadata.name=${api.namespace}`);
    await api.get(`${NAMESPACES}?fieldSelector=${name}`);
    await api.get(`${NAMESPACES}?fieldSelector=${name}%2Cstatus.phase%3DActive`);
    const label = encodeURIComponent(`kubernetes.io/metadata.name=${api.namespace}`);
    await api.get(`${NAMESPACES}?labelSelector=${label}`);
  }),
  conform('namespace: as Table', [200], async (api) => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    await api.get(`${NAMESPACES}/${api.namespace}`, { headers: { accept } });
  }),
  // Locks cannot be taken any more, but those that are held can be renewed and released.
  conform('namespace: terminating', [201, 201, 200, 403, 403, 403, 200, 403, 200], async (api) => {
    await api.post('leases', lease('a', HELD));
    await terminate(api);
    await api.get(`${NAMESPACES}/${api.namespace}`, { compare: withoutConditions });
    await api.post('leases', lease('b', HELD));
    await api.post('configmaps', configMap('b'));
    await api.post('leases?dryRun=All', lease('b', HELD));
    const patch = { spec: { leaseTransitions: 1 } };
    await api.mergePatch('leases/kept', patch, { compare: ({ spec }) => spec });
    await api.put('leases/c', lease('c', HELD));
    await api.delete(`${NAMESPACES}/${api.namespace}`, undefined, { compare: withoutConditions });
  }),
];
