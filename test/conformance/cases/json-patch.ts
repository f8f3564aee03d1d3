import { type Case, conform, conformEach } from '../case.ts';
import { createLock, lease, UNKNOWN_UID } from '../objects.ts';

export const jsonPatchCases: readonly Case[] = [
  conform('JSON patch: test, add, replace, remove, move and copy', [201, 200, 200], async (api) => {
    await createLock(api);
    await api.jsonPatch('leases/a', [
      { op: 'test', path: '/spec/holderIdentity', value: 'me' },
      { op: 'add', path: '/metadata/annotations/queue~12', value: 'two' },
      { op: 'replace', path: '/spec/leaseTransitions', value: 1 },
      { op: 'remove', path: '/spec/acquireTime' },
      { op: 'copy', from: '/spec/holderIdentity', path: '/metadata/labels/holder' },
      { op: 'move', from: '/metadata/labels/role', path: '/metadata/labels/part' },
    ]);
    await api.get('leases/a');
  }),
  // 422 like a malformed patch: a compare-and-swap by `test` cannot tell "lost" from "wrong".
  conform('JSON patch: a test that fails', [201, 422, 200], async (api) => {
    await createLock(api);
    await api.jsonPatch('leases/a', [
      { op: 'add', path: '/metadata/annotations/a', value: 'b' },
      { op: 'test', path: '/spec/holderIdentity', value: 'you' },
    ]);
    await api.get('leases/a');
  }),
  conform('JSON patch: with a stale resourceVersion', [201, 409], async (api) => {
    await createLock(api);
    await api.jsonPatch('leases/a', [
      { op: 'replace', path: '/metadata/resourceVersion', value: '1' },
      { op: 'replace', path: '/spec/leaseTransitions', value: 1 },
    ]);
  }),
  conform('JSON patch: with another uid', [201, 422], async (api) => {
    await createLock(api);
    await api.jsonPatch('leases/a', [{ op: 'replace', path: '/metadata/uid', value: UNKNOWN_UID }]);
  }),
  conform(
    'JSON patch: that changes nothing keeps the resourceVersion',
    [201, 200, 200],
    async (api) => {
      await createLock(api);
      await api.jsonPatch('leases/a', []);
      await api.jsonPatch('leases/a', [{ op: 'test', path: '/kind', value: 'Lease' }]);
    },
  ),
  conform('JSON patch: of a missing Lease', [404], async (api) => {
    await api.jsonPatch('leases/a', [{ op: 'remove', path: '/spec' }]);
  }),
  conform('JSON patch: items of a list', [201, 200, 422, 422, 422], async (api) => {
    const finalizers = ['example.com/one', 'example.com/two'];
    await api.post('leases', lease('a', {}, { finalizers }));
    await api.jsonPatch('leases/a', [
      { op: 'add', path: '/metadata/finalizers/-', value: 'example.com/three' },
      { op: 'remove', path: '/metadata/finalizers/0' },
      { op: 'replace', path: '/metadata/finalizers/0', value: 'example.com/four' },
      { op: 'add', path: '/metadata/finalizers/1', value: 'example.com/five' },
    ]);
    await api.jsonPatch('leases/a', [{ op: 'remove', path: '/metadata/finalizers/7' }]);
    await api.jsonPatch('leases/a', [
      { op: 'replace', path: '/metadata/finalizers/7', value: 'x' },
    ]);
    await api.jsonPatch('leases/a', [{ op: 'add', path: '/metadata/finalizers/7', value: 'x' }]);
  }),
  // Escaped, as in `queue.leasehold.dev/1`; and a test that succeeds as a condition.
  conform('JSON patch: an annotation under a condition', [201, 200, 422], async (api) => {
    await createLock(api);
    const path = '/metadata/annotations/queue~11';
    await api.jsonPatch('leases/a', [
      { op: 'test', path, value: 'one' },
      { op: 'remove', path },
    ]);
    await api.jsonPatch('leases/a', [
      { op: 'test', path, value: 'one' },
      { op: 'remove', path },
    ]);
  }),
  conform('JSON patch: of the whole', [201, 422, 422], async (api) => {
    await createLock(api);
    await api.jsonPatch('leases/a', [{ op: 'replace', path: '', value: lease('a') }]);
    await api.jsonPatch('leases/a', [{ op: 'remove', path: '' }]);
  }),
  ...conformEach<unknown>(
    [
      [
        'JSON patch: removes what is missing',
        [201, 422, 200],
        [{ op: 'remove', path: '/metadata/labels/no' }],
      ],
      // No error: that a replacement passed is no proof that the field was there.
      [
        'JSON patch: replaces what is missing',
        [201, 200, 200],
        [{ op: 'replace', path: '/spec/no', value: 1 }],
      ],
      [
        'JSON patch: adds below what is missing',
        [201, 422, 200],
        [{ op: 'add', path: '/no/no', value: 1 }],
      ],
      [
        'JSON patch: tests what is missing',
        [201, 422, 200],
        [{ op: 'test', path: '/spec/no', value: 1 }],
      ],
      [
        'JSON patch: tests what is missing for null',
        [201, 200, 200],
        [{ op: 'test', path: '/spec/no', value: null }],
      ],
      [
        'JSON patch: an unknown operation',
        [201, 422, 200],
        [{ op: 'spoil', path: '/spec', value: 1 }],
      ],
      ['JSON patch: an operation without a path', [201, 422, 200], [{ op: 'remove' }]],
      [
        'JSON patch: an operation without a value',
        [201, 200, 200],
        [{ op: 'add', path: '/spec/leaseTransitions' }],
      ],
      ['JSON patch: a path without a slash', [201, 422, 200], [{ op: 'remove', path: 'spec' }]],
      [
        'JSON patch: an invalid result',
        [201, 422, 200],
        [{ op: 'replace', path: '/spec/leaseDurationSeconds', value: 0 }],
      ],
      [
        'JSON patch: a wrong type',
        [201, 422, 200],
        [{ op: 'replace', path: '/spec/holderIdentity', value: 7 }],
      ],
      [
        'JSON patch: a wrong time',
        [201, 422, 200],
        [{ op: 'replace', path: '/spec/renewTime', value: 'now' }],
      ],
      ['JSON patch: that is an object', [201, 400, 200], { spec: {} }],
      ['JSON patch: that is no JSON', [201, 400, 200], '[{"op":'],
      ['JSON patch: that is empty', [201, 400, 200], ''],
    ],
    async (api, patch) => {
      await createLock(api);
      await api.jsonPatch('leases/a', patch);
      await api.get('leases/a');
    },
  ),
];
