import { type Case, conform } from '../case.ts';
import { configMap, createLock, HELD, lease, UNKNOWN_UID } from '../objects.ts';

const OTHER_UID = '99999999-2222-4333-8444-555555555555';

export const strategicPatchCases: readonly Case[] = [
  conform('strategic patch: annotations and spec', [201, 200, 200], async (api) => {
    await createLock(api);
    await api.strategicPatch('leases/a', {
      metadata: { annotations: { 'queue/2': 'two', 'queue/1': null } },
      spec: { leaseTransitions: 1, acquireTime: null },
    });
    await api.get('leases/a');
  }),
  conform(
    'strategic patch: with a stale resourceVersion or another uid',
    [201, 409, 422],
    async (api) => {
      await createLock(api);
      await api.strategicPatch('leases/a', {
        metadata: { resourceVersion: '1' },
        spec: { leaseTransitions: 1 },
      });
      await api.strategicPatch('leases/a', { metadata: { uid: UNKNOWN_UID } });
    },
  ),
  conform('strategic patch: of a missing Lease', [404], async (api) => {
    await api.strategicPatch('leases/a', { spec: { leaseTransitions: 1 } });
  }),
  conform('strategic patch: replaces by a directive', [201, 200], async (api) => {
    await createLock(api);
    await api.strategicPatch('leases/a', {
      metadata: { annotations: { $patch: 'replace', only: 'this' } },
    });
  }),
  // Lists that merge: owners by uid, finalizers as a set.
  conform('strategic patch: merges owners and finalizers', [201, 200, 200], async (api) => {
    // Of a kind that no garbage collector here looks for.
    const owner = { apiVersion: 'v1', kind: 'Node', name: 'p', uid: UNKNOWN_UID };
    const finalizers = ['example.com/one'];
    await api.post('leases', lease('a', HELD, { finalizers, ownerReferences: [owner] }));
    await api.strategicPatch('leases/a', {
      metadata: {
        finalizers: ['example.com/two'],
        ownerReferences: [
          { uid: UNKNOWN_UID, controller: true },
          { ...owner, uid: OTHER_UID },
        ],
      },
    });
    await api.strategicPatch('leases/a', {
      metadata: {
        '$deleteFromPrimitiveList/finalizers': ['example.com/one'],
        ownerReferences: [{ $patch: 'delete', uid: UNKNOWN_UID }],
      },
    });
  }),
  conform('strategic patch: that is a list', [201, 400], async (api) => {
    await createLock(api);
    await api.strategicPatch('leases/a', []);
  }),
  conform('strategic patch: that is no JSON', [201, 400], async (api) => {
    await createLock(api);
    await api.strategicPatch('leases/a', '{"spec":');
  }),
  conform('strategic patch: of a ConfigMap', [201, 200], async (api) => {
    await api.post('configmaps', configMap('a', { one: '1', two: '2' }));
    await api.strategicPatch('configmaps/a', { data: { one: null, three: '3' } });
  }),
];
