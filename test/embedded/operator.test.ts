import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatEntry } from '../../src/core/entry.ts';
import { LEASE_API_VERSION, microTime } from '../../src/core/lease.ts';
import { HOLDER_PREFIX, NEVER_LAPSES } from '../../src/core/record.ts';
import { newSessionLease } from '../../src/core/session-lease.ts';
import { ApiServer } from '../../src/testing/index.ts';
import { Program, eventually } from '../cli/program.ts';

const SESSIONS = 5_000;
const LOCKS = 10_000;
const PODS = 1_000;
/** 150 for the built program; from the sources, Node's own compiler takes some 40 more. */
const MOST_MEBIBYTES = 190;
const NAMESPACE = 'default';

let server: ApiServer;
let directory: string;
let served: string[];

beforeEach(async () => {
  served = [];
  server = await ApiServer.start({
    onServed: ({ method, url }) => served.push(`${method} ${url}`),
  });
  directory = await mkdtemp(join(tmpdir(), 'leasehold-operator-'));
});

afterEach(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

const podName = (at: number): string => `pod-${String(at)}`;
const podUid = (at: number): string => `00000000-0000-0000-0000-${String(at).padStart(12, '0')}`;
const sessionUid = (at: number): string => `session-${String(at)}`;
const hex = (at: number): string => at.toString(16).padStart(8, '0');

/** What a real cluster notes of who wrote what is half of a Lease. */
function managedFields(fields: object): object[] {
  const time = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  return [
    {
      manager: 'node',
      operation: 'Update',
      apiVersion: LEASE_API_VERSION,
      time,
      fieldsType: 'FieldsV1',
      fieldsV1: fields,
    },
  ];
}

function seed(): void {
  const { store } = server.handler;
  const put = (storage: string, object: object): void => {
    store.put(storage, object as Parameters<typeof store.put>[1]);
  };
  const now = microTime(Date.now() - 60_000);
  const creationTimestamp = `${now.slice(0, 19)}Z`;
  for (let at = 0; at < PODS; at += 1) {
    put('pods', podObject(at));
  }
  const sessionFields = { 'f:spec': { 'f:holderIdentity': {}, 'f:renewTime': {} } };
  for (let at = 0; at < SESSIONS; at += 1) {
    const pod = at % PODS;
    const { metadata, spec } = newSessionLease({
      name: `${podName(pod)}-${hex(at)}`,
      namespace: NAMESPACE,
      identity: podName(pod),
      ttl: 3_600,
      now,
      owner: { apiVersion: 'v1', kind: 'Pod', name: podName(pod), uid: podUid(pod) },
      container: 'main',
    });
    put('leases', {
      apiVersion: LEASE_API_VERSION,
      kind: 'Lease',
      metadata: {
        ...metadata,
        uid: sessionUid(at),
        creationTimestamp,
        managedFields: managedFields(sessionFields),
      },
      spec,
    });
  }
  for (let at = 0; at < LOCKS; at += 1) {
    const session = at % SESSIONS;
    const name = `${podName(session % PODS)}-${hex(session)}`;
    const key = `${HOLDER_PREFIX}${hex(session)}-${String(at)}`;
    put('leases', {
      apiVersion: LEASE_API_VERSION,
      kind: 'Lease',
      metadata: {
        name: `lock-${String(at)}`,
        namespace: NAMESPACE,
        uid: `lock-${String(at)}`,
        creationTimestamp,
        labels: { 'leasehold.dev/role': 'lock' },
        annotations: {
          [key]: formatEntry({
            session: name,
            sessionUid: sessionUid(session),
            ttl: 3_600,
            mode: 'exclusive',
            since: now,
          }),
        },
        managedFields: managedFields({
          'f:metadata': { 'f:annotations': { '.': {}, [`f:${key}`]: {} } },
        }),
      },
      spec: { holderIdentity: name, leaseDurationSeconds: NEVER_LAPSES, renewTime: now },
    });
  }
}

/** As large as Pods are: some 4 KB, most of which the operator does not keep. */
function podObject(at: number, state: object = { running: { startedAt: '2020-01-01T00:00:00Z' } }) {
  const environment = Array.from({ length: 40 }, (_, index) => {
    return { name: `VARIABLE_${String(index)}`, value: 'x'.repeat(60) };
  });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: podName(at), namespace: NAMESPACE, uid: podUid(at) },
    spec: { nodeName: 'node', containers: [{ name: 'main', image: 'x', env: environment }] },
    status: {
      phase: 'Running',
      containerStatuses: [
        { name: 'main', containerID: `containerd://${String(at)}`, restartCount: 0, state },
      ],
    },
  };
}

describe('leasehold operator', () => {
  it.skipIf(platform() !== 'linux')(
    `knows ${String(SESSIONS)} sessions, ${String(LOCKS)} locks and ${String(PODS)} Pods in ${String(MOST_MEBIBYTES)} MiB, and reads no more than it must`,
    async () => {
      seed();
      const kubeconfig = join(directory, 'kubeconfig');
      await writeFile(kubeconfig, server.kubeconfig(), { mode: 0o600 });
      const operator = Program.start(['operator', '--port', '0'], {
        KUBECONFIG: kubeconfig,
        NODE_OPTIONS: '--max-semi-space-size=4',
      });
      const [, port = ''] = await operator.printed(/"event":"started","port":(\d+)/);
      const metrics = async (): Promise<string> =>
        (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      await eventually('the first sweep', async () => {
        return (await metrics()).includes(`leasehold_sessions{state="live"} ${String(SESSIONS)}`);
      });
      await eventually('the look at the Leases of others', () => {
        return served.some((request) => request.includes('%21leasehold.dev'));
      });
      const text = await metrics();
      expect(text).toContain(`leasehold_locks{namespace="${NAMESPACE}"} ${String(LOCKS)}`);
      expect(text).toContain(`leasehold_pods ${String(PODS)}`);

      const before = served.length;
      const finishedAt = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
      const terminated = {
        containerID: 'containerd://7',
        exitCode: 137,
        reason: 'OOMKilled',
        startedAt: '2020-01-01T00:00:00Z',
        finishedAt,
      };
      const { store } = server.handler;
      store.put('pods', podObject(7, { terminated }));
      const left = LOCKS - (LOCKS / SESSIONS) * (SESSIONS / PODS);
      const locks = (): number =>
        store.list('leases').filter(({ metadata }) => metadata.name?.startsWith('lock-')).length;
      await eventually('the locks of that Pod to go', () => locks() === left);
      await eventually('the Events', () => store.list('events').length === 10);
      // One list, a write for each session, a read and a write for each lock, and the Events; and a
      // read and a list for elections of others. The rest is the operator's own election.
      const isOwn = (request: string): boolean => request.includes('leases/leasehold-operator');
      const needed = served.slice(before).filter((request) => !isOwn(request));
      expect(needed).toHaveLength(1 + 5 + 2 * 10 + 10 + 2);

      const status = readFileSync(`/proc/${String(operator.pid)}/status`, 'latin1');
      const kibibytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
      expect(kibibytes / 1_024).toBeLessThan(MOST_MEBIBYTES);
      operator.child.kill('SIGTERM');
      expect(await operator.finished).toMatchObject({ code: 0, errors: '' });
    },
  );
});
