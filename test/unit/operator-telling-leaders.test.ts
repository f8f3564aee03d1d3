import { expect, it } from 'vitest';
import type { Outcome } from '../../src/kube/outcome.ts';
import type { KubeRequest, Requests } from '../../src/kube/transport.ts';
import { EventWriter } from '../../src/operator/event-writer.ts';
import { operatorLog } from '../../src/operator/log.ts';
import { Metrics } from '../../src/operator/metrics.ts';
import type { Report } from '../../src/operator/report.ts';
import { Host } from '../../src/testing/virtual/host.ts';
import { VirtualTime } from '../../src/testing/virtual/time.ts';

const FINISHED = Date.UTC(2026, 0, 1, 11, 30);
const released: Report = {
  type: 'released',
  namespace: 'shop',
  lease: 'controller',
  leaseUid: 'lease-uid',
  proof: {
    holder: 'controller-0_x',
    pod: 'controller-0',
    podUid: 'pod-uid',
    container: 'main',
    containerID: 'containerd://one',
    reason: 'OOMKilled',
    exitCode: 137,
    acquireTime: FINISHED - 60_000,
    renewTime: FINISHED - 2_000,
    finishedAt: FINISHED,
  },
  tookMs: 12,
};
const label = (change: 'set' | 'removed'): Report => {
  return { type: 'leader-label', change, namespace: 'shop', pod: 'web-0', election: 'web' };
};
const clock = new Host(new VirtualTime());

it('the metrics count releases, and labels that are set and removed', async () => {
  const metrics = new Metrics(clock);
  for (const report of [released, label('set'), label('set'), label('removed')]) {
    metrics.report(report);
  }
  const text = await metrics.text();
  expect(text).toContain('leasehold_terms_released_total 1');
  expect(text).toContain('leasehold_leader_label_writes_total{change="set"} 2');
  expect(text).toContain('leasehold_leader_label_writes_total{change="removed"} 1');
});

it('the log tells the proof of a release, and each label', () => {
  const lines: { fields: object; message: string }[] = [];
  const unexpected = (): never => {
    throw new Error('not at this level');
  };
  const info = (fields: object, message: string): void => void lines.push({ fields, message });
  const log = operatorLog({ debug: unexpected, info, warn: unexpected, error: unexpected }, clock);
  log(released);
  log(label('removed'));
  expect(lines).toMatchObject([
    {
      fields: {
        event: 'released',
        lease: 'controller',
        proof: {
          containerID: 'containerd://one',
          acquireTime: '2026-01-01T11:29:00.000Z',
          renewTime: '2026-01-01T11:29:58.000Z',
          finishedAt: '2026-01-01T11:30:00.000Z',
        },
      },
      message: 'released Lease controller for controller-0_x',
    },
    { message: "removed the label of web's leader on Pod web-0" },
  ]);
});

it('the Events are on the Lease and the Pod, and none for labels', async () => {
  const sent: KubeRequest[] = [];
  const requests: Requests = {
    request: <T>(request: KubeRequest): Promise<Outcome<T>> => {
      sent.push(request);
      return Promise.resolve({ kind: 'done', body: {} as T, serverTime: undefined });
    },
    openWatch: () => Promise.reject(new Error('no watch')),
    close: () => undefined,
  };
  const events = new EventWriter(requests, clock);
  for (const report of [released, label('set')]) events.report(report);
  await new Promise((resolve) => setImmediate(resolve));
  const told = sent.map(({ body }) => {
    const { involvedObject, reason, message } = body as {
      involvedObject: { kind: string; name: string; uid: string };
      reason: string;
      message: string;
    };
    return [reason, involvedObject.kind, involvedObject.uid, message];
  });
  const why =
    'released for its leader controller-0_x: container main of Pod controller-0 ended at 2026-01-01T11:30:00.000Z (OOMKilled, exit code 137)';
  expect(told).toEqual([
    ['LeaderReleased', 'Lease', 'lease-uid', why],
    ['LeaderReleased', 'Pod', 'pod-uid', `Lease controller was ${why}`],
  ]);
});
