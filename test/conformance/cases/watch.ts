import { type Case, conform, conformEach } from '../case.ts';
import type { WatchEvent } from '../watch.ts';
import { create, INITIAL, isBookmark } from './initial-events.ts';
import { HELD, lease, RENEWED_LATER, seenByCache } from '../objects.ts';

/** Proves that nothing more was delivered before it: events of one watch are in order. */
function isSentinel(event: WatchEvent): boolean {
  return event.object.metadata.name === 'sentinel';
}

export const watchCases: readonly Case[] = [
  conform('watch: from a version', [201, 200, 200, 201, 200], async (api) => {
    const version = await create(api, 'a');
    const watch = await api.watch(`leases?resourceVersion=${version}`);
    await api.mergePatch('leases/a', { spec: { renewTime: RENEWED_LATER } });
    await create(api, 'b');
    await api.delete('leases/a');
    await watch.take(3);
  }),
  conform('watch: what has happened since a version', [201, 200, 200, 201, 200], async (api) => {
    const version = await create(api, 'a');
    await api.mergePatch('leases/a', { spec: { renewTime: RENEWED_LATER } });
    await api.delete('leases/a');
    await create(api, 'a');
    const watch = await api.watch(`leases?resourceVersion=${version}`);
    await watch.take(3);
  }),
  conform('watch: from a list', [201, 200, 200, 201], async (api) => {
    await create(api, 'a');
    const { body } = await api.get('leases');
    const watch = await api.watch(`leases?resourceVersion=${body.metadata.resourceVersion}`);
    await create(api, 'b');
    await watch.take(1);
  }),
  conform('watch: from 0 begins with what is there', [201, 201, 200, 201], async (api) => {
    await create(api, 'b');
    await create(api, 'a');
    await seenByCache(api);
    const watch = await api.watch('leases?resourceVersion=0');
    await watch.take(2);
    await create(api, 'c');
    await watch.take(1);
  }),
  conform('watch: without a version begins with what is there', [201, 200, 200], async (api) => {
    await create(api, 'a');
    await seenByCache(api);
    const watch = await api.watch('leases');
    await watch.take(1);
    await api.delete('leases/a');
    await watch.take(1);
  }),
  conform('watch: no initial events', [201, 200, 201], async (api) => {
    const version = await create(api, 'a');
    const query = `resourceVersion=${version}&resourceVersionMatch=NotOlderThan`;
    const watch = await api.watch(`leases?${query}&sendInitialEvents=false`);
    await create(api, 'b');
    await watch.take(1);
  }),
  conform('watch: one name', [201, 200, 201, 201, 200, 200, 200, 200], async (api) => {
    const version = await create(api, 'other');
    const query = `fieldSelector=metadata.name%3Da&resourceVersion=${version}`;
    const watch = await api.watch(`leases?${query}`);
    await create(api, 'aa');
    await create(api, 'a');
    await api.mergePatch('leases/other', { spec: { leaseTransitions: 1 } });
    await api.mergePatch('leases/a', { spec: { leaseTransitions: 1 } });
    await api.delete('leases/other');
    await api.delete('leases/a');
    await watch.take(3);
  }),
  // The old form, still served.
  conform('watch: one name by the path of the object', [201, 200, 201, 200], async (api) => {
    const version = await create(api, 'a');
    const watch = await api.watch(`leases/a?resourceVersion=${version}`);
    await create(api, 'b');
    await api.delete('leases/a');
    await watch.take(1);
  }),
  conform('watch: by the old watch path', [201, 200, 200, 201, 200], async (api) => {
    const version = await create(api, 'a');
    const base = `/apis/coordination.k8s.io/v1/watch/namespaces/${api.namespace}/leases`;
    const all = await api.watch(`${base}?resourceVersion=${version}`);
    const one = await api.watch(`${base}/a?resourceVersion=${version}`);
    await create(api, 'b');
    await api.delete('leases/a');
    await all.take(2);
    await one.take(1);
  }),
  conform('watch: across namespaces', [201, 200, 200], async (api) => {
    const version = await create(api, 'a');
    const mine = encodeURIComponent(`metadata.namespace=${api.namespace}`);
    const watch = await api.watch(
      `/apis/coordination.k8s.io/v1/leases?fieldSelector=${mine}&resourceVersion=${version}`,
    );
    await api.delete('leases/a');
    await watch.take(1);
  }),
  // To a watcher with a selector, an object that stops matching is deleted, as it last matched.
  conform(
    'watch: an object that starts and stops to match a label',
    [201, 200, 200, 200, 200, 200, 201],
    async (api) => {
      const version = await create(api, 'a');
      const watch = await api.watch(`leases?labelSelector=part%3Dx&resourceVersion=${version}`);
      await api.mergePatch('leases/a', { metadata: { labels: { part: 'x' } } });
      await api.mergePatch('leases/a', { spec: { leaseTransitions: 1 } });
      await api.mergePatch('leases/a', { metadata: { labels: { part: 'y' } } });
      await api.delete('leases/a');
      await create(api, 'sentinel', { part: 'x' });
      await watch.until(isSentinel);
    },
  ),
  conform('watch: a label, from the initial state', [201, 201, 200, 200], async (api) => {
    await create(api, 'a', { part: 'x' });
    await create(api, 'b', { part: 'y' });
    const watch = await api.watch(`leases?labelSelector=part%3Dx&${INITIAL}`);
    await watch.until(isBookmark);
    await api.mergePatch('leases/a', { metadata: { labels: { part: null } } });
    await watch.take(1);
  }),
  conform(
    'watch: a write that changes nothing is no event',
    [201, 200, 200, 200, 200, 201],
    async (api) => {
      const version = await create(api, 'a');
      const watch = await api.watch(`leases?resourceVersion=${version}`);
      await api.mergePatch('leases/a', { spec: { renewTime: HELD.renewTime } });
      await api.mergePatch('leases/a?dryRun=All', { spec: { renewTime: RENEWED_LATER } });
      await api.put('leases/a', lease('a', HELD, { resourceVersion: version }));
      await create(api, 'sentinel');
      await watch.until(isSentinel);
    },
  ),
  conform('watch: a refused write is no event', [201, 200, 409, 422, 409, 201], async (api) => {
    const version = await create(api, 'a');
    const watch = await api.watch(`leases?resourceVersion=${version}`);
    await api.post('leases', lease('a'));
    await api.put('leases/a', lease('a', { leaseDurationSeconds: 0 }));
    await api.delete('leases/a', { preconditions: { resourceVersion: '1' } });
    await create(api, 'sentinel');
    await watch.until(isSentinel);
  }),
  // The version of a DELETED event is that of the deletion: a watch continues behind it.
  conform('watch: continues from a DELETED event', [201, 200, 200, 201, 200], async (api) => {
    const version = await create(api, 'a');
    const watch = await api.watch(`leases?resourceVersion=${version}`);
    await api.delete('leases/a');
    const { object } = await watch.until(({ type }) => type === 'DELETED');
    await create(api, 'a');
    const next = await api.watch(`leases?resourceVersion=${object.metadata.resourceVersion}`);
    await next.take(1);
  }),
  conform('watch: a finalizer makes a deletion two events', [201, 200, 200, 200], async (api) => {
    const finalizers = ['example.com/keep'];
    const { body } = await api.post('leases', lease('a', HELD, { finalizers }));
    const watch = await api.watch(`leases?resourceVersion=${body.metadata.resourceVersion}`);
    await api.delete('leases/a');
    await api.mergePatch('leases/a', { metadata: { finalizers: null } });
    await watch.take(2);
  }),
  conform('watch: the deletion of a collection', [201, 201, 200, 200, 200], async (api) => {
    await create(api, 'a');
    const version = await create(api, 'b');
    const watch = await api.watch(`leases?resourceVersion=${version}`);
    await api.delete('leases?fieldSelector=metadata.name%3Da');
    await api.delete('leases');
    await watch.take(2);
  }),
  conform('watch: a PUT that creates', [201, 200, 201], async (api) => {
    const version = await create(api, 'a');
    const watch = await api.watch(`leases?resourceVersion=${version}`);
    await api.put('leases/b', lease('b', HELD));
    await watch.take(1);
  }),
  conform('watch: two at once see the same', [201, 200, 200, 200, 201], async (api) => {
    const version = await create(api, 'a');
    const path = `leases?resourceVersion=${version}`;
    const watches = [await api.watch(path), await api.watch(path)];
    await api.delete('leases/a');
    await create(api, 'a');
    for (const watch of watches) await watch.take(2);
  }),
  conform('watch: as PartialObjectMetadata', [201, 200, 200], async (api) => {
    const version = await create(api, 'a');
    const accept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
    const watch = await api.watch(`leases?resourceVersion=${version}`, { headers: { accept } });
    await api.delete('leases/a');
    await watch.take(1);
  }),
  conform('watch: as Table', [201, 201, 200], async (api) => {
    await create(api, 'a');
    await create(api, 'b');
    await seenByCache(api);
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const watch = await api.watch('leases?resourceVersion=0', { headers: { accept } });
    await watch.take(2);
  }),
  conform('watch: initial events as Table', [201, 200], async (api) => {
    await create(api, 'a');
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const watch = await api.watch(`leases?${INITIAL}`, { headers: { accept } });
    await watch.take(2);
  }),
  // After a restore of etcd: 200 and silence, so only polling finds out.
  conform('watch: from a version of the future is silent', [201, 200, 201], async (api) => {
    await create(api, 'a');
    const watch = await api.watch('leases?resourceVersion=999999999&timeoutSeconds=1');
    await create(api, 'b');
    await watch.untilEnd();
  }),
  conform(
    'watch: initial events not older than a version of the future',
    [201, 200],
    async (api) => {
      await create(api, 'a');
      const watch = await api.watch(`leases?resourceVersion=999999999&timeoutSeconds=1&${INITIAL}`);
      await watch.untilEnd();
    },
  ),
  conform('watch: a name and a label', [201, 200, 201, 200, 200], async (api) => {
    const version = await create(api, 'a');
    const query = `fieldSelector=metadata.name%3Da&labelSelector=part%21%3Dx`;
    const watch = await api.watch(`leases?${query}&resourceVersion=${version}`);
    await create(api, 'b');
    await api.mergePatch('leases/a', { metadata: { labels: { part: 'x' } } });
    await api.mergePatch('leases/a', { metadata: { labels: { part: 'y' } } });
    await watch.take(2);
  }),
  conform('watch: all names but one', [201, 200, 200, 201], async (api) => {
    const version = await create(api, 'a');
    const query = `fieldSelector=metadata.name%21%3Da`;
    const watch = await api.watch(`leases?${query}&resourceVersion=${version}`);
    await api.delete('leases/a');
    await create(api, 'b');
    await watch.take(1);
  }),
  conform('watch: a hundred renewals, in order', [201, 200], async (api) => {
    let version = await create(api, 'a');
    const watch = await api.watch(`leases?resourceVersion=${version}`);
    for (let transitions = 1; transitions <= 100; transitions += 1) {
      const metadata = { resourceVersion: version };
      const patch = { metadata, spec: { leaseTransitions: transitions } };
      version = (await api.mergePatch('leases/a', patch, { unrecorded: true })).body.metadata
        .resourceVersion;
    }
    await watch.take(100);
  }),
  // A second of waiting, as for the one before: there is no other way to see an end.
  conform('watch: ends after timeoutSeconds', [201, 200], async (api) => {
    const version = await create(api, 'a');
    const watch = await api.watch(`leases?resourceVersion=${version}&timeoutSeconds=1`);
    await watch.untilEnd();
  }),
  ...conformEach<string>(
    [
      ['watch: resourceVersion that is no number', [500], 'resourceVersion=newest'],
      ['watch: resourceVersion that is negative', [500], 'resourceVersion=-1'],
      ['watch: resourceVersionMatch alone', [422], 'resourceVersionMatch=NotOlderThan'],
      [
        'watch: resourceVersionMatch Exact',
        [422],
        'resourceVersion=1&resourceVersionMatch=Exact&sendInitialEvents=true',
      ],
      ['watch: sendInitialEvents without a match', [422], 'sendInitialEvents=true'],
      [
        'watch: sendInitialEvents without bookmarks',
        [200],
        'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1',
      ],
      ['watch: sendInitialEvents that is no boolean', [422], 'sendInitialEvents=perhaps'],
      ['watch: a label selector that is malformed', [400], 'labelSelector=%3D%3D'],
      ['watch: a field that is not supported', [400], 'fieldSelector=spec.holderIdentity%3Dme'],
      ['watch: a continue token', [422], 'continue=abc'],
      ['watch: timeoutSeconds that is no number', [400], 'timeoutSeconds=soon'],
    ],
    async (api, query) => {
      await api.refusedWatch(`leases?${query}`);
    },
  ),
];
