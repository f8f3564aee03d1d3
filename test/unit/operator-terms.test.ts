import { beforeEach, describe, expect, it } from 'vitest';
import type { Report } from '../../src/operator/report.ts';
import { OperatorWorld } from './operator-world.ts';
import type { TestPod } from './operator-world.ts';

/** Well below the duration of a Lease: whoever leads in it does not by that. */
const SOON_MS = 3_000;
const OPTED_IN = { 'leasehold.dev/reclaim': 'enabled' };

let world: OperatorWorld;

beforeEach(() => {
  world = new OperatorWorld();
});

/** A Pod that leads and one that stands; the term is 5 s old. */
async function leaderAndSuccessor(
  identity?: string,
): Promise<{ leader: TestPod; successor: TestPod; next: Promise<unknown> }> {
  const leader = await world.pod('leader');
  const successor = await world.pod('successor');
  const options = identity === undefined ? {} : { identity };
  await world.time.settled(leader.leasehold.election('controller', options).acquire());
  const next = successor.leasehold.election('controller').acquire();
  await world.time.advance(5_000);
  return { leader, successor, next };
}

const holder = (): string => world.lease('controller')?.spec?.holderIdentity ?? '';
const optIn = (): Promise<void> =>
  world.patchLease('controller', { metadata: { labels: OPTED_IN } });
const releases = (reports: readonly Report[]): Report[] =>
  reports.filter(({ type }) => type === 'released' || type === 'failed');

describe('the Lease of a leader whose container has ended', () => {
  it('is released as its holder would have done it, and the next candidate leads', async () => {
    const { reports, lead } = world.operator();
    lead();
    const { leader, next } = await leaderAndSuccessor();
    await optIn();
    await world.patchLease('controller', { metadata: { annotations: { note: 'kept' } } });
    world.crash(leader);
    await world.reportEnd(leader);
    await world.time.settled(next, SOON_MS);
    expect(holder()).toMatch(/^successor_/);
    expect(world.lease('controller')).toMatchObject({
      metadata: { annotations: { note: 'kept' } },
      spec: { leaseTransitions: 1 },
    });
    expect(releases(reports)).toMatchObject([
      {
        type: 'released',
        lease: 'controller',
        proof: { pod: 'leader', container: 'main', containerID: 'containerd://1' },
      },
    ]);
  });

  it('is free, with the transitions as they were, when nobody stands', async () => {
    world.operator().lead();
    const leader = await world.pod('leader');
    await world.createLease(leaseOf(leader.name, { ...OPTED_IN }));
    await world.time.advance(2_000);
    await world.reportEnd(leader);
    await world.time.advance(SOON_MS);
    const { spec } = world.lease('controller') ?? {};
    expect(spec).toMatchObject({
      holderIdentity: '',
      leaseDurationSeconds: 1,
      leaseTransitions: 7,
    });
    expect(spec?.acquireTime).toBe(spec?.renewTime);
  });

  it('is left alone when it is not opted in, or opted out', async () => {
    const { reports, lead } = world.operator();
    lead();
    const { leader } = await leaderAndSuccessor();
    world.crash(leader);
    await world.reportEnd(leader);
    await world.time.advance(SOON_MS);
    expect(holder()).toMatch(/^leader_/);
    await world.labelNamespace(OPTED_IN);
    await world.patchLease('controller', {
      metadata: { labels: { 'leasehold.dev/reclaim': 'disabled' } },
    });
    await world.reportEnd(leader, { exitCode: 1 });
    await world.time.advance(SOON_MS);
    expect(holder()).toMatch(/^leader_/);
    expect(releases(reports)).toEqual([]);
  });

  it('is released in a namespace that is opted in, and nothing else of it', async () => {
    world.operator().lead();
    await world.labelNamespace(OPTED_IN);
    const { leader, next } = await leaderAndSuccessor();
    await world.createLease({ ...leaseOf('successor'), metadata: { name: 'of-the-living' } });
    const heartbeat = { holderIdentity: 'leader', renewTime: '2026-01-01T00:16:41.000000Z' };
    await world.createLease({ metadata: { name: 'heartbeat' }, spec: heartbeat });
    world.crash(leader);
    await world.reportEnd(leader);
    await world.time.settled(next, SOON_MS);
    expect(world.lease('of-the-living')?.spec?.holderIdentity).toBe('successor');
    expect(world.lease('heartbeat')?.spec?.holderIdentity).toBe('leader');
  });

  it('is released by whoever leads next, when nobody led at the time', async () => {
    const { leader, next } = await leaderAndSuccessor();
    await optIn();
    world.crash(leader);
    await world.reportEnd(leader);
    await world.time.advance(1_000);
    world.operator().lead();
    // Nobody has heard it when it was reported: so it has to be silent for two fifths of its duration.
    await world.time.settled(next, 10_000);
  });

  it('is released once by two operators that lead at the same time', async () => {
    const operators = [world.operator(), world.operator()];
    for (const { lead } of operators) lead();
    const { leader, next } = await leaderAndSuccessor();
    await optIn();
    world.crash(leader);
    await world.reportEnd(leader);
    await world.time.settled(next, SOON_MS);
    await world.time.advance(60_000);
    expect(operators.flatMap(({ reports }) => releases(reports))).toHaveLength(1);
    expect(world.lease('controller')?.spec?.leaseTransitions).toBe(1);
  });

  it('is released once although the answer was lost', async () => {
    const { requests, reports, lead } = world.operator();
    const send = requests.request.bind(requests);
    let writes = 0;
    requests.request = async (request) => {
      const outcome = await send<never>(request);
      if (request.method !== 'PUT') return outcome;
      writes += 1;
      const error = new Error('the answer was lost');
      return { kind: 'unknown', sent: true, error, retryAfter: undefined };
    };
    lead();
    const leader = await world.pod('leader');
    await world.createLease(leaseOf(leader.name, { ...OPTED_IN }));
    await world.time.advance(2_000);
    await world.reportEnd(leader);
    await world.time.advance(SOON_MS);
    expect(holder()).toBe('');
    expect(writes).toBe(1);
    expect(releases(reports)).toHaveLength(1);
  });

  it('is released after an outage of the API server', async () => {
    const { lead, host, requests } = world.operator();
    lead();
    const { leader, next } = await leaderAndSuccessor();
    await optIn();
    await world.time.advance(100);
    host.cut = true;
    requests.breakWatches();
    world.crash(leader);
    await world.reportEnd(leader);
    await world.time.advance(1_000);
    host.cut = false;
    await world.time.settled(next, 12_000);
  });
});

describe('a leader whose Pod tells no end of all of its containers', () => {
  it.each([
    ['an eviction', { phase: 'Failed', reason: 'Evicted' }],
    [
      'a disruption',
      {
        phase: 'Failed',
        conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC' }],
      },
    ],
    ['a Pod that is not ready', { conditions: [{ type: 'Ready', status: 'False' }] }],
  ])('keeps its Lease after %s', async (_, status) => {
    const { reports, lead } = world.operator();
    lead();
    const { leader } = await leaderAndSuccessor();
    await optIn();
    const containerStatuses = [world.containerStatus({ running: {} })];
    await world.status(leader, { ...status, containerStatuses });
    await world.time.advance(60_000);
    expect(holder()).toMatch(/^leader_/);
    expect(releases(reports)).toEqual([]);
  });

  it('keeps its Lease when the status of the container was lost, or the Pod is gone', async () => {
    const { reports, lead } = world.operator();
    lead();
    const { leader } = await leaderAndSuccessor();
    await optIn();
    await world.reportEnd(leader, { reason: 'ContainerStatusUnknown' });
    await world.deletePod(leader);
    await world.time.advance(60_000);
    expect(holder()).toMatch(/^leader_/);
    expect(releases(reports)).toEqual([]);
  });

  it('keeps its Lease when there is another of its name that the watch has not told yet', async () => {
    const { reports, lead, host, requests, operator } = world.operator();
    lead();
    const { leader } = await leaderAndSuccessor('leader');
    await optIn();
    world.crash(leader);
    await world.time.advance(2_000);
    const send = requests.request.bind(requests);
    requests.request = async (request) => {
      const outcome = await send<never>(request);
      // Replaced by force, on a node of its own, while the watch is behind.
      if (
        request.method === 'GET' &&
        request.path.endsWith('/leases') &&
        operator.pods.size === 2
      ) {
        requests.breakWatches();
        await world.deletePod(leader);
        await world.pod('leader');
      }
      return outcome;
    };
    await world.reportEnd(leader);
    await world.time.advance(5_000);
    expect(host.state).toBe('running');
    expect(holder()).toBe('leader');
    expect(releases(reports).filter(({ type }) => type === 'released')).toEqual([]);
  });

  it('keeps its Lease when another of its name has gone before, and nobody knows whether it has ended', async () => {
    const { reports, lead } = world.operator();
    lead();
    const first = await world.pod('leader');
    await world.time.advance(10);
    // By force: its process may live, and hold the Lease.
    await world.deletePod(first);
    const second = await world.pod('leader');
    await world.time.advance(2_000);
    await world.time.settled(
      first.leasehold.election('controller', { identity: 'leader' }).acquire(),
    );
    await optIn();
    await world.time.advance(3_000);
    first.host.cut = true;
    await world.time.advance(1_500);
    await world.reportEnd(second);
    await world.time.advance(SOON_MS);
    expect(holder()).toBe('leader');
    expect(releases(reports)).toEqual([]);
  });

  it('keeps the term that it has taken again at once after a restart', async () => {
    const { reports, lead } = world.operator();
    const { leader } = await leaderAndSuccessor('leader');
    await optIn();
    world.crash(leader);
    // The next process has the same identity: it goes on with the term before the end is reported.
    await world.time.advance(1_000);
    await world.patchLease('controller', {
      spec: { renewTime: new Date(leader.host.wall()).toISOString().replace('Z', '000Z') },
    });
    await world.reportEnd(leader);
    lead();
    await world.time.advance(5_000);
    expect(holder()).toBe('leader');
    expect(releases(reports)).toEqual([]);
  });

  it('keeps the term that began again between the look and the write', async () => {
    const { requests, reports, lead } = world.operator();
    const { leader, next } = await leaderAndSuccessor('leader');
    await optIn();
    world.crash(leader);
    await world.time.advance(2_000);
    const send = requests.request.bind(requests);
    let renewed = '';
    requests.request = async (request) => {
      if (request.method === 'PUT' && renewed === '') {
        renewed = new Date(leader.host.wall()).toISOString().replace('Z', '000Z');
        await world.patchLease('controller', { spec: { renewTime: renewed } });
      }
      return send(request);
    };
    await world.reportEnd(leader);
    lead();
    await world.time.advance(5_000);
    expect(renewed).not.toBe('');
    expect(holder()).toBe('leader');
    expect(releases(reports)).toEqual([]);
    // The duration of the Lease decides.
    await world.time.settled(next);
  });
});

function leaseOf(holderIdentity: string, labels: Record<string, string> = {}): object {
  const now = '2026-01-01T00:16:40.000000Z';
  return {
    metadata: { name: 'controller', labels },
    spec: {
      holderIdentity,
      leaseDurationSeconds: 15,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 7,
    },
  };
}
