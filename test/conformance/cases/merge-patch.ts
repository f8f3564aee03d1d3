import { type Case, conform, conformEach } from '../case.ts';
import { createLock, HELD, RENEWED_LATER, UNKNOWN_UID } from '../objects.ts';

function annotations(values: Readonly<Record<string, string | null>>): object {
  return { metadata: { annotations: values } };
}

export const mergePatchCases: readonly Case[] = [
  // The join of a queue: it cannot conflict, and others' entries stay.
  conform(
    'merge patch: adds, changes and removes annotations',
    [201, 200, 200, 200, 200],
    async (api) => {
      await createLock(api);
      await api.mergePatch('leases/a', annotations({ 'queue/2': 'two' }));
      await api.mergePatch('leases/a', annotations({ 'queue/2': '2', 'queue/1': null }));
      await api.mergePatch('leases/a', annotations({ 'queue/2': null }));
      await api.get('leases/a');
    },
  ),
  conform('merge patch: with the right resourceVersion', [201, 200], async (api) => {
    const { resourceVersion } = (await createLock(api)).metadata;
    await api.mergePatch('leases/a', {
      metadata: { resourceVersion },
      spec: { leaseTransitions: 1 },
    });
  }),
  conform('merge patch: with a stale resourceVersion', [201, 200, 409, 409], async (api) => {
    const { resourceVersion } = (await createLock(api)).metadata;
    await api.mergePatch('leases/a', annotations({ 'queue/2': 'two' }));
    await api.mergePatch('leases/a', {
      metadata: { resourceVersion },
      spec: { leaseTransitions: 1 },
    });
    // Nothing would change: the condition holds all the same.
    await api.mergePatch('leases/a', { metadata: { resourceVersion } });
  }),
  // Null and empty are no "any version": a mistake cannot make the write unconditional.
  conform(
    'merge patch: with a resourceVersion that is none',
    [201, 500, 422, 422, 422],
    async (api) => {
      await createLock(api);
      await api.mergePatch('leases/a', {
        metadata: { resourceVersion: 'x' },
        spec: { leaseTransitions: 1 },
      });
      await api.mergePatch('leases/a', {
        metadata: { resourceVersion: '0' },
        spec: { leaseTransitions: 1 },
      });
      await api.mergePatch('leases/a', {
        metadata: { resourceVersion: '' },
        spec: { leaseTransitions: 2 },
      });
      await api.mergePatch('leases/a', {
        metadata: { resourceVersion: null },
        spec: { leaseTransitions: 3 },
      });
    },
  ),
  conform('merge patch: with the right uid', [201, 200], async (api) => {
    const { uid } = (await createLock(api)).metadata;
    await api.mergePatch('leases/a', { metadata: { uid, annotations: { 'queue/2': 'two' } } });
  }),
  // 422, not 409 as for PUT: whoever joins must tell it from a malformed patch by its cause.
  conform('merge patch: with another uid', [201, 422, 200], async (api) => {
    await createLock(api);
    await api.mergePatch('leases/a', { metadata: { uid: UNKNOWN_UID, annotations: { b: 'c' } } });
    await api.get('leases/a');
  }),
  // The version is looked at first: a replaced lock then looks like a changed one.
  conform('merge patch: with another uid and a stale resourceVersion', [201, 409], async (api) => {
    await createLock(api);
    await api.mergePatch('leases/a', { metadata: { uid: UNKNOWN_UID, resourceVersion: '1' } });
  }),
  conform('merge patch: of a missing Lease', [404, 404, 404], async (api) => {
    await api.mergePatch('leases/a', annotations({ 'queue/1': 'one' }));
    await api.mergePatch('leases/a', { metadata: { uid: UNKNOWN_UID } });
    await api.get('leases/a');
  }),
  conform('merge patch: of a Lease that was made again', [201, 200, 201, 422], async (api) => {
    const { uid } = (await createLock(api)).metadata;
    await api.delete('leases/a');
    await createLock(api);
    await api.mergePatch('leases/a', { metadata: { uid, annotations: { 'queue/2': 'two' } } });
  }),
  conform(
    'merge patch: that changes nothing keeps the resourceVersion',
    [201, 200, 200, 200, 200, 200],
    async (api) => {
      await createLock(api);
      await api.mergePatch('leases/a', {});
      await api.mergePatch('leases/a', annotations({ 'queue/1': 'one' }));
      await api.mergePatch('leases/a', annotations({ missing: null }));
      await api.mergePatch('leases/a', { spec: { renewTime: HELD.renewTime } });
      await api.get('leases/a');
    },
  ),
  conform('merge patch: dryRun changes nothing', [201, 200, 200], async (api) => {
    await createLock(api);
    await api.mergePatch('leases/a?dryRun=All', annotations({ 'queue/2': 'two' }));
    await api.get('leases/a');
  }),
  conform('merge patch: by another field manager', [201, 200, 200], async (api) => {
    await createLock(api);
    await api.mergePatch('leases/a?fieldManager=taker', { spec: { renewTime: RENEWED_LATER } });
    await api.get('leases/a');
  }),
  conform('merge patch: removes the spec', [201, 200], async (api) => {
    await createLock(api);
    await api.mergePatch('leases/a', { spec: null });
  }),
  conform('merge patch: removes all metadata', [201, 400, 200], async (api) => {
    await createLock(api);
    await api.mergePatch('leases/a', { metadata: null });
    await api.get('leases/a');
  }),
  ...conformEach<unknown>(
    [
      ['merge patch: another name', [201, 400, 200], { metadata: { name: 'b' } }],
      ['merge patch: another namespace', [201, 400, 200], { metadata: { namespace: 'elsewhere' } }],
      ['merge patch: another kind', [201, 422, 200], { kind: 'Pod' }],
      ['merge patch: another apiVersion', [201, 422, 200], { apiVersion: 'v1' }],
      [
        'merge patch: another creationTimestamp',
        [201, 200, 200],
        { metadata: { creationTimestamp: '2020-01-01T00:00:00Z' } },
      ],
      [
        'merge patch: annotations that are a list',
        [201, 422, 200],
        { metadata: { annotations: [] } },
      ],
      [
        'merge patch: annotations that are a text',
        [201, 422, 200],
        { metadata: { annotations: 'x' } },
      ],
      [
        'merge patch: an annotation that is a number',
        [201, 422, 200],
        annotations({ a: 7 as never }),
      ],
      ['merge patch: a wrong label', [201, 422, 200], { metadata: { labels: { a: 'b c' } } }],
      [
        'merge patch: annotations beyond the limit',
        [201, 422, 200],
        annotations({ a: 'x'.repeat(262_144) }),
      ],
      ['merge patch: that is a list', [201, 400, 200], []],
      ['merge patch: that is a text', [201, 400, 200], '"text"'],
      ['merge patch: that is null', [201, 400, 200], 'null'],
      ['merge patch: that is no JSON', [201, 400, 200], '{"metadata":'],
      ['merge patch: that is empty', [201, 400, 200], ''],
    ],
    async (api, patch) => {
      await createLock(api);
      await api.mergePatch('leases/a', patch);
      await api.get('leases/a');
    },
  ),
  conform('patch: of a type that does not exist', [201, 415, 415], async (api) => {
    await createLock(api);
    const headers = { 'content-type': 'application/json' };
    await api.send('PATCH', 'leases/a', {}, { headers });
    await api.send('PATCH', 'leases/a', {}, { headers: { 'content-type': 'text/plain' } });
  }),
  conform('patch: a type with a parameter', [201, 200], async (api) => {
    await createLock(api);
    const headers = { 'content-type': 'application/merge-patch+json; charset=utf-8' };
    await api.send('PATCH', 'leases/a', annotations({ a: 'b' }), { headers });
  }),
  conform('patch: of a collection', [405], async (api) => {
    await api.mergePatch('leases', annotations({ a: 'b' }));
  }),
];
