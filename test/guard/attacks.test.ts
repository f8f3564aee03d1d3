import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LEASE_API_VERSION } from '../../src/core/lease.ts';
import type { Lease } from '../../src/core/lease.ts';
import { attack, canApply, daysAway, now, WAYS } from './attacks.ts';
import type { Change } from './attacks.ts';
import { Guarded } from './guarded.ts';
import type { Answer, Pod } from './guarded.ts';

const NEVER_LAPSES = 2_147_483_647;
const PRINCIPAL = 'leasehold.dev/holder-principal';

let guarded: Guarded;
let victim: Pod;
let waiter: Pod;
/** Another pod of the very same service account. */
let thief: Pod;
let count = 0;

beforeAll(async () => {
  guarded = await Guarded.open();
  [victim, waiter, thief] = (await Promise.all(
    ['victim', 'waiter', 'thief'].map((name) => guarded.pod(name)),
  )) as [Pod, Pod, Pod];
});

afterAll(async () => {
  await guarded[Symbol.asyncDispose]();
});

async function create(
  pod: Pod,
  lease: Omit<Lease, 'metadata'> & { metadata: object },
): Promise<Lease> {
  const answer = await pod.send('POST', '', lease);
  expect(answer.body.message).toBeUndefined();
  return answer.body;
}

function heldSpec(holderIdentity: string, leaseDurationSeconds = 15): object {
  return {
    holderIdentity,
    leaseDurationSeconds,
    acquireTime: now(),
    renewTime: now(),
    leaseTransitions: 0,
  };
}

function fresh(kind: string): string {
  count += 1;
  return `${kind}-${String(count)}`;
}

const targets = {
  election: (name = fresh('election')) =>
    create(victim, {
      metadata: { name, annotations: { [PRINCIPAL]: victim.principal } },
      spec: heldSpec('victim'),
    }),
  session: (name = fresh('session')) =>
    create(victim, {
      metadata: {
        name,
        labels: { 'leasehold.dev/role': 'session' },
        annotations: { [PRINCIPAL]: victim.principal },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: victim.name, uid: victim.uid }],
      },
      spec: heldSpec('victim'),
    }),
  /** Held by the victim; the waiter and the thief wait, in this order. */
  lock: async (name = fresh('lock')) => {
    const session = await targets.session(`${name}-aa`);
    const uid = session.metadata.uid ?? '';
    await create(victim, {
      metadata: {
        name,
        labels: { 'leasehold.dev/role': 'lock' },
        annotations: { 'holder.leasehold.dev/aa-1': entry(victim, uid, 'aa') },
      },
      spec: heldSpec(`${name}-aa`, NEVER_LAPSES),
    });
    const contentType = 'application/merge-patch+json';
    for (const [pod, id] of [
      [waiter, 'bb'],
      [thief, 'cc'],
    ] as const) {
      const annotations = { [`queue.leasehold.dev/${id}-1`]: entry(pod, id, id) };
      const joined = await pod.send('PATCH', name, { metadata: { annotations } }, { contentType });
      expect(joined.body.message).toBeUndefined();
    }
    return (await guarded.read(name)) as Lease;
  },
} as const;

function entry(pod: Pod, uid: string, session: string, principal = pod.principal): string {
  return `v=1 session=${session} uid=${uid} ttl=15 mode=exclusive principal=${principal} seen=1 since=x`;
}

/** Refused by the guard itself, and nothing of the Lease has moved. */
async function expectRefused(before: Lease, answer: Answer, rule = ''): Promise<void> {
  expect(answer.body.message).toContain(`leasehold-guard/${rule}`);
  expect([403, 422]).toContain(answer.status);
  expect(await guarded.read(before.metadata.name)).toEqual(before);
}

const blank = { holderIdentity: '' };
const annotated = (annotations: object): Change => ({ metadata: { annotations } });
const labelled = (labels: object): Change => ({ metadata: { labels } });
const owner = () => [{ apiVersion: 'v1', kind: 'Pod', name: 'gone', uid: thief.uid }];
const take = (principal = thief.principal): Change => ({
  metadata: { annotations: { [PRINCIPAL]: principal } },
  spec: { ...heldSpec('thief'), leaseTransitions: 1 },
});
const planted = (lease: Lease, time: string): Change => ({
  metadata: {
    managedFields: lease.metadata.managedFields?.map((fields) => ({ ...fields, time })),
  },
});
const longAgo = '2020-01-01T00:00:00Z';
const farAway = '2040-01-01T00:00:00Z';

type Attack = (lease: Lease) => Change;

const onElection: Record<string, Attack> = {
  'early takeover': () => take(),
  'early takeover in the name of the holder': () => take(victim.principal),
  'early takeover with a clock a year ahead': () => ({
    ...take(),
    spec: { ...take().spec, renewTime: daysAway(365), acquireTime: daysAway(365) },
  }),
  'early takeover with a clock a year behind': () => ({
    ...take(),
    spec: { ...take().spec, renewTime: daysAway(-365), acquireTime: daysAway(-365) },
  }),
  'release of what another holds': () => ({
    spec: { ...blank, renewTime: now(), leaseDurationSeconds: 1 },
  }),
  'holder taken away': () => ({ spec: { holderIdentity: null } }),
  'spec taken away': () => ({
    spec: { holderIdentity: null, leaseDurationSeconds: null, renewTime: null },
  }),
  'all of the spec taken away': () => ({ spec: null }),
  'duration shortened': () => ({ spec: { leaseDurationSeconds: 1 } }),
  'duration prolonged': () => ({ spec: { leaseDurationSeconds: 3600 } }),
  'renewed a year ago': () => ({ spec: { renewTime: daysAway(-365) } }),
  'renewed for another': () => ({ spec: { renewTime: now() } }),
  'renewed a year ahead': () => ({ spec: { renewTime: daysAway(365) } }),
  'fencing counter raised': () => ({ spec: { leaseTransitions: 999 } }),
  'principal replaced': () => annotated({ [PRINCIPAL]: thief.principal }),
  'principal taken away': () => annotated({ [PRINCIPAL]: null }),
  'any annotation': () => annotated({ 'example.com/edit': 'again' }),
  'transfer to oneself': () => annotated({ 'leasehold.dev/transfer-to': 'thief' }),
  'guard label': () => labelled({ 'leasehold.dev/guard': 'off' }),
  'made a session': () => labelled({ 'leasehold.dev/role': 'session' }),
  'made a lock': () => labelled({ 'leasehold.dev/role': 'lock' }),
  'owner that is gone': () => ({ metadata: { ownerReferences: owner() } }),
  finalizer: () => ({ metadata: { finalizers: ['example.com/never'] } }),
  'challenge, which is for sessions': () => annotated({ 'leasehold.dev/challenge': 'aa-1' }),
  'question that hides a release': () => ({
    ...annotated({ 'leasehold.dev/resign': 'victim/0' }),
    spec: blank,
  }),
  'question too long': () => annotated({ 'leasehold.dev/resign': 'x'.repeat(513) }),
  'managedFields stripped': () => ({ metadata: { managedFields: [{}] }, spec: take().spec ?? {} }),
  'managedFields stripped beside a question': () => ({
    metadata: { managedFields: [{}], annotations: { 'leasehold.dev/resign': 'victim/0' } },
  }),
  'managedFields dated back beside a question': (lease) => ({
    metadata: {
      ...planted(lease, longAgo).metadata,
      annotations: { 'leasehold.dev/resign': 'victim/0' },
    },
  }),
  'managedFields dated ahead beside a question': (lease) => ({
    metadata: {
      ...planted(lease, farAway).metadata,
      annotations: { 'leasehold.dev/resign': 'victim/0' },
    },
  }),
  'managedFields dated back in a takeover': (lease) => ({
    ...take(),
    metadata: { ...take().metadata, ...planted(lease, longAgo).metadata },
  }),
  'managedFields filled up beside a question': (lease) => ({
    metadata: {
      managedFields: [
        ...(lease.metadata.managedFields ?? []),
        ...Array.from({ length: 12 }, (_, index) => ({
          manager: `planted-${String(index)}`,
          operation: 'Update',
          apiVersion: LEASE_API_VERSION,
          time: farAway,
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:spec': { 'f:leaseDurationSeconds': {} } },
        })),
      ],
      annotations: { 'leasehold.dev/resign': 'victim/0' },
    },
  }),
};

const onSession: Record<string, Attack> = {
  'early revocation': () => ({ spec: { ...blank, renewTime: now() } }),
  'early revocation without a date': () => ({ spec: blank }),
  'taken over': () => take(),
  'attempts declared void': () => annotated({ 'leasehold.dev/void': 'aa-1' }),
  'duration shortened': () => ({ spec: { leaseDurationSeconds: 1 } }),
  'owner taken away': () => ({ metadata: { ownerReferences: null } }),
  'owner replaced': () => ({ metadata: { ownerReferences: owner() } }),
  finalizer: () => ({ metadata: { finalizers: ['example.com/never'] } }),
  'role taken away': () => labelled({ 'leasehold.dev/role': null }),
  'made a lock': () => labelled({ 'leasehold.dev/role': 'lock' }),
  'challenge that hides a revocation': () => ({
    ...annotated({ 'leasehold.dev/challenge': 'aa-1' }),
    spec: blank,
  }),
};

const HOLDER = 'holder.leasehold.dev/aa-1';
const onLock: Record<string, Attack> = {
  'holder taken out': () => annotated({ [HOLDER]: null }),
  'holder replaced': () =>
    annotated({ [HOLDER]: null, 'holder.leasehold.dev/cc-9': entry(thief, 'cc', 'cc') }),
  'holder edited': () => annotated({ [HOLDER]: entry(thief, 'aa', 'aa') }),
  'second holder': () => annotated({ 'holder.leasehold.dev/cc-9': entry(thief, 'cc', 'cc') }),
  'granted to itself': () =>
    annotated({
      [HOLDER]: null,
      'queue.leasehold.dev/cc-1': null,
      'holder.leasehold.dev/cc-1': entry(thief, 'cc', 'cc'),
    }),
  'settled for a holder that lives': () => ({
    ...annotated({
      [HOLDER]: null,
      'queue.leasehold.dev/bb-1': null,
      'holder.leasehold.dev/bb-1': entry(waiter, 'bb', 'bb'),
    }),
    spec: { renewTime: now() },
  }),
  emptied: () =>
    annotated({
      [HOLDER]: null,
      'queue.leasehold.dev/bb-1': null,
      'queue.leasehold.dev/cc-1': null,
    }),
  'waiter before it taken out': () => annotated({ 'queue.leasehold.dev/bb-1': null }),
  'waiter before it edited': () => annotated({ 'queue.leasehold.dev/bb-1': 'v=1' }),
  'joined in the name of another': () =>
    annotated({ 'queue.leasehold.dev/cc-2': entry(thief, 'cc', 'cc', victim.principal) }),
  'joined with two principals': () =>
    annotated({
      'queue.leasehold.dev/cc-2': `${entry(thief, 'cc', 'cc')} principal=${victim.principal}`,
    }),
  'joined without principal': () =>
    annotated({ 'queue.leasehold.dev/cc-2': 'v=1 session=cc uid=cc' }),
  'joined with what no client reads': () =>
    annotated({ 'queue.leasehold.dev/cc-2': `\u0000 principal=${thief.principal} ` }),
  'joined oversize': () =>
    annotated({ 'queue.leasehold.dev/cc-2': `${entry(thief, 'cc', 'cc')} x=${'y'.repeat(600)}` }),
  'joined nine times': () =>
    annotated(
      Object.fromEntries(
        Array.from({ length: 9 }, (_, index) => [
          `queue.leasehold.dev/cc-${String(index + 2)}`,
          entry(thief, 'cc', 'cc'),
        ]),
      ),
    ),
  'a thousand annotations': () =>
    annotated(
      Object.fromEntries(
        Array.from({ length: 1_000 }, (_, index) => [
          `queue.leasehold.dev/cc-${String(index + 2)}`,
          'x',
        ]),
      ),
    ),
  'any annotation': () => annotated({ 'example.com/edit': 'again' }),
  'settled, with managedFields that make it look old': (lease) => ({
    metadata: {
      managedFields: [
        ...(lease.metadata.managedFields ?? []),
        {
          manager: 'planted',
          operation: 'Update',
          apiVersion: LEASE_API_VERSION,
          time: farAway,
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:spec': { 'f:renewTime': {} } },
        },
      ],
      annotations: {
        [HOLDER]: null,
        'queue.leasehold.dev/bb-1': null,
        'queue.leasehold.dev/cc-1': null,
      },
    },
    spec: { ...blank, renewTime: now() },
  }),
  'spec blanked': () => ({ spec: { ...blank, renewTime: now() } }),
  'spec that lapses': () => ({ spec: { leaseDurationSeconds: 1 } }),
  'role taken away': () => labelled({ 'leasehold.dev/role': null }),
  'made a session': () => labelled({ 'leasehold.dev/role': 'session' }),
  'left out of the guard': () => labelled({ 'leasehold.dev/guard': 'off' }),
  'any label': () => labelled({ edit: 'again' }),
  'owner that is gone': () => ({ metadata: { ownerReferences: owner() } }),
  finalizer: () => ({ metadata: { finalizers: ['example.com/never'] } }),
};

for (const [kind, attacks] of [
  ['election', onElection],
  ['session', onSession],
  ['lock', onLock],
] as const) {
  describe(kind, () => {
    for (const [name, change] of Object.entries(attacks)) {
      for (const way of WAYS) {
        test(`${name}, by ${way}`, async ({ skip }) => {
          const lease = await targets[kind]();
          const wanted = change(lease);
          if (way === 'apply' && !canApply(wanted)) skip('apply cannot say it');
          await expectRefused(lease, await attack(thief, lease, wanted, way));
        });
      }
    }

    for (const query of [
      '',
      '?gracePeriodSeconds=0',
      '?propagationPolicy=Orphan',
      '?propagationPolicy=Foreground',
    ]) {
      test(`deletion ${query}`, async () => {
        const lease = await targets[kind]();
        await expectRefused(
          lease,
          await thief.send('DELETE', lease.metadata.name + query),
          'delete',
        );
      });
    }

    test('deletion of the collection', async () => {
      const lease = await targets[kind]();
      const { name } = lease.metadata;
      await expectRefused(
        lease,
        await thief.send('DELETE', `?fieldSelector=metadata.name%3D${name}`),
        'delete',
      );
    });
  });
}
