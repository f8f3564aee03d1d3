import { describe, expect, test } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { until } from '../real/world.ts';
import { attack, now } from './attacks.ts';
import { guarded, thief, useCast, victim } from './cast.ts';
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

/** Who may take a holder out of what it holds, and when. */

useCast();

describe('a lock whose holder', () => {
  /** A lock older than the 5 s before which nobody settles for others, held by a session that lives. */
  async function aged(): Promise<{ readonly session: Lease; readonly locked: Lease }> {
    const name = fresh();
    const annotations = { [PRINCIPAL]: victim.principal };
    const lives = await create(
      victim,
      held(victim, { metadata: { ...SESSION, name, annotations } }),
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
      held(victim, { metadata: { ...SESSION, name: fresh(), annotations } }),
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
