import { type Case, conform, conformEach } from '../case.ts';
import { HELD, lease, UNKNOWN_UID } from '../objects.ts';

export const createCases: readonly Case[] = [
  conform('create: the Lease of an election', [201, 200], async (api) => {
    await api.post('leases', lease('a', HELD));
    await api.get('leases/a');
  }),
  conform('create: a Lease without a spec', [201, 200], async (api) => {
    await api.post('leases', lease('a'));
    await api.get('leases/a');
  }),
  conform('create: labels, annotations and an empty spec', [201, 200], async (api) => {
    const metadata = { labels: { role: 'lock', empty: '' }, annotations: { 'a.b/c': 'd' } };
    await api.post('leases', lease('a', {}, metadata));
    await api.get('leases/a');
  }),
  conform('create: nulls are absent fields', [201], async (api) => {
    const spec = { holderIdentity: null, renewTime: null, leaseTransitions: null };
    await api.post('leases', lease('a', spec, { labels: null, annotations: { a: null } }));
  }),
  // The lock is free for exactly one of those who create it.
  conform('create: a name that exists', [201, 409, 200], async (api) => {
    await api.post('leases', lease('a'));
    await api.post('leases', lease('a', HELD));
    await api.get('leases/a');
  }),
  conform('create: a generated name', [201], async (api) => {
    await api.post('leases', lease('', HELD, { name: undefined, generateName: 'made-' }));
  }),
  conform('create: a name beats a generated one', [201], async (api) => {
    await api.post('leases', lease('a', HELD, { generateName: 'made-' }));
  }),
  conform('create: a generated name of an unusable prefix', [422], async (api) => {
    await api.post('leases', lease('', HELD, { name: undefined, generateName: 'Made_' }), {
      compare: ({ code, reason }) => ({ code, reason }),
    });
  }),
  // A client that sends back what it read cannot bring a deleted object to life by POST. 500, as if
  // the outcome were in doubt.
  conform('create: with a resourceVersion', [500], async (api) => {
    await api.post('leases', lease('a', HELD, { resourceVersion: '1' }));
  }),
  // The server's own uid wins, so a uid cannot be forged.
  conform('create: with a uid and a time', [201], async (api) => {
    const metadata = {
      uid: UNKNOWN_UID,
      creationTimestamp: '2020-01-01T00:00:00Z',
      selfLink: '/somewhere',
    };
    await api.post('leases', lease('a', HELD, metadata));
  }),
  conform('create: with a deletionTimestamp', [201], async (api) => {
    const metadata = { deletionTimestamp: '2020-01-01T00:00:00Z', deletionGracePeriodSeconds: 30 };
    await api.post('leases', lease('a', HELD, metadata));
  }),
  conform('create: with managedFields of its own making', [201], async (api) => {
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
    await api.post('leases', lease('a', HELD, { managedFields }));
  }),
  conform('create: under the name of a field manager', [201], async (api) => {
    await api.post('leases?fieldManager=somebody', lease('a', HELD));
  }),
  conform('create: under a field manager that is no name', [422], async (api) => {
    await api.post(`leases?fieldManager=${'x'.repeat(129)}`, lease('a', HELD));
  }),
  conform('create: kind and apiVersion may be left out', [201], async (api) => {
    await api.post('leases', { metadata: { name: 'a' } });
  }),
  conform('create: without a name', [422], async (api) => {
    await api.post('leases', { ...lease('a'), metadata: {} });
  }),
  conform('create: without metadata', [422], async (api) => {
    await api.post('leases', { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' });
  }),
  conform('create: of another kind', [400], async (api) => {
    await api.post('leases', { ...lease('a'), kind: 'Pod' });
  }),
  conform('create: of an apiVersion that does not exist', [400], async (api) => {
    await api.post('leases', { ...lease('a'), apiVersion: 'coordination.k8s.io/v7' });
  }),
  conform('create: of another group', [400], async (api) => {
    await api.post('leases', { ...lease('a'), apiVersion: 'v1' });
  }),
  conform('create: into the namespace of the path only', [400, 201], async (api) => {
    await api.post('leases', lease('a', HELD, { namespace: 'elsewhere' }));
    await api.post('leases', lease('a', HELD, { namespace: api.namespace }));
  }),
  conform('create: in a namespace that does not exist', [404], async (api) => {
    const path = '/apis/coordination.k8s.io/v1/namespaces/does-not-exist/leases';
    await api.post(path, lease('a', HELD));
  }),
  conform('create: dryRun stores nothing', [201, 404], async (api) => {
    await api.post('leases?dryRun=All', lease('a', HELD));
    await api.get('leases/a');
  }),
  conform('create: dryRun of a name that exists', [201, 409], async (api) => {
    await api.post('leases', lease('a'));
    await api.post('leases?dryRun=All', lease('a'));
  }),
  conform('create: dryRun of an unknown kind', [422], async (api) => {
    await api.post('leases?dryRun=Some', lease('a'));
  }),
  ...conformEach<object>(
    [
      ['create: name in upper case', [422], { name: 'Upper' }],
      ['create: name with an underscore', [422], { name: 'a_b' }],
      ['create: name with a slash', [422], { name: 'a/b' }],
      ['create: name that is ..', [422], { name: '..' }],
      ['create: name with a leading dot', [422], { name: '.a' }],
      ['create: name with a trailing dash', [422], { name: 'a-' }],
      ['create: name of 253 characters', [201], { name: 'x'.repeat(253) }],
      ['create: name of 254 characters', [422], { name: 'x'.repeat(254) }],
      ['create: name that is a number', [400], { name: 7 }],
      ['create: label key with two slashes', [422], { name: 'a', labels: { 'a/b/c': 'd' } }],
      ['create: label key that is empty', [422], { name: 'a', labels: { '': 'd' } }],
      ['create: label key with an empty prefix', [422], { name: 'a', labels: { '/b': 'd' } }],
      [
        'create: label key of 64 characters',
        [422],
        { name: 'a', labels: { ['k'.repeat(64)]: '' } },
      ],
      ['create: label prefix in upper case', [422], { name: 'a', labels: { 'A.b/c': 'd' } }],
      ['create: label value with a space', [422], { name: 'a', labels: { a: 'b c' } }],
      ['create: label value of 63 characters', [201], { name: 'a', labels: { a: 'v'.repeat(63) } }],
      ['create: label value of 64 characters', [422], { name: 'a', labels: { a: 'v'.repeat(64) } }],
      ['create: label value that is a number', [400], { name: 'a', labels: { a: 1 } }],
      ['create: labels that are a list', [400], { name: 'a', labels: ['a'] }],
      ['create: two wrong labels', [422], { name: 'a', labels: { 'a b': 'c d' } }],
      ['create: annotation of any text', [201], { name: 'a', annotations: { 'A.b/C_d': 'ü\n{}' } }],
      ['create: annotation key with a space', [422], { name: 'a', annotations: { 'a b': 'c' } }],
      ['create: annotation key that is empty', [422], { name: 'a', annotations: { '': 'c' } }],
      ['create: annotation value that is no text', [400], { name: 'a', annotations: { a: true } }],
      // 64 waiters of a lock must fit: the limit is on keys and values together.
      [
        'create: annotations of 262144 bytes',
        [201],
        { name: 'a', annotations: { k: 'x'.repeat(262_143) } },
      ],
      [
        'create: annotations of 262145 bytes',
        [422],
        { name: 'a', annotations: { k: 'x'.repeat(262_144) } },
      ],
      ['create: finalizer without a prefix', [201], { name: 'a', finalizers: ['keep'] }],
      ['create: finalizer that is no name', [422], { name: 'a', finalizers: ['a/b/c'] }],
      ['create: finalizer', [201], { name: 'a', finalizers: ['example.com/keep'] }],
      [
        'create: owner without a uid',
        [422],
        { name: 'a', ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p' }] },
      ],
      ['create: owner without anything', [422], { name: 'a', ownerReferences: [{}] }],
      [
        'create: owner that is the controller, twice',
        [422],
        {
          name: 'a',
          ownerReferences: ['p', 'q'].map((name) => ({
            apiVersion: 'v1',
            kind: 'Pod',
            name,
            uid: UNKNOWN_UID,
            controller: true,
          })),
        },
      ],
    ],
    async (api, metadata) => api.post('leases', { ...lease('a'), metadata }),
  ),
  // Nothing checks that an owner exists: only the garbage collector acts on it, later.
  conform('create: an owner that does not exist', [201], async (api) => {
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: UNKNOWN_UID };
    await api.post(
      'leases',
      lease('a', HELD, { finalizers: ['example.com/keep'], ownerReferences: [owner] }),
    );
  }),
];
