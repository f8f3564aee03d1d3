import { type Case, conform, conformEach } from '../case.ts';
import type { Answer, Conversation } from '../conversation.ts';
import { lease } from '../objects.ts';

/** Leases of which each selector picks some. */
async function several(api: Conversation): Promise<void> {
  await api.post('leases', lease('a', {}, { labels: { role: 'lock', tier: 'gold' } }));
  await api.post('leases', lease('b', {}, { labels: { role: 'session' } }));
  await api.post('leases', lease('c', {}, { labels: { role: 'lock', tier: '' } }));
  await api.post('leases', lease('d'));
}

async function page(api: Conversation, limit: number, before?: Answer): Promise<Answer> {
  const token = before?.body.metadata.continue;
  const from = token === undefined ? '' : `&continue=${encodeURIComponent(token)}`;
  return api.get(`leases?limit=${String(limit)}${from}`);
}

const tampered = Buffer.from('{"v":"meta.k8s.io/v1","rv":1,"start":"x"').toString('base64url');

export const listCases: readonly Case[] = [
  conform('list: of nothing', [200], async (api) => {
    await api.get('leases');
  }),
  conform('list: in the order of names', [201, 201, 201, 201, 201, 201, 200], async (api) => {
    for (const name of ['b', 'a-1', 'a', 'a.b', 'a1', 'z']) await api.post('leases', lease(name));
    await api.get('leases');
  }),
  // No 404: an empty list is no proof that the namespace is there.
  conform('list: of a namespace that does not exist', [200], async (api) => {
    await api.get('/apis/coordination.k8s.io/v1/namespaces/does-not-exist/leases');
  }),
  conform('list: across namespaces', [201, 201, 201, 201, 200, 200, 200], async (api) => {
    await several(api);
    const mine = encodeURIComponent(`metadata.namespace=${api.namespace}`);
    const leases = '/apis/coordination.k8s.io/v1/leases';
    await api.get(`${leases}?fieldSelector=${mine}`);
    await api.get(`${leases}?fieldSelector=${mine}%2Cmetadata.name%3Db`);
    await api.get(`${leases}?fieldSelector=${mine}&labelSelector=tier`);
  }),
  ...conformEach<string>(
    [
      ['list: label =', [201, 201, 201, 201, 200], 'role=lock'],
      ['list: label ==', [201, 201, 201, 201, 200], 'role==lock'],
      ['list: label !=', [201, 201, 201, 201, 200], 'role!=lock'],
      ['list: label in', [201, 201, 201, 201, 200], 'role in (lock,session)'],
      ['list: label notin', [201, 201, 201, 201, 200], 'role notin (lock)'],
      ['list: label exists', [201, 201, 201, 201, 200], 'tier'],
      ['list: label does not exist', [201, 201, 201, 201, 200], '!tier'],
      ['list: label with an empty value', [201, 201, 201, 201, 200], 'tier='],
      ['list: label in with an empty value', [201, 201, 201, 201, 200], 'tier in (gold,)'],
      ['list: several requirements', [201, 201, 201, 201, 200], 'role=lock,tier!=gold,!other'],
      [
        'list: requirements with spaces',
        [201, 201, 201, 201, 200],
        ' role = lock , tier in ( gold ) ',
      ],
      ['list: label >', [201, 201, 201, 201, 200], 'tier>1'],
      ['list: no requirement', [201, 201, 201, 201, 200], ''],
      ['list: label selector that is malformed', [201, 201, 201, 201, 200], 'role=='],
      ['list: label selector without a key', [201, 201, 201, 201, 400], '=lock'],
      ['list: label selector with an open bracket', [201, 201, 201, 201, 400], 'role in (lock'],
      ['list: label selector with an empty set', [201, 201, 201, 201, 200], 'role in ()'],
      ['list: label selector with a bad operator', [201, 201, 201, 201, 400], 'role ~ lock'],
      ['list: label selector with a bad value', [201, 201, 201, 201, 400], 'role=a b'],
      ['list: label selector with a bad key', [201, 201, 201, 201, 400], 'a/b/c=d'],
      ['list: label > of no number', [201, 201, 201, 201, 400], 'tier>gold'],
      ['list: label selector with a comma too many', [201, 201, 201, 201, 400], 'role=lock,'],
    ],
    async (api, selector) => {
      await several(api);
      await api.get(`leases?labelSelector=${encodeURIComponent(selector)}`);
    },
  ),
  ...conformEach<string>(
    [
      ['list: field metadata.name', [201, 201, 201, 201, 200], 'metadata.name=b'],
      ['list: field metadata.name ==', [201, 201, 201, 201, 200], 'metadata.name==b'],
      ['list: field metadata.name !=', [201, 201, 201, 201, 200], 'metadata.name!=b'],
      [
        'list: field metadata.namespace of another',
        [201, 201, 201, 201, 200],
        'metadata.namespace=other',
      ],
      [
        'list: two fields that exclude each other',
        [201, 201, 201, 201, 200],
        'metadata.name=a,metadata.name=b',
      ],
      ['list: field that is empty', [201, 201, 201, 201, 200], 'metadata.name='],
      ['list: field that is not supported', [201, 201, 201, 201, 400], 'spec.holderIdentity=me'],
      ['list: field that does not exist', [201, 201, 201, 201, 400], 'no=where'],
      ['list: field selector without an operator', [201, 201, 201, 201, 400], 'metadata.name'],
      ['list: field selector with set syntax', [201, 201, 201, 201, 400], 'metadata.name in (a,b)'],
    ],
    async (api, selector) => {
      await several(api);
      await api.get(`leases?fieldSelector=${encodeURIComponent(selector)}`);
    },
  ),
  conform('list: by pages', [201, 201, 201, 201, 200, 200, 200], async (api) => {
    await several(api);
    const first = await page(api, 2);
    const second = await page(api, 1, first);
    await page(api, 1, second);
  }),
  conform('list: a page as large as the list', [201, 201, 201, 201, 200, 200, 200], async (api) => {
    await several(api);
    await page(api, 4);
    await page(api, 5);
    await page(api, 0);
  }),
  // A page is of the version of the first one: what was created meanwhile is not in it.
  conform(
    'list: pages show one version',
    [201, 201, 201, 201, 200, 201, 201, 200, 200],
    async (api) => {
      await several(api);
      const first = await page(api, 2);
      await api.post('leases', lease('bb'));
      await api.post('leases', lease('e'));
      await api.delete('leases/c');
      await page(api, 10, first);
    },
  ),
  conform('list: pages and a selector', [201, 201, 201, 201, 200, 200, 200], async (api) => {
    await several(api);
    const path = 'leases?limit=1&labelSelector=role%3Dlock';
    const { body } = await api.get(path);
    const next = await api.get(
      `${path}&continue=${encodeURIComponent(body.metadata.continue ?? '')}`,
    );
    // A token is no promise: what comes after may not be selected.
    const { continue: last = '' } = next.body.metadata;
    await api.get(`${path}&continue=${encodeURIComponent(last)}`);
  }),
  conform('list: pages from the cache', [201, 201, 201, 201, 200], async (api) => {
    await several(api);
    await api.get('leases?limit=2&resourceVersion=0', { compare: ({ kind }) => kind });
  }),
  conform('list: a continue token that is none', [400, 400], async (api) => {
    await api.get('leases?limit=1&continue=garbage');
    await api.get(`leases?limit=1&continue=${tampered}`);
  }),
  conform(
    'list: a continue token with a resourceVersion',
    [201, 201, 201, 201, 200, 400, 422],
    async (api) => {
      await several(api);
      const { body } = await page(api, 1);
      const token = encodeURIComponent(body.metadata.continue ?? '');
      await api.get(`leases?limit=1&continue=${token}&resourceVersion=5`);
      await api.get(`leases?limit=1&continue=${token}&resourceVersionMatch=Exact`);
    },
  ),
  conform('list: a limit that is no number', [400, 200], async (api) => {
    await api.get('leases?limit=many');
    await api.get('leases?limit=-1');
  }),
  conform('list: not older than a version', [201, 200, 200], async (api) => {
    const { body } = await api.post('leases', lease('a'));
    const { resourceVersion } = body.metadata;
    await api.get(`leases?resourceVersion=${resourceVersion}&resourceVersionMatch=NotOlderThan`);
    await api.get(`leases?resourceVersion=${resourceVersion}`);
  }),
  conform('list: exactly at a version', [201, 201, 200, 200, 200, 200], async (api) => {
    const { body } = await api.post('leases', lease('a'));
    const { resourceVersion } = body.metadata;
    await api.post('leases', lease('b'));
    await api.delete('leases/a');
    await api.get(`leases?resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`);
    await api.get(`leases?resourceVersion=${resourceVersion}&limit=5`);
    await api.get('leases');
  }),
  // After a restore of etcd a client may know versions that do not exist yet: not an empty list.
  conform('list: at a version of the future', [201, 504, 504], async (api) => {
    await api.post('leases', lease('a'));
    await api.get('leases?resourceVersion=999999999&resourceVersionMatch=Exact');
    await api.get('leases/a?resourceVersion=999999999');
  }),
  ...conformEach<string>(
    [
      ['list: resourceVersion that is no number', [400], 'resourceVersion=newest'],
      ['list: resourceVersionMatch alone', [422], 'resourceVersionMatch=Exact'],
      ['list: resourceVersionMatch unknown', [422], 'resourceVersion=1&resourceVersionMatch=About'],
      ['list: exactly at 0', [422], 'resourceVersion=0&resourceVersionMatch=Exact'],
      ['list: sendInitialEvents without watch', [422], 'sendInitialEvents=true'],
      ['list: timeoutSeconds that is no number', [400], 'timeoutSeconds=soon'],
      ['list: allowWatchBookmarks without watch', [200], 'allowWatchBookmarks=true'],
      ['list: empty parameters', [200], 'resourceVersion=&resourceVersionMatch=&continue='],
      ['list: an empty limit', [400], 'limit='],
      ['list: unknown parameters', [200], 'surprise=yes'],
      ['list: a timeout that is no duration', [400], 'timeout=soon'],
      ['list: a timeout', [200], 'timeout=5s'],
    ],
    async (api, query) => {
      await api.get(`leases?${query}`);
    },
  ),
];
