import { beforeEach, describe, expect, it } from 'vitest';
import type { Report } from '../../src/operator/report.ts';
import { OperatorWorld, revocations } from './operator-world.ts';
import type { TestPod } from './operator-world.ts';

/** Well below a ttl: whoever is granted a lock in it was not by the ttl. */
const SOON_MS = 1_000;
/** A third and a tenth of the ttl, and what times lose that are cut to the second; below a ttl, too. */
const SILENT_MS = 8_500;

let world: OperatorWorld;

beforeEach(() => {
  world = new OperatorWorld();
});

/** A Pod that holds the lock, and one that waits for it; 5 s old. */
async function holderAndWaiter(
  container: string | null = 'main',
): Promise<{ holder: TestPod; waiter: TestPod; next: Promise<unknown> }> {
  const holder = await world.pod('holder', container);
  const waiter = await world.pod('waiter');
  await world.time.settled(holder.leasehold.lock('invoices').acquire());
  const next = waiter.leasehold.lock('invoices').acquire();
  await world.time.advance(5_000);
  return { holder, waiter, next };
}

function isRevoked(pod: TestPod): boolean {
  const session = world.leases('session').find(({ metadata }) => {
    return metadata.ownerReferences?.[0]?.uid === pod.uid;
  });
  return session?.spec?.holderIdentity === '';
}

const failures = (reports: readonly Report[]): Report[] =>
  reports.filter(({ type }) => type === 'failed');

describe('the operator', () => {
  it('revokes the session of a process that has ended, and its lock goes to the next', async () => {
    const { reports, lead } = world.operator();
    lead();
    const { holder, next } = await holderAndWaiter();
    world.crash(holder);
    await world.reportEnd(holder);
    await world.time.settled(next, SOON_MS);
    expect(isRevoked(holder)).toBe(true);
    const [revoked] = revocations(reports);
    expect(revoked).toMatchObject({
      by: 'container-terminated',
      proof: { pod: 'holder', container: 'main', containerID: 'containerd://1', exitCode: 137 },
    });
    expect(failures(reports)).toEqual([]);
  });

  it('does the same when the session does not say which container it is in', async () => {
    world.operator().lead();
    const { holder, next } = await holderAndWaiter(null);
    world.crash(holder);
    await world.reportEnd(holder);
    await world.time.settled(next, SOON_MS);
  });

  it('deletes locks of the dead that nobody waits for', async () => {
    world.operator().lead();
    const holder = await world.pod('holder');
    for (const name of ['a', 'b', 'c']) {
      await world.time.settled(holder.leasehold.lock(name).acquire());
    }
    await world.time.advance(5_000);
    world.crash(holder);
    await world.reportEnd(holder);
    await world.time.advance(SOON_MS);
    expect(world.leases('lock')).toEqual([]);
  });

  it('never hits the session of a container that began at once after it', async () => {
    const { reports, lead } = world.operator();
    lead();
    const { holder, next } = await holderAndWaiter();
    world.crash(holder);
    const again = world.process(holder.name, holder.uid, 'main');
    const held = await world.time.settled(again.leasehold.lock('other').acquire());
    await world.reportEnd(holder);
    await world.time.settled(next, SOON_MS);
    await world.time.advance(60_000);
    expect(held.valid).toBe(true);
    expect(revocations(reports)).toHaveLength(1);
  });

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
  ])('does nothing after %s', async (_, status) => {
    const { reports, lead } = world.operator();
    lead();
    const { holder } = await holderAndWaiter();
    await world.status(holder, {
      ...status,
      containerStatuses: [world.containerStatus({ running: {} })],
    });
    await world.time.advance(60_000);
    expect(isRevoked(holder)).toBe(false);
    expect(reports).toEqual([]);
  });

  it('does nothing when the status of the container was lost, or the Pod is gone', async () => {
    const { reports, lead } = world.operator();
    lead();
    const { holder } = await holderAndWaiter();
    await world.reportEnd(holder, { reason: 'ContainerStatusUnknown' });
    await world.deletePod(holder);
    await world.time.advance(5_000);
    expect(reports).toEqual([]);
  });

  it('takes the last state of a deleted Pod for what it proves', async () => {
    const standby = world.operator();
    const { holder, next } = await holderAndWaiter();
    world.crash(holder);
    await world.reportEnd(holder);
    await world.deletePod(holder);
    await world.time.advance(10);
    standby.lead();
    await world.time.settled(next, SOON_MS);
  });

  it('learns of a death that was reported while nobody led', async () => {
    const { holder, next } = await holderAndWaiter();
    world.crash(holder);
    await world.reportEnd(holder);
    await world.time.advance(SOON_MS);
    world.operator().lead();
    // Nobody has heard it when it was reported: so it has to be silent for two fifths of its ttl.
    await world.time.settled(next, SILENT_MS);
  });

  it('only watches while another one leads', async () => {
    const standby = world.operator();
    const { holder } = await holderAndWaiter();
    world.crash(holder);
    await world.reportEnd(holder);
    await world.time.advance(SOON_MS);
    expect(standby.operator.synced).toBe(true);
    expect(isRevoked(holder)).toBe(false);
    expect(standby.reports).toEqual([]);
  });

  it('takes a dead session out of a lock that a late request has put it into', async () => {
    world.operator().lead();
    const { holder, next } = await holderAndWaiter();
    world.crash(holder);
    await world.reportEnd(holder);
    await world.time.settled(next, SOON_MS);
    const session = world.leases('session').find(({ spec }) => spec?.holderIdentity === '');
    const { name = '', uid = '' } = session?.metadata ?? {};
    await world.createLease({
      metadata: {
        name: 'late',
        labels: { 'leasehold.dev/role': 'lock' },
        annotations: {
          'holder.leasehold.dev/0a-1': `v=1 session=${name} uid=${uid} ttl=15 mode=exclusive`,
        },
      },
      spec: { holderIdentity: name },
    });
    await world.time.advance(SOON_MS);
    expect(world.lease('late')).toBeUndefined();
  });

  it('goes on where another one was interrupted after its first write', async () => {
    const first = world.operator();
    first.lead();
    const holder = await world.pod('holder');
    await world.time.settled(holder.leasehold.lock('a').acquire());
    await world.time.settled(holder.leasehold.lock('b').acquire());
    await world.time.advance(5_000);
    world.crash(holder);
    const unsubscribe = world.handler.store.subscribe(({ object }) => {
      const { spec } = object as { spec?: { holderIdentity?: string } };
      if (object.metadata.labels?.['leasehold.dev/role'] !== 'session') return;
      if (spec?.holderIdentity === '') first.host.crash();
    });
    await world.reportEnd(holder);
    await world.time.advance(SOON_MS);
    unsubscribe();
    expect(isRevoked(holder)).toBe(true);
    expect(world.leases('lock')).toHaveLength(2);
    world.operator().lead();
    await world.time.advance(SOON_MS);
    expect(world.leases('lock')).toEqual([]);
  });

  it('does no harm when two lead at once', async () => {
    const operators = [world.operator(), world.operator()];
    for (const { lead } of operators) lead();
    const pods = await Promise.all(
      Array.from({ length: 20 }, (_, at) => world.pod(`p-${String(at)}`)),
    );
    for (const pod of pods) {
      await world.time.settled(pod.leasehold.lock(`own-${pod.name}`).acquire());
    }
    const waiter = await world.pod('waiter');
    const waits = pods.map(({ name }) => waiter.leasehold.lock(`own-${name}`).acquire());
    await world.time.advance(5_000);
    for (const pod of pods) world.crash(pod);
    for (const pod of pods) await world.reportEnd(pod);
    await world.time.settled(Promise.all(waits), 5_000);
    const revoked = operators.flatMap(({ reports }) => revocations(reports));
    expect(revoked).toHaveLength(20);
    expect(operators.flatMap(({ reports }) => failures(reports))).toEqual([]);
  });

  it('tries again after an outage of the API server, and misses nothing in it', async () => {
    const { lead, host, requests } = world.operator();
    lead();
    const { holder, next } = await holderAndWaiter();
    host.cut = true;
    requests.breakWatches();
    world.crash(holder);
    await world.reportEnd(holder);
    await world.time.advance(SOON_MS);
    expect(isRevoked(holder)).toBe(false);
    host.cut = false;
    await world.time.settled(next, 12_000);
    expect(isRevoked(holder)).toBe(true);
  });

  it('reads all again when the server has forgotten where it was', async () => {
    const { lead, host, requests } = world.operator();
    lead();
    const { holder, next } = await holderAndWaiter();
    host.cut = true;
    requests.breakWatches();
    world.crash(holder);
    await world.reportEnd(holder);
    world.handler.store.compact();
    await world.time.advance(SOON_MS);
    host.cut = false;
    await world.time.settled(next, 12_000);
  });

  it('is not misled by a clock of its own that is a year off', async () => {
    const { reports, lead, host } = world.operator();
    host.skew = 365 * 86_400_000;
    lead();
    const { holder, next } = await holderAndWaiter();
    const other = await world.pod('other');
    const held = await world.time.settled(other.leasehold.lock('kept').acquire());
    world.crash(holder);
    await world.reportEnd(holder);
    await world.time.settled(next, SOON_MS);
    await world.time.advance(700_000);
    expect(held.valid).toBe(true);
    expect(revocations(reports)).toHaveLength(1);
  });

  it('passes by Leases that cannot be read', async () => {
    const { lead } = world.operator();
    const { holder, next } = await holderAndWaiter();
    await world.createLease({
      metadata: {
        name: 'garbled',
        labels: { 'leasehold.dev/role': 'lock' },
        annotations: { 'holder.leasehold.dev/x': 'garbled', 'queue.leasehold.dev/y': '' },
      },
    });
    await world.createLease({
      metadata: {
        name: 'no-session',
        labels: { 'leasehold.dev/role': 'session', 'leasehold.dev/pod-uid': holder.uid },
      },
    });
    lead();
    world.crash(holder);
    await world.reportEnd(holder);
    await world.time.settled(next, SOON_MS);
    expect(world.lease('garbled')).toBeDefined();
  });

  it('reclaims 500 sessions that end at once, those first behind which somebody has waited longest', async () => {
    const { reports, lead } = world.operator();
    const pods = await Promise.all(
      Array.from({ length: 500 }, (_, at) => world.pod(`p-${String(at).padStart(3, '0')}`)),
    );
    for (const pod of pods)
      await world.time.settled(pod.leasehold.lock(`own-${pod.name}`).acquire());
    const waiter = await world.pod('waiter');
    const wanted = ['p-250', 'p-007', 'p-120'];
    const waits: Promise<unknown>[] = [];
    for (const name of wanted) {
      waits.push(waiter.leasehold.lock(`own-${name}`).acquire());
      await world.time.advance(1_100);
    }
    await world.time.advance(5_000);
    for (const pod of pods) world.crash(pod);
    for (const pod of pods) await world.reportEnd(pod);
    lead();
    await world.time.settled(Promise.all(waits), SOON_MS);
    await world.time.advance(10_000);
    const order = revocations(reports).map(({ proof }) => proof?.pod);
    expect(order).toHaveLength(500);
    expect(order.slice(0, 3)).toEqual(wanted);
    expect(world.leases('lock')).toHaveLength(3);
  });
});

describe('a session that began after the end, on a node whose clock was set back in between', () => {
  it.each([
    ['a minute', 'before the operator leads', 60_000],
    ['an hour', 'before the operator leads', 3_600_000],
    ['a minute', 'while the operator leads', 60_000],
    ['an hour', 'while the operator leads', 3_600_000],
  ])('by %s is never touched by an end that is reported %s', async (_, when, ahead) => {
    const { reports, lead } = world.operator();
    const leads = when.startsWith('while');
    if (leads) lead();
    const { holder, next } = await holderAndWaiter();
    world.crash(holder);
    const again = world.process(holder.name, holder.uid, 'main');
    const held = await world.time.settled(again.leasehold.lock('other').acquire());
    await world.time.advance(10);
    const finishedAt = new Date(again.host.wall() + ahead).toISOString().replace(/\.\d+Z$/, 'Z');
    await world.reportEnd(holder, { finishedAt });
    if (!leads) lead();
    await world.time.settled(next, 20_000);
    await world.time.advance(Math.max(700_000, 2 * ahead));
    expect(held.valid).toBe(true);
    expect(world.lease('other')).toBeDefined();
    const doubts = reports.filter(({ type }) => type === 'doubtful');
    expect(doubts).toMatchObject([{ why: 'end' }, { why: 'end' }]);
    expect(revocations(reports)).toEqual([]);
  });

  it('is never touched when it renews again and again, whatever the times say', async () => {
    const { requests, reports, lead } = world.operator();
    const { holder } = await holderAndWaiter();
    lead();
    await world.time.advance(1_500);
    const [session] = world
      .leases('session')
      .filter(({ spec }) => spec?.holderIdentity === 'holder');
    const name = session?.metadata.name ?? '';
    const send = requests.request.bind(requests);
    let renewals = 0;
    requests.request = async (request) => {
      if (request.method === 'PUT' && request.path.endsWith(name)) {
        renewals += 1;
        const renewTime = new Date(holder.host.wall() - 10 + renewals).toISOString();
        await world.patchLease(name, { spec: { renewTime: renewTime.replace('Z', '000Z') } });
      }
      return send(request);
    };
    await world.reportEnd(holder);
    await world.time.advance(SOON_MS);
    expect(renewals).toBe(2);
    expect(isRevoked(holder)).toBe(false);
    expect(world.lease('invoices')?.spec?.holderIdentity).toBe(name);
    expect(reports.map(({ type }) => type)).toEqual(['doubtful']);
  });
});

describe('housekeeping', () => {
  const A_SWEEP_MS = 331_000;

  it('deletes blank sessions later than a ttl, and no others', async () => {
    const { reports, lead } = world.operator();
    lead();
    const { holder, waiter, next } = await holderAndWaiter();
    world.crash(holder);
    await world.reportEnd(holder);
    await world.time.settled(next, SOON_MS);
    await world.time.advance(14_000);
    expect(isRevoked(holder)).toBe(true);
    await world.time.advance(A_SWEEP_MS * 2);
    expect(world.leases('session').map(({ spec }) => spec?.holderIdentity)).toEqual(['waiter']);
    expect(waiter.leasehold.lock('invoices')).toBeDefined();
    expect(failures(reports)).toEqual([]);
  });

  it('revokes a session that is of no Pod and has been silent for long', async () => {
    const { reports, lead } = world.operator();
    lead();
    const host = await world.pod('host');
    const gone = world.process('laptop', '');
    await world.time.settled(host.leasehold.lock('kept').acquire());
    await world.time.settled(gone.leasehold.lock('left').acquire());
    world.crash(gone);
    await world.time.advance(3 * A_SWEEP_MS);
    expect(revocations(reports).map(({ by }) => by)).toEqual(['silent']);
    expect(world.leases('lock').map(({ metadata }) => metadata.name)).toEqual(['kept']);
    expect(world.leases('session')).toHaveLength(1);
  });

  it.each([
    ['made shorter by hand', 1],
    ['taken away by hand', null],
  ])(
    'goes by the longest ttl that it knows of a session, not by one that was %s',
    async (_, seconds) => {
      const { reports, lead } = world.operator();
      lead();
      const slow = world.process('slow', '', undefined, 3_600);
      await world.time.settled(slow.leasehold.lock('kept').acquire());
      const name = world.lease('kept')?.spec?.holderIdentity ?? '';
      await world.time.advance(A_SWEEP_MS);
      await world.patchLease(name, { spec: { leaseDurationSeconds: seconds } });
      // It renews every 20 minutes.
      slow.host.cut = true;
      await world.time.advance(3 * A_SWEEP_MS);
      expect(revocations(reports)).toEqual([]);
      expect(world.lease('kept')?.spec?.holderIdentity).toBe(name);
    },
  );

  it('drops entries whose session has been missing for a ttl', async () => {
    const { lead } = world.operator();
    lead();
    const { holder } = await holderAndWaiter();
    const lock = await world.pod('third');
    await world.time.settled(lock.leasehold.lock('left').acquire());
    world.crash(lock);
    await world.deletePod(lock);
    await world.time.advance(3 * A_SWEEP_MS);
    expect(world.leases('lock').map(({ metadata }) => metadata.name)).toEqual(['invoices']);
    expect(isRevoked(holder)).toBe(false);
  });

  it('leaves alone what a session holds that has only lost its label', async () => {
    world.operator().lead();
    await holderAndWaiter();
    const session = world.leases('session').find(({ spec }) => spec?.holderIdentity === 'holder');
    await world.patchLease(session?.metadata.name ?? '', {
      metadata: { labels: { 'leasehold.dev/role': null } },
    });
    await world.time.advance(3 * A_SWEEP_MS);
    expect(world.lease('invoices')?.spec?.holderIdentity).toBe(session?.metadata.name);
  });

  it('counts a session for missing from a read that has not found it, and from no list', async () => {
    const { requests, lead } = world.operator();
    lead();
    const holder = await world.pod('holder');
    await world.time.settled(holder.leasehold.lock('left').acquire());
    const name = world.lease('left')?.spec?.holderIdentity ?? '';
    // Hidden from one sweep after the other, while its process renews it.
    await world.patchLease(name, { metadata: { labels: { 'leasehold.dev/role': null } } });
    await world.time.advance(3 * A_SWEEP_MS);
    world.crash(holder);
    await world.deleteLease(name);
    let missed = 0;
    const send = requests.request.bind(requests);
    requests.request = async (request) => {
      const outcome = await send<never>(request);
      if (request.path.endsWith(`/${name}`)) missed += 1;
      return outcome;
    };
    // Its last renewal may be of this moment.
    await world.time.runUntil(() => missed > 0, A_SWEEP_MS, 'the first read that misses it');
    await world.time.advance(SOON_MS);
    expect(world.lease('left')).toBeDefined();
    await world.time.advance(A_SWEEP_MS);
    expect(missed).toBe(2);
    expect(world.lease('left')).toBeUndefined();
  });

  it('reports Leases of others that nobody renews, once, and leaves them alone', async () => {
    const { reports, lead } = world.operator();
    lead();
    const elector = await world.pod('elector');
    await world.time.settled(elector.leasehold.election('controller').acquire());
    world.crash(elector);
    const before = world.lease('controller');
    await world.time.advance(5 * 3_600_000);
    expect(reports.filter(({ type }) => type === 'orphan')).toMatchObject([
      { type: 'orphan', lease: 'controller' },
    ]);
    expect(world.lease('controller')).toEqual(before);
  });
});
