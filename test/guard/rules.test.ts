import { describe, expect, test } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { connect } from '../../src/index.ts';
import { until } from '../real/world.ts';
import { attack, daysAway, now } from './attacks.ts';
import { guarded, thief, useCast, victim } from './cast.ts';
import type { Answer } from './guarded.ts';
import {
  PRINCIPAL,
  SESSION,
  create,
  entry,
  fresh,
  granted,
  held,
  lock,
  refusal,
} from './leases.ts';

/** What the guard asks of whoever holds or follows, and what it lets pass. */

useCast();

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
        metadata: { name: fresh(), ...SESSION, annotations: { [PRINCIPAL]: victim.principal } },
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
      metadata: { name: fresh(), ...SESSION, annotations: { [PRINCIPAL]: victim.principal } },
    };
    const started = performance.now();
    const [election, silent] = [
      await create(victim, held(victim, { spec })),
      await create(victim, held(victim, { ...labelled, spec })),
    ];
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
