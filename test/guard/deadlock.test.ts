import { afterAll, beforeAll, expect, test } from 'vitest';
import { WAITS_ANNOTATION } from '../../src/core/lease.ts';
import type { LeaseholdError } from '../../src/index.ts';
import { client, until } from '../real/world.ts';
import type { Client } from '../real/world.ts';
import { Guarded } from './guarded.ts';
import type { Pod } from './guarded.ts';

let guarded: Guarded;
let pods: readonly [Pod, Pod];

beforeAll(async () => {
  guarded = await Guarded.open();
  pods = await Promise.all([guarded.pod('first'), guarded.pod('second')]);
});

afterAll(async () => {
  await guarded[Symbol.asyncDispose]();
});

function join(pod: Pod): Promise<Client> {
  return client(guarded.cluster, guarded.namespace, { kubeconfig: pod.kubeconfig, ttl: '3s' });
}

test('a deadlock is found under the guard, and nobody else tells of the waits of a session', async () => {
  const [a, b] = await Promise.all([join(pods[0]), join(pods[1])]);
  const [x, y] = await Promise.all([
    a.leasehold.lockAll(['x']).acquire(),
    b.leasehold.lock('y').acquire(),
  ]);
  const waiting = [
    a.leasehold.lock('y').acquire({ detectDeadlock: { holding: [x] } }),
    b.leasehold.lock('x').acquire({ detectDeadlock: { holding: [y] } }),
  ];
  const session = (await guarded.read('x'))?.spec?.holderIdentity ?? '';
  await until(
    () => guarded.read(session),
    (lease) => lease?.metadata.annotations?.[WAITS_ANNOTATION] !== undefined,
  );
  const forged = { metadata: { annotations: { [WAITS_ANNOTATION]: '1:yields:ns/z:0a-1:0a-2' } } };
  const answer = await pods[1].send('PATCH', session, forged, {
    contentType: 'application/merge-patch+json',
  });
  expect(answer.body.message).toMatch(/leasehold-guard\//);
  const error = await Promise.race(
    waiting.map((wait) =>
      wait.then(
        () => new Promise<never>(() => undefined),
        (reason: unknown) => reason as LeaseholdError,
      ),
    ),
  );
  expect(error.code).toBe('DEADLOCK');
  await Promise.all([x.release(), y.release()]);
  await Promise.allSettled(waiting);
  await Promise.all([a, b].map(({ leasehold }) => leasehold.close()));
});
