import { type Case, conform } from '../case.ts';
import type { Conversation } from '../conversation.ts';
import type { ApiObject } from '../objects.ts';
import { HELD, lease } from '../objects.ts';

/** A Pod of a missing ServiceAccount is refused, and no controller makes the default one. */
async function prepare(api: Conversation): Promise<void> {
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
  await api.post('serviceaccounts', account, { unrecorded: true });
}

function pod(name: string, spec: object = {}, metadata: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { containers: [{ name: 'main', image: 'example.invalid/none' }], ...spec },
  };
}

/**
 * What the embedded server answers like the real one. Left out are what defaulting and admission
 * add to the spec (tokens, tolerations, policies), the conditions, and who manages which field.
 */
function essentials(body: ApiObject): unknown {
  if (body.kind === 'Status') return body;
  if (Array.isArray(body.items)) {
    return { kind: body.kind, items: (body.items as ApiObject[]).map(essentials) };
  }
  const { managedFields: _, ...metadata } = { managedFields: undefined, ...body.metadata };
  const { nodeName, containers } = body.spec as {
    nodeName?: string;
    containers: { name: string; image: string }[];
  };
  const { phase } = body.status as { phase?: string };
  return {
    kind: body.kind,
    apiVersion: body.apiVersion,
    metadata,
    spec: { nodeName, containers: containers.map(({ name, image }) => ({ name, image })) },
    status: { phase },
  };
}

const COMPARE = { compare: essentials };
const ON_NODE = { nodeName: 'test-node' };

export const podCases: readonly Case[] = [
  conform('pod: create and get', [201, 200, 409], async (api) => {
    await prepare(api);
    await api.post('pods', pod('a'), COMPARE);
    await api.get('pods/a', COMPARE);
    await api.post('pods', pod('a'), COMPARE);
  }),
  conform('pod: without a container', [422], async (api) => {
    await prepare(api);
    await api.post('pods', pod('a', { containers: [] }));
  }),
  conform('pod: PUT does not create', [404, 404], async (api) => {
    await prepare(api);
    await api.put('pods/a', pod('a'));
    await api.put('pods/a/status', pod('a'));
  }),
  // Unlike a Lease, a Pod can be written without a resourceVersion.
  conform('pod: an unconditional update', [201, 200], async (api) => {
    await prepare(api);
    const { body } = await api.post('pods', pod('a'), COMPARE);
    const { resourceVersion: _, ...metadata } = body.metadata;
    const labelled = { ...body, metadata: { ...metadata, labels: { part: 'x' } } };
    await api.put('pods/a', labelled, COMPARE);
  }),
  conform('pod: labels and annotations by patch', [201, 200, 200], async (api) => {
    await prepare(api);
    await api.post('pods', pod('a'), COMPARE);
    await api.mergePatch('pods/a', { metadata: { labels: { leader: 'yes' } } }, COMPARE);
    await api.strategicPatch('pods/a', { metadata: { annotations: { a: 'b' } } }, COMPARE);
  }),
  conform('pod: the status subresource', [201, 200, 200, 200, 200, 404], async (api) => {
    await prepare(api);
    await api.post('pods', pod('a', ON_NODE), COMPARE);
    await api.mergePatch('pods/a/status', { status: { phase: 'Running' } }, COMPARE);
    await api.get('pods/a/status', COMPARE);
    // Through the main resource the status is not written, through the status nothing else.
    await api.mergePatch('pods/a', { status: { phase: 'Failed' } }, COMPARE);
    await api.mergePatch('pods/a/status', { metadata: { labels: { a: 'b' } } }, COMPARE);
    await api.mergePatch('pods/b/status', { status: { phase: 'Running' } }, COMPARE);
  }),
  // Nothing but the kubelet may say that the containers have stopped, so a bound Pod stays.
  conform(
    'pod: deletion of one on a node waits for the kubelet',
    [201, 200, 200, 200, 200, 200, 404],
    async (api) => {
      await prepare(api);
      await api.post('pods', pod('a', ON_NODE), COMPARE);
      await api.delete('pods/a', undefined, COMPARE);
      await api.get('pods/a', COMPARE);
      await api.delete('pods/a', { gracePeriodSeconds: 5 }, COMPARE);
      await api.delete('pods/a', { gracePeriodSeconds: 60 }, COMPARE);
      await api.delete('pods/a', { gracePeriodSeconds: 0 }, COMPARE);
      await api.get('pods/a', COMPARE);
    },
  ),
  conform('pod: deletion of one on no node', [201, 200, 404], async (api) => {
    await prepare(api);
    await api.post('pods', pod('a'), COMPARE);
    await api.delete('pods/a', undefined, COMPARE);
    await api.get('pods/a', COMPARE);
  }),
  conform('pod: deletion of one that has ended', [201, 200, 200, 404], async (api) => {
    await prepare(api);
    await api.post('pods', pod('a', ON_NODE), COMPARE);
    await api.mergePatch('pods/a/status', { status: { phase: 'Succeeded' } }, COMPARE);
    await api.delete('pods/a', undefined, COMPARE);
    await api.get('pods/a', COMPARE);
  }),
  conform('pod: deletion with its own grace period', [201, 200], async (api) => {
    await prepare(api);
    await api.post('pods', pod('a', { ...ON_NODE, terminationGracePeriodSeconds: 7 }), COMPARE);
    await api.delete('pods/a', undefined, COMPARE);
  }),
  conform('pod: deletion with preconditions', [201, 409, 200], async (api) => {
    await prepare(api);
    const { body } = await api.post('pods', pod('a'), COMPARE);
    const { uid, resourceVersion } = body.metadata;
    await api.delete('pods/a', { preconditions: { uid: 'x' } }, COMPARE);
    await api.delete('pods/a', { preconditions: { uid, resourceVersion } }, COMPARE);
  }),
  conform('pod: by field selectors', [201, 201, 200, 200, 200, 200, 200, 400], async (api) => {
    await prepare(api);
    await api.post('pods', pod('a', ON_NODE), COMPARE);
    await api.post('pods', pod('b'), COMPARE);
    await api.mergePatch('pods/a/status', { status: { phase: 'Running' } }, COMPARE);
    await api.get('pods?fieldSelector=spec.nodeName%3Dtest-node', COMPARE);
    await api.get('pods?fieldSelector=spec.nodeName%3D', COMPARE);
    await api.get('pods?fieldSelector=status.phase%3DRunning', COMPARE);
    await api.get('pods?fieldSelector=status.phase%21%3DRunning%2Cmetadata.name%3Db', COMPARE);
    await api.get('pods?fieldSelector=spec.image%3Dx', COMPARE);
  }),
  conform('pod: a watch by its phase', [201, 200, 200, 200], async (api) => {
    await prepare(api);
    const { body } = await api.post('pods', pod('a', ON_NODE), COMPARE);
    const { resourceVersion } = body.metadata;
    const watch = await api.watch(
      `pods?fieldSelector=status.phase%3DRunning&resourceVersion=${resourceVersion}`,
      COMPARE,
    );
    await api.mergePatch('pods/a/status', { status: { phase: 'Running' } }, COMPARE);
    await api.mergePatch('pods/a/status', { status: { phase: 'Failed' } }, COMPARE);
    await watch.take(2);
  }),
  // The garbage collector acts later, and elsewhere: the deletion itself leaves the Lease alone.
  conform('pod: owns a Lease', [201, 201, 200, 200], async (api) => {
    await prepare(api);
    const { body } = await api.post('pods', pod('a', ON_NODE), COMPARE);
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'a', uid: body.metadata.uid };
    await api.post('leases', lease('a', HELD, { ownerReferences: [owner] }));
    await api.delete('pods/a', undefined, COMPARE);
    await api.get('leases/a');
  }),
];
