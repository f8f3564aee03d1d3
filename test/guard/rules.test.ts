import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { connect } from '../../src/index.ts';
import { until } from '../real/world.ts';
import { attack, daysAway, now } from './attacks.ts';
import { Guarded } from './guarded.ts';
import type { Answer, Pod } from './guarded.ts';

/** What the guard asks of whoever holds, creates or follows, and what it lets pass. */

const NEVER_LAPSES = 2_147_483_647;
const PRINCIPAL = 'leasehold.dev/holder-principal';

let guarded: Guarded;
let victim: Pod;
let thief: Pod;
let count = 0;

beforeAll(async () => {
  guarded = await Guarded.open();
  [victim, thief] = await Promise.all([guarded.pod('victim'), guarded.pod('thief')]);
});

afterAll(async () => {
  await guarded[Symbol.asyncDispose]();
});

function fresh(): string {
  count += 1;
  return `lease-${String(count)}`;
}

function held(pod: Pod, changes: { metadata?: object; spec?: object } = {}): object {
  return {
    metadata: {
      name: fresh(),
      annotations: { [PRINCIPAL]: pod.principal },
      ...changes.metadata,
    },
    spec: {
      holderIdentity: pod.name,
      leaseDurationSeconds: 15,
      acquireTime: now(),
      renewTime: now(),
      leaseTransitions: 0,
      ...changes.spec,
    },
  };
}

function lock(entries: object, changes: { metadata?: object; spec?: object } = {}): object {
  return {
    metadata: {
      name: fresh(),
      labels: { 'leasehold.dev/role': 'lock' },
      annotations: entries,
      ...changes.metadata,
    },
    spec: {
      holderIdentity: 'x',
      leaseDurationSeconds: NEVER_LAPSES,
      renewTime: now(),
      ...changes.spec,
    },
  };
}

function entry(pod: Pod, id: string): string {
  return `v=1 session=${id} uid=${id} ttl=15 mode=exclusive principal=${pod.principal} seen=1 since=x`;
}

/** The entry with the fencing token of a grant decided on this version of the lock. */
function granted(locked: Lease, text: string): string {
  return `${text} fence=${String(Number(locked.metadata.resourceVersion) + 1)}`;
}

async function create(pod: Pod, lease: object): Promise<Lease> {
  const answer = await pod.send('POST', '', lease);
  expect(answer.body.message).toBeUndefined();
  return answer.body;
}

function refusal(answer: Answer): string {
  const rule = /leasehold-guard\/([a-z]+):/.exec(answer.body.message ?? '')?.[1];
  return rule ?? `${String(answer.status)} ${answer.body.message ?? ''}`;
}

const session = { labels: { 'leasehold.dev/role': 'session' } };
const pod = (of: Pod, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  name: of.name,
  uid: of.uid,
  ...more,
});

describe('creation', () => {
  const cases: Record<string, readonly [rule: string, lease: () => object]> = {
    'without principal': ['principal', () => held(thief, { metadata: { annotations: {} } })],
    "with another's principal": [
      'principal',
      () => held(thief, { metadata: { annotations: { [PRINCIPAL]: victim.principal } } }),
    ],
    'with the user as principal': [
      'principal',
      () =>
        held(thief, {
          metadata: { annotations: { [PRINCIPAL]: `user:system:serviceaccount:x:app` } },
        }),
    ],
    'a year ahead': ['clock', () => held(thief, { spec: { renewTime: daysAway(365) } })],
    'a year behind': ['clock', () => held(thief, { spec: { renewTime: daysAway(-365) } })],
    undated: ['stamp', () => held(thief, { spec: { renewTime: null } })],
    'for ever': ['duration', () => held(thief, { spec: { leaseDurationSeconds: NEVER_LAPSES } })],
    'without duration': ['duration', () => held(thief, { spec: { leaseDurationSeconds: null } })],
    'with a high fencing counter': [
      'transitions',
      () => held(thief, { spec: { leaseTransitions: 1_000 } }),
    ],
    'of an election with an owner': [
      'owner',
      () => held(thief, { metadata: { annotations: {}, ownerReferences: [pod(thief)] } }),
    ],
    'of a session of another pod': [
      'owner',
      () => held(thief, { metadata: { ...session, ownerReferences: [pod(victim)] } }),
    ],
    'of a session with a controller': [
      'owner',
      () =>
        held(thief, {
          metadata: { ...session, ownerReferences: [pod(thief, { controller: true })] },
        }),
    ],
    'with a finalizer': [
      'owner',
      () => held(thief, { metadata: { finalizers: ['example.com/never'] } }),
    ],
    'of a lock held by another': [
      'principal',
      () => lock({ 'holder.leasehold.dev/a-1': entry(victim, 'a') }),
    ],
    'of a lock that nobody holds': ['principal', () => lock({})],
    'of a lock with waiters': [
      'principal',
      () =>
        lock({
          'holder.leasehold.dev/a-1': entry(thief, 'a'),
          'queue.leasehold.dev/b-1': entry(thief, 'b'),
        }),
    ],
    'of a lock that lapses': [
      'spec',
      () =>
        lock(
          { 'holder.leasehold.dev/a-1': entry(thief, 'a') },
          { spec: { leaseDurationSeconds: 1 } },
        ),
    ],
    'of a lock with an owner': [
      'owner',
      () =>
        lock(
          { 'holder.leasehold.dev/a-1': entry(thief, 'a') },
          {
            metadata: {
              ownerReferences: [pod(thief)],
              annotations: { 'holder.leasehold.dev/a-1': entry(thief, 'a') },
            },
          },
        ),
    ],
    'of a lock of 161 annotations': [
      'size',
      () =>
        lock(
          Object.fromEntries(
            Array.from({ length: 161 }, (_, index) => [
              `holder.leasehold.dev/a-${String(index + 1)}`,
              entry(thief, 'a'),
            ]),
          ),
        ),
    ],
  };

  for (const [name, [rule, lease]] of Object.entries(cases)) {
    for (const how of ['POST', 'PUT', 'apply'] as const) {
      test(`${name}, by ${how}, is refused`, async () => {
        const wanted = lease() as Lease;
        const { name: target } = wanted.metadata;
        const applied = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', ...wanted };
        const contentType = 'application/apply-patch+yaml';
        const answer =
          how === 'POST'
            ? await thief.send('POST', '', wanted)
            : how === 'PUT'
              ? await thief.send('PUT', target, wanted)
              : await thief.send('PATCH', `${target}?fieldManager=x`, applied, { contentType });
        expect(refusal(answer)).toMatch(new RegExp(`^(${rule}|owner|principal)$`));
        expect(await guarded.read(target)).toBeUndefined();
      });
    }
  }
});

describe('a holder', () => {
  test.each([
    ['clock', { spec: { renewTime: daysAway(365) } }],
    ['clock', { spec: { renewTime: daysAway(-365) } }],
    ['stamp', { metadata: { labels: { edit: 'without-a-renewal' } } }],
    ['duration', { spec: { renewTime: daysAway(0), leaseDurationSeconds: 3_601 } }],
    ['transitions', { spec: { renewTime: daysAway(0), leaseTransitions: 7 } }],
    ['transitions', { spec: { renewTime: daysAway(0), holderIdentity: '', leaseTransitions: 7 } }],
    [
      'principal',
      { metadata: { annotations: { [PRINCIPAL]: null } }, spec: { renewTime: daysAway(0) } },
    ],
    ['stamp', { metadata: { managedFields: [{}] } }],
  ])('is refused by rule %s to write %j', async (rule, change) => {
    const lease = await create(victim, held(victim));
    const answer = await attack(victim, lease, change, 'update');
    expect(refusal(answer)).toBe(rule);
    expect(await guarded.read(lease.metadata.name)).toEqual(lease);
  });

  test('renews, releases and deletes', async () => {
    const lease = await create(victim, held(victim));
    const renewed = await attack(victim, lease, { spec: { renewTime: now() } }, 'update');
    expect(renewed.status).toBe(200);
    const release = { spec: { holderIdentity: '', leaseDurationSeconds: 1, renewTime: now() } };
    const released = await attack(victim, renewed.body, release, 'update');
    expect(released.status).toBe(200);
    expect((await thief.send('DELETE', lease.metadata.name)).status).toBe(200);
  });

  test('ends its session, which nobody brings back', async () => {
    const lease = await create(
      victim,
      held(victim, {
        metadata: { name: fresh(), ...session, annotations: { [PRINCIPAL]: victim.principal } },
      }),
    );
    const ended = await attack(victim, lease, { spec: { holderIdentity: '' } }, 'merge patch');
    expect(ended.status).toBe(200);
    for (const who of [victim, thief]) {
      const change = {
        metadata: { annotations: { [PRINCIPAL]: who.principal } },
        spec: { holderIdentity: who.name, renewTime: now(), leaseTransitions: 1 },
      };
      expect(refusal(await attack(who, ended.body, change, 'update'))).toBe('free');
    }
  });

  test('of a lock hands it to nobody who did not wait', async () => {
    const lease = await create(victim, lock({ 'holder.leasehold.dev/a-1': entry(victim, 'a') }));
    const annotations = {
      'holder.leasehold.dev/a-1': null,
      'holder.leasehold.dev/c-1': entry(thief, 'c'),
    };
    const change = { metadata: { annotations }, spec: { renewTime: now() } };
    expect(refusal(await attack(victim, lease, change, 'update'))).toBe('grant');
  });

  test('of a lock gives nobody a fencing token that shuts out later holders', async () => {
    const lease = await create(victim, lock({ 'holder.leasehold.dev/a-1': entry(victim, 'a') }));
    const join = { metadata: { annotations: { 'queue.leasehold.dev/c-1': entry(thief, 'c') } } };
    const joined = await attack(thief, lease, join, 'merge patch');
    const annotations = {
      'holder.leasehold.dev/a-1': null,
      'queue.leasehold.dev/c-1': null,
      'holder.leasehold.dev/c-1': `${entry(thief, 'c')} fence=99999999999999`,
    };
    const change = { metadata: { annotations } };
    expect(refusal(await attack(victim, joined.body, change, 'update'))).toBe('fence');
  });

  test('of a lock does not share one of mode exclusive', async () => {
    const lease = await create(victim, lock({ 'holder.leasehold.dev/a-1': entry(victim, 'a') }));
    const join = { metadata: { annotations: { 'queue.leasehold.dev/c-1': entry(thief, 'c') } } };
    const joined = await attack(thief, lease, join, 'merge patch');
    expect(joined.status).toBe(200);
    const annotations = {
      'queue.leasehold.dev/c-1': null,
      'holder.leasehold.dev/c-1': entry(thief, 'c'),
    };
    const change = { metadata: { annotations } };
    expect(refusal(await attack(victim, joined.body, change, 'update'))).toBe('exclusive');
  });
});

describe('a full queue', () => {
  test('does not cost so much that a release is refused; no more than 128 join', async () => {
    const waiting = (size: number): object =>
      Object.fromEntries(
        Array.from({ length: size }, (_, index) => [
          `queue.leasehold.dev/q-${String(index + 1)}`,
          `${entry(thief, 'q')} x=${'y'.repeat(300)}`,
        ]),
      );
    const annotations = { 'holder.leasehold.dev/a-1': entry(victim, 'a'), ...waiting(150) };
    // The administrator has every verb, `steal` too.
    const path = `/apis/coordination.k8s.io/v1/namespaces/${guarded.namespace}/leases`;
    const full = await guarded.cluster.client.expect<Lease>('POST', path, lock(annotations));
    const join = { metadata: { annotations: { 'queue.leasehold.dev/c-1': entry(thief, 'c') } } };
    expect(refusal(await attack(thief, full, join, 'merge patch'))).toBe('full');
    const grant = {
      metadata: {
        annotations: {
          'holder.leasehold.dev/a-1': null,
          'queue.leasehold.dev/q-1': null,
          'holder.leasehold.dev/q-1': granted(full, `${entry(thief, 'q')} x=${'y'.repeat(300)}`),
        },
      },
      spec: { renewTime: now() },
    };
    expect((await attack(victim, full, grant, 'update')).status).toBe(200);
  });
});

describe('the clock of the server', () => {
  const duration = 2;
  const take = (lease: Lease): object => ({
    ...lease,
    metadata: { ...lease.metadata, annotations: { [PRINCIPAL]: thief.principal } },
    spec: {
      ...lease.spec,
      holderIdentity: 'thief',
      renewTime: now(),
      acquireTime: now(),
      leaseTransitions: 1,
    },
  });

  test('decides when a Lease may be taken over, and a session revoked', async () => {
    const spec = { leaseDurationSeconds: duration };
    const labelled = {
      metadata: { name: fresh(), ...session, annotations: { [PRINCIPAL]: victim.principal } },
    };
    const [election, silent] = [
      await create(victim, held(victim, { spec })),
      await create(victim, held(victim, { ...labelled, spec })),
    ];
    const started = performance.now();
    const revoke = (): object => ({
      ...silent,
      spec: { ...silent.spec, holderIdentity: '', renewTime: now() },
    });
    const taken = await until(
      () => thief.send('PUT', election.metadata.name, take(election)),
      ({ status, body }) => {
        if (status !== 200) expect(body.message).toContain('leasehold-guard/held');
        return status === 200;
      },
    );
    expect(performance.now() - started).toBeGreaterThan(duration * 1_000);
    expect(taken.body.spec?.leaseTransitions).toBe(1);
    const revoked = await until(
      () => thief.send('PUT', silent.metadata.name, revoke()),
      ({ status }) => status === 200,
    );
    expect(revoked.body.spec?.holderIdentity).toBe('');
  });

  test('is not turned back or on by questions: one until the holder has renewed', async () => {
    const lease = await create(victim, held(victim));
    const ask = { metadata: { annotations: { 'leasehold.dev/resign': 'victim/0' } } };
    const path = `${lease.metadata.name}?fieldManager=ask`;
    const contentType = 'application/merge-patch+json';
    const send = (body: object): Promise<Answer> =>
      thief.send('PATCH', path, body, { contentType });
    expect((await send(ask)).status).toBe(200);
    for (const text of ['victim/1', null]) {
      const again = { metadata: { annotations: { 'leasehold.dev/resign': text } } };
      expect(refusal(await send(again))).toBe('held');
    }
  });
});

describe('a lock whose holder', () => {
  /** A lock older than the 5 s before which nobody settles for others, held by a session that lives. */
  async function aged(): Promise<{ readonly session: Lease; readonly locked: Lease }> {
    const name = fresh();
    const annotations = { [PRINCIPAL]: victim.principal };
    const lives = await create(
      victim,
      held(victim, { metadata: { ...session, name, annotations } }),
    );
    const text = entry(victim, 'a').replace('uid=a', `uid=${lives.metadata.uid ?? ''}`);
    const locked = await create(victim, lock({ 'holder.leasehold.dev/a-1': text }));
    const join = { metadata: { annotations: { 'queue.leasehold.dev/c-1': entry(thief, 'c') } } };
    const joined = await attack(thief, locked, join, 'merge patch');
    await until(
      () => attack(thief, joined.body, settle(joined.body), 'update'),
      ({ body }) => body.message?.includes('has not ended') ?? false,
    );
    return { session: lives, locked: joined.body };
  }

  function settle(locked: Lease): object {
    const annotations = {
      'holder.leasehold.dev/a-1': null,
      'queue.leasehold.dev/c-1': null,
      'holder.leasehold.dev/c-1': granted(locked, entry(thief, 'c')),
    };
    return { metadata: { annotations }, spec: { renewTime: now(), holderIdentity: 'c' } };
  }

  test('has a session that has not ended is settled by nobody else, then by anybody', async () => {
    const { session: lives, locked } = await aged();
    expect(await guarded.read(locked.metadata.name)).toEqual(locked);
    await attack(victim, lives, { spec: { holderIdentity: '' } }, 'merge patch');
    const settled = await until(
      () => attack(thief, locked, settle(locked), 'update'),
      ({ status }) => status === 200,
    );
    expect(settled.body.spec?.holderIdentity).toBe('c');
  });

  test('is disowned by its session is settled by anybody', async () => {
    const { session: lives, locked } = await aged();
    const annotations = { 'leasehold.dev/void': 'a-7 a-1' };
    const disowned = { metadata: { annotations }, spec: { renewTime: now() } };
    expect((await attack(victim, lives, disowned, 'merge patch')).status).toBe(200);
    const settled = await until(
      () => attack(thief, locked, settle(locked), 'update'),
      ({ status }) => status === 200,
    );
    expect(settled.body.spec?.holderIdentity).toBe('c');
  });
});

describe('an election of a library that names no principal', () => {
  test('is left out by whoever may steal, and by nobody else', async () => {
    const off = { 'leasehold.dev/guard': 'off' };
    const bare = (): { metadata: object; spec: object } => ({
      metadata: { name: fresh(), labels: off },
      spec: { holderIdentity: 'client-go', leaseDurationSeconds: 15, renewTime: now() },
    });
    expect(refusal(await thief.send('POST', '', bare()))).toBe('label');
    const path = `/apis/coordination.k8s.io/v1/namespaces/${guarded.namespace}/leases`;
    const lease = await guarded.cluster.client.expect<Lease>('POST', path, bare());
    const renewed = await attack(victim, lease, { spec: { renewTime: now() } }, 'update');
    expect(renewed.status).toBe(200);
    const guard = { metadata: { labels: { 'leasehold.dev/guard': null } } };
    expect(refusal(await attack(thief, renewed.body, guard, 'update'))).toBe('label');
  });
});

describe('break-glass', () => {
  test('needs the verb steal, and leaves a trail', async () => {
    const rescuer = await guarded.pod('rescuer', 'rescuer');
    const lease = await create(victim, held(victim));
    const change = { spec: { holderIdentity: '', renewTime: now() } };
    expect(refusal(await attack(rescuer, lease, change, 'update'))).toBe('held');
    const { cluster, namespace } = guarded;
    const subject = { kind: 'ServiceAccount', name: 'rescuer', namespace } as const;
    await cluster.grant(namespace, subject, [
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['steal'] },
    ]);
    const stolen = await attack(rescuer, lease, change, 'update');
    expect(stolen.status).toBe(200);
    expect(stolen.headers.warning).toContain('leasehold-guard/steal');
    expect(stolen.headers.warning).toContain(victim.name);
  });
});

describe('the verb settle', () => {
  test('revokes and settles what others hold, and steals nothing', async () => {
    const operator = await guarded.pod('operator', 'operator');
    const { cluster, namespace } = guarded;
    const subject = { kind: 'ServiceAccount', name: 'operator', namespace } as const;
    await cluster.grant(namespace, subject, [
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['settle'] },
    ]);
    const lease = await create(victim, held(victim));
    const take = {
      metadata: { annotations: { [PRINCIPAL]: operator.principal } },
      spec: { holderIdentity: 'operator', renewTime: now(), leaseTransitions: 1 },
    };
    expect(refusal(await attack(operator, lease, take, 'update'))).toBe('held');
    const change = { spec: { holderIdentity: '', renewTime: now() } };
    expect((await attack(operator, lease, change, 'update')).status).toBe(200);
    const annotations = { [PRINCIPAL]: victim.principal };
    const lives = await create(
      victim,
      held(victim, { metadata: { ...session, name: fresh(), annotations } }),
    );
    const ended = { spec: { holderIdentity: '' } };
    expect((await attack(operator, lives, ended, 'merge patch')).status).toBe(200);
    const waiting = {
      'holder.leasehold.dev/a-1': entry(victim, 'a'),
      'queue.leasehold.dev/c-1': entry(thief, 'c'),
      'queue.leasehold.dev/d-1': entry(thief, 'd'),
    };
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    const queued = await cluster.client.expect<Lease>('POST', path, lock(waiting));
    const dropped = await attack(
      operator,
      queued,
      {
        metadata: { annotations: { 'queue.leasehold.dev/c-1': null } },
        spec: { renewTime: now() },
      },
      'update',
    );
    expect(dropped.status).toBe(200);
    const reclaimed = {
      'holder.leasehold.dev/a-1': null,
      'queue.leasehold.dev/d-1': null,
      'holder.leasehold.dev/d-1': granted(dropped.body, entry(thief, 'd')),
    };
    const settled = { metadata: { annotations: reclaimed }, spec: { renewTime: now() } };
    expect((await attack(operator, dropped.body, settled, 'update')).status).toBe(200);
    const locked = await create(victim, lock({ 'holder.leasehold.dev/a-1': entry(victim, 'a') }));
    expect((await operator.send('DELETE', locked.metadata.name)).status).toBe(200);
  });
});

describe('a client without a Pod', () => {
  test('learns its principal from the refusal', async () => {
    const { cluster, namespace } = guarded;
    const rule = {
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      verbs: ['get', 'watch', 'create', 'update', 'patch', 'delete'],
    };
    await cluster.grant(namespace, { kind: 'User', name: 'alice smith' }, [rule]);
    const kubeconfig = await guarded.kubeconfigOf('alice smith');
    const leasehold = await connect({ kubeconfig, namespace, checkPermissions: false });
    const taken = await leasehold.lock('by-hand').acquire();
    expect(JSON.stringify(await guarded.read('by-hand'))).toContain(
      'principal=user:alice%20smith ',
    );
    await taken.release();
    const term = await leasehold.election('led-by-hand').acquire();
    await term.resign();
    await leasehold.close();
    expect(await guarded.read('by-hand')).toBeUndefined();
  });
});
