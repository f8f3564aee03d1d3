import { type Case, conform, conformEach } from '../case.ts';
import type { Conversation } from '../conversation.ts';
import type { ApiObject } from '../objects.ts';
import { HELD, lease, RENEWED_LATER, seenByCache, UNKNOWN_UID } from '../objects.ts';

/** Creates the Lease `a` and gives it as it was answered. */
async function held(api: Conversation): Promise<ApiObject> {
  return (await api.post('leases', lease('a', HELD))).body;
}

const renewed = { ...HELD, renewTime: RENEWED_LATER };

export const updateCases: readonly Case[] = [
  conform('update: a renewal by compare-and-swap', [201, 200, 200], async (api) => {
    const { uid, resourceVersion } = (await held(api)).metadata;
    await api.put('leases/a', lease('a', renewed, { uid, resourceVersion }));
    await api.get('leases/a');
  }),
  conform('update: a stale resourceVersion', [201, 200, 409, 200], async (api) => {
    const { uid, resourceVersion } = (await held(api)).metadata;
    await api.put('leases/a', lease('a', renewed, { uid, resourceVersion }));
    await api.put('leases/a', lease('a', HELD, { uid, resourceVersion }));
    await api.get('leases/a');
  }),
  conform('update: a resourceVersion of the future', [201, 409], async (api) => {
    await held(api);
    await api.put('leases/a', lease('a', renewed, { resourceVersion: '999999999' }));
  }),
  // An unconditional write does not exist for Leases: it would overwrite a new holder.
  conform('update: without a resourceVersion', [201, 422, 422], async (api) => {
    const { uid } = (await held(api)).metadata;
    await api.put('leases/a', lease('a', renewed));
    await api.put('leases/a', lease('a', renewed, { uid }));
  }),
  // 500, which looks like doubt about the outcome, though nothing can have been written.
  conform('update: a resourceVersion that is no number', [201, 500], async (api) => {
    await held(api);
    await api.put('leases/a', lease('a', renewed, { resourceVersion: 'newest' }));
  }),
  conform('update: a resourceVersion of 0', [201, 422], async (api) => {
    await held(api);
    await api.put('leases/a', lease('a', renewed, { resourceVersion: '0' }));
  }),
  conform('update: another uid', [201, 409], async (api) => {
    const { resourceVersion } = (await held(api)).metadata;
    await api.put('leases/a', lease('a', renewed, { uid: UNKNOWN_UID, resourceVersion }));
  }),
  // The uid is looked at first, unlike in a patch.
  conform('update: another uid and a stale resourceVersion', [201, 409], async (api) => {
    await held(api);
    await api.put('leases/a', lease('a', renewed, { uid: UNKNOWN_UID, resourceVersion: '1' }));
  }),
  // A late renewal of a released lock would bring it back: every PUT must carry the uid.
  conform('update: of a missing Lease creates it', [201, 200], async (api) => {
    await api.put('leases/a', lease('a', HELD));
    await api.get('leases/a');
  }),
  conform('update: of a missing Lease creates it despite a resourceVersion', [201], async (api) => {
    await api.put('leases/a', lease('a', HELD, { resourceVersion: '1' }));
  }),
  conform('update: of a missing Lease with a uid', [409, 409, 404], async (api) => {
    await api.put('leases/a', lease('a', HELD, { uid: UNKNOWN_UID }));
    await api.put('leases/a', lease('a', HELD, { uid: UNKNOWN_UID, resourceVersion: '1' }));
    await api.get('leases/a');
  }),
  conform('update: of a missing Lease, dryRun', [201, 404], async (api) => {
    await api.put('leases/a?dryRun=All', lease('a', HELD));
    await api.get('leases/a');
  }),
  conform('update: of a missing Lease in a missing namespace', [404], async (api) => {
    const path = '/apis/coordination.k8s.io/v1/namespaces/does-not-exist/leases/a';
    await api.put(path, lease('a', HELD));
  }),
  conform('update: of a missing Lease that is not valid', [422, 422], async (api) => {
    await api.put('leases/a', lease('a', { leaseDurationSeconds: 0 }));
    await api.put('leases/A_b', lease('A_b', HELD));
  }),
  // With the version alone, the lock is back in the hands of who had lost it.
  conform('update: of a deleted Lease by its last version', [201, 200, 409, 201], async (api) => {
    const { uid, resourceVersion } = (await held(api)).metadata;
    await api.delete('leases/a');
    await api.put('leases/a', lease('a', renewed, { uid, resourceVersion }));
    await api.put('leases/a', lease('a', renewed, { resourceVersion }));
  }),
  conform('update: of a Lease that was made again', [201, 200, 201, 409, 409], async (api) => {
    const { uid, resourceVersion } = (await held(api)).metadata;
    await api.delete('leases/a');
    await held(api);
    await api.put('leases/a', lease('a', renewed, { uid, resourceVersion }));
    await api.put('leases/a', lease('a', renewed, { resourceVersion }));
  }),
  conform('update: the name of another object', [201, 400], async (api) => {
    const { resourceVersion } = (await held(api)).metadata;
    await api.put('leases/a', lease('b', renewed, { resourceVersion }));
  }),
  conform('update: no name', [201, 400], async (api) => {
    const { resourceVersion } = (await held(api)).metadata;
    await api.put('leases/a', { ...lease('a', renewed), metadata: { resourceVersion } });
  }),
  conform('update: the namespace of another object', [201, 400], async (api) => {
    const { resourceVersion } = (await held(api)).metadata;
    await api.put('leases/a', lease('a', renewed, { resourceVersion, namespace: 'elsewhere' }));
  }),
  // A heartbeat that changes nothing is no heartbeat: a renewal must change renewTime.
  conform('update: the same again keeps the resourceVersion', [201, 200, 200, 200], async (api) => {
    const made = await held(api);
    await api.put('leases/a', made);
    await api.put('leases/a', lease('a', HELD, { resourceVersion: made.metadata.resourceVersion }));
    await api.get('leases/a');
  }),
  conform('update: dryRun changes nothing', [201, 200, 200], async (api) => {
    const { resourceVersion } = (await held(api)).metadata;
    await api.put('leases/a?dryRun=All', lease('a', renewed, { resourceVersion }));
    await api.get('leases/a');
  }),
  conform('update: what is left out is removed', [201, 200, 200], async (api) => {
    const { body } = await api.post(
      'leases',
      lease('a', HELD, { labels: { a: 'b' }, annotations: { c: 'd' } }),
    );
    const { resourceVersion } = body.metadata;
    await api.put('leases/a', lease('a', undefined, { resourceVersion }));
    await api.get('leases/a');
  }),
  conform('update: by another field manager', [201, 200, 200], async (api) => {
    const { resourceVersion } = (await held(api)).metadata;
    await api.put('leases/a?fieldManager=taker', lease('a', renewed, { resourceVersion }));
    await api.get('leases/a');
  }),
  // The guard reads there when the holder's fields were last written, and by whom.
  conform(
    'update: by several field managers in turn',
    [201, 200, 200, 200, 200, 200, 200],
    async (api) => {
      await held(api);
      const by = (manager: string): string => `leases/a?fieldManager=${manager}`;
      await api.mergePatch(by('one'), { metadata: { annotations: { one: '1', both: '1' } } });
      await api.mergePatch(by('two'), { metadata: { annotations: { two: '2', both: '2' } } });
      await api.mergePatch(by('one'), { spec: { renewTime: RENEWED_LATER } });
      await api.mergePatch(by('two'), { metadata: { annotations: { one: null } } });
      await api.mergePatch(by('two'), { spec: { renewTime: null } });
      await api.get('leases/a');
    },
  ),
  conform('update: managedFields of its own making', [201, 200], async (api) => {
    const { resourceVersion } = (await held(api)).metadata;
    const managedFields = [
      {
        manager: 'forged',
        operation: 'Update',
        apiVersion: 'coordination.k8s.io/v1',
        time: '2020-01-01T00:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:spec': { 'f:renewTime': {} } },
      },
    ];
    await api.put('leases/a', lease('a', renewed, { resourceVersion, managedFields }));
  }),
  conform('update: managedFields emptied', [201, 200], async (api) => {
    const { resourceVersion } = (await held(api)).metadata;
    const metadata = { resourceVersion, managedFields: [{}] };
    await api.put('leases/a', lease('a', renewed, metadata));
  }),
  ...conformEach<object>(
    [
      ['update: creationTimestamp', [201, 200, 200], { creationTimestamp: '2020-01-01T00:00:00Z' }],
      ['update: deletionTimestamp', [201, 422, 200], { deletionTimestamp: '2020-01-01T00:00:00Z' }],
      ['update: deletionGracePeriodSeconds', [201, 422, 200], { deletionGracePeriodSeconds: 5 }],
      ['update: generateName', [201, 200, 200], { generateName: 'made-' }],
      ['update: generation', [201, 200, 200], { generation: 7 }],
      ['update: finalizers', [201, 200, 200], { finalizers: ['example.com/keep'] }],
      ['update: wrong labels', [201, 422, 200], { labels: { 'a b': 'c d' } }],
      ['update: wrong annotations', [201, 422, 200], { annotations: { 'a b': 'c d' } }],
    ],
    async (api, change) => {
      const { uid, resourceVersion } = (await held(api)).metadata;
      await api.put('leases/a', lease('a', renewed, { uid, resourceVersion, ...change }));
      await api.get('leases/a');
    },
  ),
  conform('update: of a collection', [405], async (api) => {
    await api.put('leases', lease('a', HELD));
  }),
  conform('update: of another kind', [201, 400], async (api) => {
    await held(api);
    await api.put('leases/a', { ...lease('a', renewed), kind: 'Pod', apiVersion: 'v1' });
  }),
  conform('get: of a missing Lease', [404], async (api) => {
    await api.get('leases/a');
  }),
  conform('get: of a missing Lease in a missing namespace', [404], async (api) => {
    await api.get('/apis/coordination.k8s.io/v1/namespaces/does-not-exist/leases/a');
  }),
  conform('get: pretty and with unknown parameters', [201, 200], async (api) => {
    await held(api);
    await api.get('leases/a?pretty=true&surprise=yes');
  }),
  conform('get: by resourceVersion', [201, 200, 200, 500, 500], async (api) => {
    const { resourceVersion } = (await held(api)).metadata;
    await seenByCache(api);
    await api.get('leases/a?resourceVersion=0');
    await api.get(`leases/a?resourceVersion=${resourceVersion}`);
    await api.get('leases/a?resourceVersion=newest');
    await api.get('leases/a?resourceVersion=-1');
  }),
];
