import { type Case, conform, conformEach } from '../case.ts';
import { HELD, lease, RENEWED } from '../objects.ts';

/** Each spec is refused or stored in the same way by POST, PUT, merge patch and strategic patch. */
const specs: readonly (readonly [string, readonly number[], Readonly<Record<string, unknown>>])[] =
  [
    ['spec: duration 1', [201, 201, 200, 200, 200], { leaseDurationSeconds: 1 }],
    [
      'spec: duration 2147483647',
      [201, 201, 200, 200, 200],
      { leaseDurationSeconds: 2_147_483_647 },
    ],
    ['spec: duration 0', [422, 201, 422, 422, 422], { leaseDurationSeconds: 0 }],
    ['spec: negative duration', [422, 201, 422, 422, 422], { leaseDurationSeconds: -1 }],
    // Beyond 32 bits it wraps around, in a strategic patch alone.
    [
      'spec: duration 2147483648',
      [400, 201, 400, 422, 422],
      { leaseDurationSeconds: 2_147_483_648 },
    ],
    ['spec: duration with a fraction', [400, 201, 400, 422, 422], { leaseDurationSeconds: 1.5 }],
    ['spec: duration as text', [400, 201, 400, 422, 422], { leaseDurationSeconds: '15' }],
    ['spec: transitions 0', [201, 201, 200, 200, 200], { leaseTransitions: 0 }],
    ['spec: negative transitions', [422, 201, 422, 422, 422], { leaseTransitions: -1 }],
    ['spec: transitions as text', [400, 201, 400, 422, 422], { leaseTransitions: 'many' }],
    [
      'spec: two mistakes at once',
      [422, 201, 422, 422, 422],
      { leaseTransitions: -1, leaseDurationSeconds: 0 },
    ],
    // client-go releases with "", older clients with null: both mean free.
    ['spec: empty holder', [201, 201, 200, 200, 200], { holderIdentity: '' }],
    ['spec: holder null', [201, 201, 200, 200, 200], { holderIdentity: null }],
    ['spec: holder that is a number', [400, 201, 400, 422, 422], { holderIdentity: 7 }],
    ['spec: holder that is an object', [400, 201, 400, 422, 422], { holderIdentity: {} }],
    // Date.toISOString() gives three digits, and a renewal with it would be refused.
    ['spec: time of no fraction', [400, 201, 400, 422, 422], { renewTime: '2024-05-06T07:08:09Z' }],
    [
      'spec: time of 3 digits',
      [400, 201, 400, 422, 422],
      { renewTime: '2024-05-06T07:08:09.123Z' },
    ],
    [
      'spec: time of 6 digits',
      [201, 201, 200, 200, 200],
      { renewTime: '2024-05-06T07:08:09.123456Z' },
    ],
    [
      'spec: time of 6 zeros',
      [201, 201, 200, 200, 200],
      { renewTime: '2024-05-06T07:08:09.000000Z' },
    ],
    [
      'spec: time of 7 digits',
      [400, 201, 400, 422, 422],
      { renewTime: '2024-05-06T07:08:09.1234567Z' },
    ],
    [
      'spec: time of 9 digits',
      [400, 201, 400, 422, 422],
      { renewTime: '2024-05-06T07:08:09.123456789Z' },
    ],
    [
      'spec: time without a zone',
      [400, 201, 400, 422, 422],
      { renewTime: '2024-05-06T07:08:09.123456' },
    ],
    [
      'spec: time of another zone',
      [201, 201, 200, 200, 200],
      { renewTime: '2024-05-06T07:08:09.123456+02:00' },
    ],
    [
      'spec: time in lower case',
      [400, 201, 400, 422, 422],
      { renewTime: '2024-05-06t07:08:09.123456z' },
    ],
    [
      'spec: time of a day that does not exist',
      [400, 201, 400, 422, 422],
      { renewTime: '2024-02-30T07:08:09.123456Z' },
    ],
    [
      'spec: time of the year 9999',
      [201, 201, 200, 200, 200],
      { renewTime: '9999-12-31T23:59:59.999999Z' },
    ],
    [
      'spec: time before 1970',
      [201, 201, 200, 200, 200],
      { renewTime: '1969-12-31T23:59:59.999999Z' },
    ],
    ['spec: time that is garbage', [400, 201, 400, 422, 422], { renewTime: 'now' }],
    ['spec: time that is empty', [400, 201, 400, 422, 422], { renewTime: '' }],
    ['spec: time that is null', [201, 201, 200, 200, 200], { renewTime: null }],
    ['spec: time that is a number', [400, 201, 400, 422, 422], { renewTime: 1_714_979_289 }],
    // Their gates are off: what a client writes is dropped without a word, yet noted as its own, so
    // that managedFields prove nothing about what a Lease holds.
    ['spec: strategy', [201, 201, 200, 200, 200], { strategy: 'OldestEmulationVersion' }],
    ['spec: preferred holder', [201, 201, 200, 200, 200], { preferredHolder: 'other' }],
    [
      'spec: strategy and preferred holder',
      [201, 201, 200, 200, 200],
      { strategy: 'a.b/c', preferredHolder: 'other' },
    ],
  ];

export const specCases: readonly Case[] = [
  ...conformEach(specs, async (api, spec) => {
    await api.post('leases', lease('made', spec));
    const { body } = await api.post('leases', lease('a', HELD));
    const { resourceVersion, uid } = body.metadata;
    await api.put('leases/a', lease('a', { ...HELD, ...spec }, { resourceVersion, uid }));
    await api.mergePatch('leases/a', { spec });
    await api.strategicPatch('leases/a', { spec });
  }),
  conform('spec: that is a text', [400], async (api) => {
    await api.post('leases', { ...lease('a'), spec: 'held' });
  }),
  conform('spec: that is a list', [400], async (api) => {
    await api.post('leases', { ...lease('a'), spec: [] });
  }),
  conform('spec: a field in another case', [201], async (api) => {
    await api.post('leases', lease('a', { HolderIdentity: 'me', RENEWTIME: RENEWED }));
  }),
  conform('spec: a field twice', [201, 400], async (api) => {
    const text =
      '{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"a"},' +
      '"spec":{"holderIdentity":"one","holderIdentity":"two"}}';
    await api.post('leases', text);
    await api.post('leases?fieldValidation=Strict', text.replace('"a"', '"b"'));
  }),
  conform('spec: unknown fields, by default', [201], async (api) => {
    await api.post('leases', { ...lease('a', { ...HELD, surprise: 1 }), more: true });
  }),
  conform('spec: unknown fields, Ignore', [201], async (api) => {
    await api.post('leases?fieldValidation=Ignore', lease('a', { ...HELD, surprise: 1 }));
  }),
  conform('spec: unknown fields, Warn', [201], async (api) => {
    await api.post('leases?fieldValidation=Warn', lease('a', { ...HELD, surprise: 1 }));
  }),
  conform('spec: unknown fields, Strict', [400], async (api) => {
    const path = 'leases?fieldValidation=Strict';
    await api.post(path, { ...lease('a', { ...HELD, surprise: 1 }), more: true });
  }),
  conform('spec: unknown fields, a validation that does not exist', [422], async (api) => {
    await api.post('leases?fieldValidation=Maybe', lease('a', HELD));
  }),
  conform('spec: unknown fields in PUT, Strict', [201, 400], async (api) => {
    await api.post('leases', lease('a', HELD));
    await api.put('leases/a?fieldValidation=Strict', lease('a', { ...HELD, surprise: 1 }));
  }),
  conform(
    'spec: unknown fields in a merge patch, Strict and Warn',
    [201, 422, 200, 200],
    async (api) => {
      await api.post('leases', lease('a', HELD));
      await api.mergePatch('leases/a?fieldValidation=Strict', { spec: { surprise: 1 } });
      await api.mergePatch('leases/a?fieldValidation=Warn', { spec: { surprise: 1 } });
      await api.mergePatch('leases/a', { spec: { surprise: 1 } });
    },
  ),
];
