import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCluster } from '../../src/client/cluster.ts';
import { formatEntry } from '../../src/core/entry.ts';
import { microTime } from '../../src/core/lease.ts';
import { HOLDER_PREFIX, NEVER_LAPSES } from '../../src/core/record.ts';
import { newSessionLease } from '../../src/core/session-lease.ts';
import { connect } from '../../src/index.ts';
import type { Leasehold } from '../../src/index.ts';
import type { Lease } from '../../src/core/lease.ts';
import { EventWriter } from '../../src/operator/event-writer.ts';
import { useFixture } from '../cli/fixture.ts';
import { Program, eventually } from '../cli/program.ts';
import { isEmbedded } from '../cluster/shared.ts';
import { startSyncedOperator } from './synced-operator.ts';
import { leasePath } from './world.ts';

const fixture = useFixture();
/** Whoever gets a lock in these tests does not get it by the ttl. */
const TTL = '600s';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'leasehold-operator-test-'));
  const { cluster, namespace } = fixture();
  const applications = { kind: 'ServiceAccount', name: 'application', namespace } as const;
  await cluster.grant(namespace, applications, [
    {
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      verbs: ['get', 'watch', 'create', 'update', 'patch', 'delete'],
    },
  ]);
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

/** A replica that looks after the namespace of this file, and is synced. */
function startOperator(): ReturnType<typeof startSyncedOperator> {
  const { namespace, environment } = fixture();
  return startSyncedOperator(namespace, environment);
}

async function stop({ child, finished }: Program): Promise<void> {
  child.kill('SIGTERM');
  expect(await finished).toMatchObject({ code: 0, errors: '' });
}

interface TestPod {
  readonly name: string;
  readonly uid: string;
  readonly leasehold: Leasehold;
}

/** A Pod and, with its token, a process of it. */
async function pod(name: string): Promise<TestPod> {
  const { cluster, namespace } = fixture();
  const { uid } = await cluster.createPod(namespace, name, 'application');
  const token = await cluster.podToken(namespace, 'application', name);
  const kubeconfig = join(directory, name);
  await writeFile(kubeconfig, cluster.kubeconfig({ token }), { mode: 0o600 });
  const leasehold = await connect({ kubeconfig, namespace, ttl: TTL });
  return { name, uid, leasehold };
}

/** As the kubelet does it: the container began an hour ago, and has ended just now. */
async function reportEnd(pod: TestPod, more: object = {}): Promise<string> {
  const { cluster, namespace } = fixture();
  const { name } = pod;
  // The second in which the session began is unclear.
  const began = Date.parse((await sessionOf(pod))?.metadata.creationTimestamp ?? '');
  await eventually('the next second', () => Date.now() >= began + 1_000);
  const containerID = `containerd://${randomUUID()}`;
  const second = (wall: number): string => new Date(wall).toISOString().replace(/\.\d+Z$/, 'Z');
  const terminated = {
    containerID,
    exitCode: 137,
    reason: 'OOMKilled',
    startedAt: second(Date.now() - 3_600_000),
    finishedAt: second(Date.now()),
    ...more,
  };
  await cluster.client.expect(
    'PATCH',
    `/api/v1/namespaces/${namespace}/pods/${name}/status`,
    {
      status: {
        containerStatuses: [
          {
            name: 'main',
            image: 'example.invalid/none',
            imageID: '',
            ready: false,
            restartCount: 0,
            state: { terminated },
          },
        ],
      },
    },
    { contentType: 'application/merge-patch+json' },
  );
  return containerID;
}

async function waiterOf(lock: string): Promise<void> {
  await eventually('a waiter', async () => {
    const { annotations = {} } = (await fixture().lease(lock))?.metadata ?? {};
    return Object.keys(annotations).some((key) => key.startsWith('queue.'));
  });
}

async function sessionOf({ uid }: TestPod): Promise<Lease | undefined> {
  const { cluster, namespace } = fixture();
  const { body } = await cluster.request<{ items: Lease[] }>(
    'GET',
    `${leasePath(namespace)}?labelSelector=${encodeURIComponent(`leasehold.dev/pod-uid=${uid}`)}`,
  );
  return body.items[0];
}

async function eventReasons(name: string): Promise<string[]> {
  const { cluster, namespace } = fixture();
  const { body } = await cluster.request<{
    items: { involvedObject: { name: string }; reason: string }[];
  }>('GET', `/api/v1/namespaces/${namespace}/events`);
  return body.items
    .filter(({ involvedObject }) => involvedObject.name === name)
    .map(({ reason }) => reason);
}

describe('leasehold operator', () => {
  test('gives the lock of an ended container to the next, and tells it everywhere', async () => {
    const { program, url } = await startOperator();
    const [holder, waiter] = [await pod('holder'), await pod('waiter')];
    await holder.leasehold.lock('reclaimed').acquire();
    const next = waiter.leasehold.lock('reclaimed').acquire();
    await waiterOf('reclaimed');
    const containerID = await reportEnd(holder);
    await next;
    await program.printed(new RegExp(`"event":"revoked".*"containerID":"${containerID}"`));
    await eventually('the session to be blank', async () => {
      return (await sessionOf(holder))?.spec?.holderIdentity === '';
    });
    await eventually('an Event on the Pod', async () => {
      return (await eventReasons('holder')).includes('SessionRevoked');
    });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('leasehold_reclaims_total{proof="container-terminated"} 1');
    expect(metrics).toMatch(/leasehold_api_requests_total\{verb="list",code="200"\} \d/);
    await stop(program);
    await waiter.leasehold.close();
    await holder.leasehold.close();
  });

  test('tells of a lock that was lost by its ttl, and of the wait for it', async () => {
    const { program } = await startOperator();
    const { cluster, namespace } = fixture();
    const waiter = await pod('patient');
    const ghost = await cluster.createPod(namespace, 'ghost', 'application');
    const now = microTime(Date.now());
    const session = await cluster.client.expect<Lease>(
      'POST',
      leasePath(namespace),
      newSessionLease({
        name: 'ghost-0a0a0a0a',
        namespace,
        identity: 'ghost',
        ttl: 2,
        now,
        owner: { apiVersion: 'v1', kind: 'Pod', name: 'ghost', uid: ghost.uid },
      }),
    );
    const entry = { session: 'ghost-0a0a0a0a', sessionUid: session.metadata.uid ?? '', ttl: 2 };
    await cluster.client.expect('POST', leasePath(namespace), {
      metadata: {
        name: 'expired',
        labels: { 'leasehold.dev/role': 'lock' },
        annotations: {
          [`${HOLDER_PREFIX}0a0a0a0a-1`]: formatEntry({ ...entry, mode: 'exclusive', since: now }),
        },
      },
      spec: { holderIdentity: 'ghost-0a0a0a0a', leaseDurationSeconds: NEVER_LAPSES },
    });
    await (await waiter.leasehold.lock('expired').acquire()).release();
    await eventually('the Events', async () => {
      const about = await Promise.all(['expired', 'ghost', 'patient'].map(eventReasons));
      return about.flat().length === 4;
    });
    expect((await eventReasons('expired')).toSorted()).toEqual(['Acquired', 'Expired']);
    expect(await eventReasons('ghost')).toEqual(['LockLost']);
    expect(await eventReasons('patient')).toEqual(['LockAcquired']);
    await stop(program);
    await waiter.leasehold.close();
  });

  test('counts what it tells again in one Event', async () => {
    const { cluster, namespace } = fixture();
    const { transport, clock } = await openCluster({ kubeconfig: cluster.kubeconfigPath });
    const results: string[] = [];
    const lockUid = randomUUID();
    const events = new EventWriter(transport, clock, (_, result) => results.push(result));
    for (let times = 0; times < 3; times += 1) {
      events.report({
        type: 'settled',
        namespace,
        lock: 'told-again',
        lockUid,
        holders: [{ id: '0b-1', session: 'next-0b0b0b0b' }],
        session: undefined,
        proof: undefined,
        held: true,
        tookMs: 0,
      });
      await eventually('the write', () => results.length === times + 1);
    }
    expect(results).toEqual(['written', 'written', 'written']);
    const { body } = await cluster.request<{
      items: { involvedObject: { name: string }; count: number }[];
    }>('GET', `/api/v1/namespaces/${namespace}/events`);
    const told = body.items.filter(({ involvedObject }) => involvedObject.name === 'told-again');
    expect(told.map(({ count }) => count)).toEqual([3]);
    transport.close();
  });

  test('another replica goes on when the leader ends', async () => {
    const replicas = [await startOperator(), await startOperator()];
    const [first, second] = replicas.map(({ program }) => program);
    if (!first || !second) throw new Error('there are two');
    const [holder, waiter] = [await pod('holder-2'), await pod('waiter-2')];
    await holder.leasehold.lock('failed-over').acquire();
    const next = waiter.leasehold.lock('failed-over').acquire();
    await waiterOf('failed-over');
    await stop(first);
    await reportEnd(holder);
    await next;
    await stop(second);
    await waiter.leasehold.close();
    await holder.leasehold.close();
  });

  test('does nothing when the kubelet has lost sight of a container', async () => {
    const { program } = await startOperator();
    const [holder, witness] = [await pod('holder-3'), await pod('witness')];
    const held = await holder.leasehold.lock('kept').acquire();
    await witness.leasehold.lock('free').acquire();
    await reportEnd(holder, { reason: 'ContainerStatusUnknown' });
    // Reported later, and reclaimed: the operator has seen what came before.
    await reportEnd(witness);
    await eventually('the lock of the witness to go', async () => {
      return (await fixture().lease('free')) === undefined;
    });
    expect((await sessionOf(holder))?.spec?.holderIdentity).toBe('holder-3');
    expect(held.valid).toBe(true);
    await stop(program);
    await holder.leasehold.close();
    await witness.leasehold.close();
  });

  test.skipIf(isEmbedded)('tells at the start what is not permitted', async () => {
    const { cluster, namespace } = fixture();
    await cluster.createPod(namespace, 'powerless', 'powerless');
    const token = await cluster.podToken(namespace, 'powerless', 'powerless');
    const kubeconfig = join(directory, 'powerless');
    await writeFile(kubeconfig, cluster.kubeconfig({ token }), { mode: 0o600 });
    const words = ['operator', '-n', namespace, '--election-namespace', namespace, '--port', '0'];
    const refused = await Program.start(words, { KUBECONFIG: kubeconfig }).finished;
    expect(refused).toMatchObject({ code: 77, output: '' });
    expect(refused.errors).toContain(
      `list, watch pods in namespace ${namespace}: add to a Role there { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }`,
    );
  });
});
