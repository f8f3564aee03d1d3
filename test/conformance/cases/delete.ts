import { type Case, conform, conformEach } from '../case.ts';
import type { Conversation } from '../conversation.ts';
import type { ApiObject } from '../objects.ts';
import { HELD, lease, RENEWED_LATER, UNKNOWN_UID } from '../objects.ts';

async function held(api: Conversation, metadata: object = {}): Promise<ApiObject> {
  return (await api.post('leases', lease('a', HELD, { ...metadata }))).body;
}

const KEPT = { finalizers: ['example.com/keep'] };

export const deleteCases: readonly Case[] = [
  conform('delete: and gone', [201, 200, 404, 404], async (api) => {
    await held(api);
    await api.delete('leases/a');
    await api.get('leases/a');
    await api.delete('leases/a');
  }),
  conform('delete: a name is free again at once', [201, 200, 201], async (api) => {
    await held(api);
    await api.delete('leases/a');
    await held(api);
  }),
  // The release of a lock that nobody waits for.
  conform('delete: with the right uid and resourceVersion', [201, 200, 404], async (api) => {
    const { uid, resourceVersion } = (await held(api)).metadata;
    await api.delete('leases/a', { preconditions: { uid, resourceVersion } });
    await api.get('leases/a');
  }),
  conform('delete: with a stale resourceVersion', [201, 200, 409, 409, 200], async (api) => {
    const { uid, resourceVersion } = (await held(api)).metadata;
    await api.mergePatch('leases/a', { spec: { leaseTransitions: 1 } });
    await api.delete('leases/a', { preconditions: { uid, resourceVersion } });
    await api.delete('leases/a', { preconditions: { resourceVersion } });
    await api.get('leases/a');
  }),
  conform('delete: with another uid', [201, 409, 409], async (api) => {
    const { resourceVersion } = (await held(api)).metadata;
    await api.delete('leases/a', { preconditions: { uid: UNKNOWN_UID, resourceVersion } });
    await api.delete('leases/a', { preconditions: { uid: UNKNOWN_UID } });
  }),
  conform('delete: with another uid and a stale resourceVersion', [201, 409], async (api) => {
    await held(api);
    await api.delete('leases/a', { preconditions: { uid: UNKNOWN_UID, resourceVersion: '1' } });
  }),
  conform('delete: with preconditions of a missing Lease', [404], async (api) => {
    await api.delete('leases/a', { preconditions: { uid: UNKNOWN_UID, resourceVersion: '1' } });
  }),
  conform(
    'delete: with preconditions on what was made again',
    [201, 200, 201, 409],
    async (api) => {
      const { uid, resourceVersion } = (await held(api)).metadata;
      await api.delete('leases/a', { preconditions: { uid, resourceVersion } });
      await held(api);
      await api.delete('leases/a', { preconditions: { uid, resourceVersion } });
    },
  ),
  conform('delete: dryRun', [201, 200, 200, 200], async (api) => {
    await held(api);
    await api.delete('leases/a?dryRun=All');
    await api.delete('leases/a', { dryRun: ['All'] });
    await api.get('leases/a');
  }),
  conform('delete: dryRun with preconditions that fail', [201, 409], async (api) => {
    await held(api);
    await api.delete('leases/a', { dryRun: ['All'], preconditions: { uid: UNKNOWN_UID } });
  }),
  ...conformEach<unknown>(
    [
      [
        'delete: options with their kind',
        [201, 200, 404],
        { kind: 'DeleteOptions', apiVersion: 'v1' },
      ],
      [
        'delete: options of the group',
        [201, 200, 404],
        { kind: 'DeleteOptions', apiVersion: 'coordination.k8s.io/v1' },
      ],
      [
        'delete: options of another kind',
        [201, 400, 200],
        { kind: 'Lease', apiVersion: 'coordination.k8s.io/v1' },
      ],
      ['delete: no grace period', [201, 200, 404], { gracePeriodSeconds: 0 }],
      ['delete: a grace period', [201, 200, 404], { gracePeriodSeconds: 30 }],
      ['delete: a negative grace period', [201, 200, 404], { gracePeriodSeconds: -1 }],
      ['delete: propagation Background', [201, 200, 404], { propagationPolicy: 'Background' }],
      [
        'delete: propagation of an unknown kind',
        [201, 422, 200],
        { propagationPolicy: 'Sometimes' },
      ],
      [
        'delete: propagation and orphanDependents',
        [201, 422, 200],
        { propagationPolicy: 'Background', orphanDependents: false },
      ],
      ['delete: options that are no JSON', [201, 400, 200], '{"preconditions":'],
      ['delete: options that are a list', [201, 400, 200], []],
      // Empty is not "any": a release that has lost its conditions deletes nothing.
      [
        'delete: an empty resourceVersion',
        [201, 409, 200],
        { preconditions: { resourceVersion: '' } },
      ],
      ['delete: an empty uid', [201, 409, 200], { preconditions: { uid: '' } }],
      ['delete: a dryRun that does not exist', [201, 422, 200], { dryRun: ['Some'] }],
    ],
    async (api, options) => {
      await held(api);
      await api.delete('leases/a', options);
      await api.get('leases/a');
    },
  ),
  // The garbage collector would remove it a moment later, where there is one.
  ...conformEach<unknown>(
    [
      ['delete: propagation Foreground', [201, 200], { propagationPolicy: 'Foreground' }],
      ['delete: propagation Orphan', [201, 200], { propagationPolicy: 'Orphan' }],
      ['delete: orphanDependents', [201, 200], { orphanDependents: true }],
    ],
    async (api, options) => {
      await held(api);
      await api.delete('leases/a', options);
    },
  ),
  conform('delete: options in the body and in the query', [201, 200, 404], async (api) => {
    await held(api);
    await api.delete('leases/a?dryRun=All', { preconditions: {} });
    await api.get('leases/a');
  }),
  conform('delete: options in the query', [201, 200], async (api) => {
    await held(api);
    await api.delete('leases/a?propagationPolicy=Foreground&gracePeriodSeconds=0');
  }),
  // A finalizer keeps a deleted lock: it can be read and renewed, and no other takes its name.
  conform(
    'delete: a finalizer keeps the Lease until it is removed',
    [201, 200, 200, 200, 409, 200, 200, 404],
    async (api) => {
      await held(api, KEPT);
      await api.delete('leases/a');
      await api.get('leases/a');
      await api.delete('leases/a');
      await api.post('leases', lease('a', HELD));
      await api.mergePatch('leases/a', { spec: { renewTime: RENEWED_LATER } });
      await api.mergePatch('leases/a', { metadata: { finalizers: null } });
      await api.get('leases/a');
    },
  ),
  conform('delete: a finalizer removed by PUT', [201, 200, 200, 404], async (api) => {
    await held(api, KEPT);
    const { body } = await api.delete('leases/a');
    const { uid, resourceVersion } = body.metadata;
    await api.put('leases/a', lease('a', HELD, { uid, resourceVersion }));
    await api.get('leases/a');
  }),
  conform(
    'delete: no finalizer can be added to what is being deleted',
    [201, 200, 422],
    async (api) => {
      await held(api, KEPT);
      await api.delete('leases/a');
      await api.mergePatch('leases/a', {
        metadata: { finalizers: ['example.com/keep', 'example.com/more'] },
      });
    },
  ),
  // A late renewal neither fails nor brings the Lease back to life.
  conform('delete: a renewal of what is being deleted', [201, 200, 200, 200], async (api) => {
    await held(api, KEPT);
    const { body } = await api.delete('leases/a');
    const { uid, resourceVersion } = body.metadata;
    const renewed = { ...HELD, renewTime: RENEWED_LATER };
    await api.put('leases/a', lease('a', renewed, { uid, resourceVersion, ...KEPT }));
    await api.get('leases/a');
  }),
  conform('delete: a finalizer and preconditions', [201, 200, 409, 200], async (api) => {
    const { uid, resourceVersion } = (await held(api, KEPT)).metadata;
    await api.delete('leases/a', { preconditions: { uid, resourceVersion } });
    await api.delete('leases/a', { preconditions: { uid, resourceVersion } });
    await api.delete('leases/a', { preconditions: { uid } });
  }),
  conform('delete: of a collection', [201, 201, 200, 200, 200], async (api) => {
    await api.post('leases', lease('a', HELD, { labels: { part: 'x' } }));
    await api.post('leases', lease('b', HELD, { labels: { part: 'y' } }));
    await api.delete('leases');
    await api.get('leases');
    await api.delete('leases');
  }),
  conform('delete: of a collection by label', [201, 201, 200, 200], async (api) => {
    await api.post('leases', lease('a', HELD, { labels: { part: 'x' } }));
    await api.post('leases', lease('b', HELD, { labels: { part: 'y' } }));
    await api.delete('leases?labelSelector=part%3Dx');
    await api.get('leases');
  }),
  conform('delete: of a collection by name', [201, 201, 200, 200], async (api) => {
    await api.post('leases', lease('a'));
    await api.post('leases', lease('b'));
    await api.delete('leases?fieldSelector=metadata.name%3Db');
    await api.get('leases');
  }),
  conform('delete: of a collection, dryRun', [201, 200, 200], async (api) => {
    await held(api);
    await api.delete('leases?dryRun=All');
    await api.get('leases/a');
  }),
  conform('delete: of a collection with a finalizer in it', [201, 201, 200, 200], async (api) => {
    await held(api, KEPT);
    await api.post('leases', lease('b'));
    await api.delete('leases');
    await api.get('leases');
  }),
  conform('delete: of a collection with a wrong selector', [201, 400, 400, 200], async (api) => {
    await held(api);
    await api.delete('leases?labelSelector=%3D%3D');
    await api.delete('leases?fieldSelector=spec.holderIdentity%3Dme');
    await api.get('leases/a');
  }),
  // Emptying a namespace that is missing succeeds, as listing it does.
  conform('delete: of a missing Lease in a missing namespace', [404, 200], async (api) => {
    await api.delete('/apis/coordination.k8s.io/v1/namespaces/does-not-exist/leases/a');
    await api.delete('/apis/coordination.k8s.io/v1/namespaces/does-not-exist/leases');
  }),
];
