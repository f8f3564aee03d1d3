import { describe, expect, test } from 'vitest';
import { LEASE_API_VERSION } from '../../src/core/lease.ts';
import type { Lease } from '../../src/core/lease.ts';
import { Program } from '../cli/program.ts';
import { client, until } from '../real/world.ts';
import { attack, now } from './attacks.ts';
import type { Change } from './attacks.ts';
import { ENFORCED } from './guarded.ts';
import type { Pod } from './guarded.ts';
import {
  LABEL,
  MERGE,
  OTHER,
  ROLE,
  cast,
  free,
  labelled,
  led,
  place,
  taken,
  useLabelled,
} from './labelled.ts';
import { PRINCIPAL, create, entry, fresh, held, lock, refusal } from './leases.ts';
import { expectRefused } from './refused.ts';

/** How an election comes under the guard by a label of its own, lives there, and gets out again. */

useLabelled();

describe('the label', () => {
  test('is what refuses: beside it everything is open', async () => {
    const lease = await led({});
    expect((await attack(cast.thief, lease, taken(), 'update')).status).toBe(200);
    expect((await cast.victim.send('DELETE', lease.metadata.name)).status).toBe(200);
  });

  test('is set while the Lease is free, by whoever may write it', async () => {
    const lease = await free(OTHER);
    const set = await attack(cast.waiter, lease, labelled(ENFORCED), 'merge patch');
    expect(set.status).toBe(200);
    const foreign = { ...taken(), metadata: { annotations: { [PRINCIPAL]: 'user:victim' } } };
    expect(refusal(await attack(cast.thief, set.body, foreign, 'update'))).toBe('principal');
    expect((await attack(cast.thief, set.body, taken(), 'update')).status).toBe(200);
  });

  test('is not set on what is led', async () => {
    const lease = await led(OTHER);
    for (const pod of [cast.thief, cast.victim]) {
      const change = labelled(ENFORCED, { spec: { renewTime: now() } });
      await expectRefused(place, lease, await attack(pod, lease, change, 'update'), 'label');
    }
  });

  const planted = (time: string): object => ({
    manager: 'planted',
    operation: 'Update',
    apiVersion: LEASE_API_VERSION,
    time,
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:spec': { 'f:leaseDurationSeconds': {} } },
  });
  const besides: Record<string, (lease: Lease) => Change> = {
    'another label': () => labelled({ ...ENFORCED, edit: 'again' }),
    'another role': () => labelled({ ...ENFORCED, [ROLE]: 'session' }),
    'an annotation': () => labelled(ENFORCED, { metadata: { annotations: { edit: 'again' } } }),
    'managedFields stripped': () => labelled(ENFORCED, { metadata: { managedFields: [{}] } }),
    'managedFields dated ahead': ({ metadata: { managedFields = [] } }) =>
      labelled(ENFORCED, {
        metadata: { managedFields: [...managedFields, planted('2040-01-01T00:00:00Z')] },
      }),
    'managedFields filled up': ({ metadata: { managedFields = [] } }) =>
      labelled(ENFORCED, {
        metadata: {
          managedFields: [
            ...managedFields,
            ...Array.from({ length: 20 }, () => planted('2020-01-01T00:00:00Z')),
          ],
        },
      }),
  };
  for (const [name, change] of Object.entries(besides)) {
    test(`is not set beside ${name}, after which nobody might lead`, async () => {
      const lease = await free(OTHER);
      for (const way of ['update', 'merge patch', 'JSON patch'] as const) {
        const answer = await attack(cast.thief, lease, change(lease), way);
        await expectRefused(place, lease, answer);
      }
    });
  }

  test('is not set where the API server keeps no dates of writes', async () => {
    // As nothing was set when it was created.
    const lease = await free({});
    expect(lease.metadata.managedFields).toBeUndefined();
    const answer = await attack(cast.waiter, lease, labelled(ENFORCED), 'merge patch');
    await expectRefused(place, lease, answer, 'label');
  });

  test('guards no lock, which its namespace does', async () => {
    const lease = await create(
      cast.victim,
      lock(
        { 'holder.leasehold.dev/aa-1': entry(cast.victim, 'aa') },
        { metadata: { name: fresh('lock'), labels: { ...ENFORCED, [ROLE]: 'lock' } } },
      ),
    );
    expect((await cast.thief.send('DELETE', lease.metadata.name)).status).toBe(200);
  });

  test('of a new Lease asks for the principal of who creates it', async () => {
    const name = fresh();
    const annotations = { [PRINCIPAL]: cast.victim.principal };
    const lease = held(cast.thief, { metadata: { name, labels: ENFORCED, annotations } });
    expect(refusal(await cast.thief.send('POST', '', lease))).toBe('principal');
    expect(refusal(await cast.thief.send('PUT', name, lease))).toBe('principal');
    expect(await place.read(name)).toBeUndefined();
  });
});

test('the library leads, transfers, resigns, and keeps the label', async () => {
  const { name } = (await free()).metadata;
  const join = (pod: Pod): ReturnType<typeof client> =>
    client(place.cluster, place.namespace, { kubeconfig: pod.kubeconfig });
  const [a, b] = await Promise.all([join(cast.victim), join(cast.waiter)]);
  const [one, two] = [a.leasehold.election(name), b.leasehold.election(name)];
  const term = await one.acquire();
  const next = two.acquire();
  await term.transfer(two.identity);
  const second = await next;
  expect(second.fence).toBeGreaterThan(term.fence);
  expect((await place.read(name))?.metadata).toMatchObject({
    labels: ENFORCED,
    annotations: { [PRINCIPAL]: cast.waiter.principal },
  });
  await second.resign();
  await Promise.all([a.leasehold.close(), b.leasehold.close()]);
  const left = await place.read(name);
  expect(left?.spec?.holderIdentity ?? '').toBe('');
  expect(left?.metadata.labels).toEqual(ENFORCED);
});

describe('break-glass', () => {
  const resign = (pod: Pod, name: string): Program['finished'] =>
    Program.start(['resign', name, '--force', '--yes', '-n', place.namespace], {
      KUBECONFIG: pod.kubeconfig,
    }).finished;

  test('needs the verb steal, leaves a trail, and lets out', async () => {
    const rescuer = await place.pod('rescuer', 'rescuer');
    const lease = await led();
    const { name } = lease.metadata;
    const blank = { spec: { holderIdentity: '', renewTime: now() } };
    const out = labelled({ [LABEL]: null });
    expect(refusal(await attack(rescuer, lease, blank, 'update'))).toBe('held');
    expect(refusal(await attack(rescuer, lease, out, 'update'))).toBe('label');
    expect(refusal(await rescuer.send('DELETE', name))).toBe('delete');
    const refused = await resign(rescuer, name);
    expect(refused.code).not.toBe(0);
    expect(refused.errors).toMatch(/held: .*the verb steal/);
    expect(await place.read(name)).toEqual(lease);

    const { cluster, namespace } = place;
    const subject = { kind: 'ServiceAccount', name: 'rescuer', namespace } as const;
    await cluster.grant(namespace, subject, [
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['steal'] },
    ]);
    const warned = await until(
      () => rescuer.send('PATCH', `${name}?dryRun=All`, blank, MERGE),
      ({ status, headers }) => status === 200 && headers.warning !== undefined,
    );
    expect(warned.headers.warning).toContain('leasehold-guard/steal');
    expect(warned.headers.warning).toContain('held by victim');
    const forced = await resign(rescuer, name);
    expect(forced).toMatchObject({ code: 0 });
    const resigned = (await place.read(name)) as Lease;
    expect(resigned.spec?.holderIdentity ?? '').toBe('');
    expect(resigned.metadata.labels).toEqual(ENFORCED);
    const released = await attack(rescuer, resigned, out, 'merge patch');
    expect(released.status).toBe(200);
    expect(released.body.metadata.labels?.[LABEL]).toBeUndefined();
    expect((await rescuer.send('DELETE', name)).status).toBe(200);
  });

  test('deletes what has the label, and what others lead with a trail', async () => {
    const surgeon = await place.pod('surgeon', 'surgeon');
    const { cluster, namespace } = place;
    const subject = { kind: 'ServiceAccount', name: 'surgeon', namespace } as const;
    await cluster.grant(namespace, subject, [
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['steal'] },
    ]);
    const [unled, lease] = [await free(), await led()];
    const kept = await until(
      () => surgeon.send('DELETE', unled.metadata.name),
      ({ status }) => status === 200,
    );
    expect(kept.headers.warning).toBeUndefined();
    const deleted = await surgeon.send('DELETE', lease.metadata.name);
    expect(deleted.status).toBe(200);
    expect(deleted.headers.warning).toContain('leasehold-guard/steal');
    expect(await place.read(lease.metadata.name)).toBeUndefined();
  });
});
