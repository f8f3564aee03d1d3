import { beforeEach, describe, expect, it } from 'vitest';
import type { Report } from '../../src/operator/report.ts';
import { OperatorWorld } from './operator-world.ts';
import type { TestOperator, TestPod } from './operator-world.ts';

const SOON_MS = 1_000;
const ENABLED = { metadata: { labels: { 'leasehold.dev/leader-label': 'enabled' } } };
const LEADER = 'leasehold.dev/leader';

let world: OperatorWorld;
/** The Pods that each Service leads to, by uid; the embedded API server keeps no EndpointSlices. */
let endpoints: Map<string, { uid: string; ready: boolean; serving?: boolean }[]>;

beforeEach(() => {
  world = new OperatorWorld();
  endpoints = new Map();
});

function operator(): TestOperator {
  const one = world.operator({ leaderLabel: true });
  const send = one.requests.request.bind(one.requests);
  one.requests.request = async (request) => {
    if (!request.path.endsWith('/endpointslices')) return send(request);
    const service = request.query?.labelSelector?.split('=')[1] ?? '';
    const pods = endpoints.get(service) ?? [];
    const slice = {
      metadata: {},
      endpoints: pods.map(({ uid, ...conditions }) => ({ conditions, targetRef: { uid } })),
    };
    const body = { metadata: { resourceVersion: '1' }, items: [slice] };
    return { kind: 'done', body: body as never, serverTime: undefined };
  };
  return one;
}

/** A Pod that leads the election `web`, and one that stands. */
async function leaderAndStandby(): Promise<{ leader: TestPod; standby: TestPod }> {
  const [leader, standby] = [await world.pod('web-0'), await world.pod('web-1')];
  await world.time.settled(leader.leasehold.election('web').acquire());
  await world.patchLease('web', ENABLED);
  void standby.leasehold
    .election('web')
    .acquire()
    .catch(() => undefined);
  await world.time.advance(SOON_MS);
  return { leader, standby };
}

const failures = (reports: readonly Report[]): Report[] =>
  reports.filter(({ type }) => type === 'failed');
const changes = (reports: readonly Report[]): string[] =>
  reports
    .filter((report) => report.type === 'leader-label')
    .map(({ change, pod, election }) => `${change} ${election} ${pod}`);

describe('the label of a leader', () => {
  it('is on its Pod, and goes with the lead from one to the next', async () => {
    const { reports, lead } = operator();
    lead();
    const { leader } = await leaderAndStandby();
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web' });
    await leader.leasehold.election('web').resign();
    await world.time.advance(SOON_MS);
    expect(world.leaderLabels()).toEqual({ 'web-1': 'web' });
    expect(changes(reports)).toEqual(['set web web-0', 'set web web-1', 'removed web web-0']);
    await world.time.advance(120_000);
    expect(changes(reports)).toHaveLength(3);
    expect(failures(reports)).toEqual([]);
  });

  it('needs nothing but an option of the library, in a Lease that others made, too', async () => {
    operator().lead();
    const [first, second] = [await world.pod('web-0'), await world.pod('web-1')];
    const options = { leaderLabel: true };
    await world.time.settled(first.leasehold.election('web', options).acquire());
    await world.time.advance(SOON_MS);
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web' });
    await world.patchLease('web', { metadata: { labels: { 'leasehold.dev/leader-label': null } } });
    await first.leasehold.election('web').resign();
    await world.time.settled(second.leasehold.election('web', options).acquire());
    await world.time.advance(SOON_MS);
    expect(world.leaderLabels()).toEqual({ 'web-1': 'web' });
  });

  it('stays with the leader that was until the new one can be reached', async () => {
    const { reports, lead } = operator();
    lead();
    const { leader, standby } = await leaderAndStandby();
    await world.createService('leader', { app: 'web', [LEADER]: 'web' });
    await world.createService('all', { app: 'web' });
    endpoints.set('leader', [{ uid: leader.uid, ready: true }]);
    await leader.leasehold.election('web').resign();
    await world.time.advance(5_000);
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web', 'web-1': 'web' });
    endpoints.set('leader', [
      { uid: leader.uid, ready: true },
      { uid: standby.uid, ready: false },
    ]);
    await world.time.advance(5_000);
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web', 'web-1': 'web' });
    endpoints.set('leader', [
      { uid: leader.uid, ready: true },
      { uid: standby.uid, ready: true },
    ]);
    await world.time.advance(2_000);
    expect(world.leaderLabels()).toEqual({ 'web-1': 'web' });
    expect(failures(reports)).toEqual([]);
  });

  it('stays with one that is being deleted, as long as it is all that serves', async () => {
    operator().lead();
    const { leader, standby } = await leaderAndStandby();
    await world.createService('leader', { [LEADER]: 'web' });
    const leaving = { uid: leader.uid, ready: false, serving: true };
    endpoints.set('leader', [leaving]);
    await leader.leasehold.election('web').resign();
    await world.time.advance(5_000);
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web', 'web-1': 'web' });
    endpoints.set('leader', [leaving, { uid: standby.uid, ready: true }]);
    await world.time.advance(2_000);
    expect(world.leaderLabels()).toEqual({ 'web-1': 'web' });
  });

  it('goes after half a minute from a leader that was, if the new one is not ready', async () => {
    operator().lead();
    const { leader } = await leaderAndStandby();
    await world.createService('leader', { [LEADER]: 'web' });
    endpoints.set('leader', [{ uid: leader.uid, ready: true }]);
    await leader.leasehold.election('web').resign();
    await world.time.advance(29_000);
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web', 'web-1': 'web' });
    await world.time.advance(4_000);
    expect(world.leaderLabels()).toEqual({ 'web-1': 'web' });
  });

  it('goes at once from a leader that no Service leads to', async () => {
    operator().lead();
    const { leader } = await leaderAndStandby();
    await world.createService('leader', { [LEADER]: 'web' });
    endpoints.set('leader', [{ uid: leader.uid, ready: false }]);
    await leader.leasehold.election('web').resign();
    await world.time.advance(SOON_MS);
    expect(world.leaderLabels()).toEqual({ 'web-1': 'web' });
  });

  it('goes from a leader that resigns and is not followed', async () => {
    operator().lead();
    const leader = await world.pod('web-0');
    await world.time.settled(leader.leasehold.election('web').acquire());
    await world.patchLease('web', ENABLED);
    await world.time.advance(SOON_MS);
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web' });
    await leader.leasehold.election('web').resign();
    // Somebody may take the Lease at any moment.
    await world.time.advance(4_500);
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web' });
    await world.time.advance(SOON_MS);
    expect(world.leaderLabels()).toEqual({});
  });

  it('goes from a leader that renews no more, and comes back with it', async () => {
    const { reports, lead } = operator();
    lead();
    const leader = await world.pod('web-0');
    await world.createLease(leaseOf('web-0_1f9a3c21'));
    await world.time.advance(SOON_MS);
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web' });
    await world.time.advance(13_000);
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web' });
    await world.time.advance(8_000);
    expect(world.leaderLabels()).toEqual({});
    const renewTime = new Date(leader.host.wall()).toISOString().replace('Z', '000Z');
    await world.patchLease('web', { spec: { renewTime } });
    await world.time.advance(SOON_MS);
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web' });
    expect(failures(reports)).toEqual([]);
  });

  it('stays while the operator does not hear of renewals', async () => {
    const { lead, host, requests } = operator();
    lead();
    await leaderAndStandby();
    host.cut = true;
    requests.breakWatches();
    await world.time.advance(60_000);
    host.cut = false;
    await world.time.advance(60_000);
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web' });
  });

  it('goes when the Lease is deleted, or opted out', async () => {
    operator().lead();
    await leaderAndStandby();
    await world.patchLease('web', { metadata: { labels: { 'leasehold.dev/leader-label': null } } });
    await world.time.advance(SOON_MS);
    expect(world.leaderLabels()).toEqual({});
  });

  it('is taken from whoever else has it, and put back where it is missing', async () => {
    const { reports, lead } = operator();
    lead();
    const { leader, standby } = await leaderAndStandby();
    await world.labelPod(standby.name, { [LEADER]: 'web' });
    await world.labelPod(leader.name, { [LEADER]: 'planted' });
    await world.time.advance(SOON_MS);
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web' });
    await world.labelPod(leader.name, { [LEADER]: null });
    await world.time.advance(SOON_MS);
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web' });
    expect(failures(reports)).toEqual([]);
  });

  it('is written although the Pod changes meanwhile, and answers are lost', async () => {
    const { reports, lead, requests } = operator();
    const send = requests.request.bind(requests);
    let patches = 0;
    requests.request = async (request) => {
      if (request.method !== 'PATCH') return send(request);
      patches += 1;
      if (patches === 1) await world.labelPod('web-0', { meanwhile: 'changed' });
      const outcome = await send<never>(request);
      if (patches !== 2) return outcome;
      const error = new Error('the answer was lost');
      return { kind: 'unknown', sent: true, error, retryAfter: undefined };
    };
    lead();
    await leaderAndStandby();
    await world.time.advance(5_000);
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web' });
    expect(patches).toBe(2);
    expect(failures(reports)).toHaveLength(1);
  });

  it('is left alone where an election is not opted in, and without --leader-label', async () => {
    const without = world.operator();
    without.lead();
    await leaderAndStandby();
    expect(world.leaderLabels()).toEqual({});
    without.stop();
    const { reports, lead } = operator();
    await world.labelPod('web-1', { [LEADER]: 'other' });
    lead();
    await world.time.advance(SOON_MS);
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web', 'web-1': 'other' });
    expect(changes(reports)).toEqual(['set web web-0']);
  });
});

describe('another operator', () => {
  it('goes on in the middle', async () => {
    const first = operator();
    first.lead();
    const { leader, standby } = await leaderAndStandby();
    await world.createService('leader', { [LEADER]: 'web' });
    endpoints.set('leader', [{ uid: leader.uid, ready: true }]);
    await leader.leasehold.election('web').resign();
    await world.time.advance(2_000);
    first.stop();
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web', 'web-1': 'web' });
    const second = operator();
    second.lead();
    await world.time.advance(2_000);
    expect(world.leaderLabels()).toEqual({ 'web-0': 'web', 'web-1': 'web' });
    endpoints.set('leader', [{ uid: standby.uid, ready: true }]);
    await world.time.advance(2_000);
    expect(world.leaderLabels()).toEqual({ 'web-1': 'web' });
    expect(changes(second.reports)).toEqual(['removed web web-0']);
  });

  it('takes away what is left of an election that went while nobody led', async () => {
    const first = operator();
    first.lead();
    await leaderAndStandby();
    first.stop();
    await world.patchLease('web', { metadata: { labels: { 'leasehold.dev/leader-label': null } } });
    operator().lead();
    await world.time.advance(SOON_MS);
    expect(world.leaderLabels()).toEqual({});
  });

  it('does no harm at the same time', async () => {
    const operators = [operator(), operator()];
    for (const { lead } of operators) lead();
    const { leader, standby } = await leaderAndStandby();
    for (const [from, to] of [
      [leader, standby],
      [standby, leader],
      [leader, standby],
    ] as const) {
      await from.leasehold.election('web').resign();
      const again = from.leasehold.election('web').acquire();
      again.catch(() => undefined);
      await world.time.advance(5_000);
      expect(world.leaderLabels()).toEqual({ [to.name]: 'web' });
    }
    expect(operators.flatMap(({ reports }) => failures(reports))).toEqual([]);
  });
});

function leaseOf(holderIdentity: string): object {
  const now = '2026-01-01T00:16:40.000000Z';
  return {
    metadata: { name: 'web', ...ENABLED.metadata },
    spec: {
      holderIdentity,
      leaseDurationSeconds: 15,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 7,
    },
  };
}
