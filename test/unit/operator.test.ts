import { beforeEach, describe, expect, it } from 'vitest';
import { OperatorWorld, failures, revocations } from './operator-world.ts';

/** Well below a ttl: whoever is granted a lock in it was not by the ttl. */
const SOON_MS = 1_000;
/** A third and a tenth of the ttl, and what times lose that are cut to the second; below a ttl, too. */
const SILENT_MS = 8_500;

let world: OperatorWorld;

beforeEach(() => {
  world = new OperatorWorld();
});

describe('the operator', () => {
  it('revokes the session of a process that has ended, and its lock goes to the next', async () => {
    const { reports, lead } = world.operator();
    lead();
    const { holder, next } = await world.holderAndWaiter();
    world.crash(holder);
    await world.reportEnd(holder);
    await world.time.settled(next, SOON_MS);
    expect(world.isRevoked(holder)).toBe(true);
    const [revoked] = revocations(reports);
    expect(revoked).toMatchObject({
      by: 'container-terminated',
      proof: { pod: 'holder', container: 'main', containerID: 'containerd://1', exitCode: 137 },
    });
    expect(failures(reports)).toEqual([]);
  });

  it('does the same when the session does not say which container it is in', async () => {
    world.operator().lead();
    const { holder, next } = await world.holderAndWaiter(5_000, null);
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
    const { holder, next } = await world.holderAndWaiter();
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
    const { holder } = await world.holderAndWaiter();
    await world.status(holder, {
      ...status,
      containerStatuses: [world.containerStatus({ running: {} })],
    });
    await world.time.advance(60_000);
    expect(world.isRevoked(holder)).toBe(false);
    expect(reports).toEqual([]);
  });

  it('does nothing when the status of the container was lost, or the Pod is gone', async () => {
    const { reports, lead } = world.operator();
    lead();
    const { holder } = await world.holderAndWaiter();
    await world.reportEnd(holder, { reason: 'ContainerStatusUnknown' });
    await world.deletePod(holder);
    await world.time.advance(5_000);
    expect(reports).toEqual([]);
  });

  it('takes the last state of a deleted Pod for what it proves', async () => {
    const standby = world.operator();
    const { holder, next } = await world.holderAndWaiter();
    world.crash(holder);
    await world.reportEnd(holder);
    await world.deletePod(holder);
    await world.time.advance(10);
    standby.lead();
    await world.time.settled(next, SOON_MS);
  });

  it('learns of a death that was reported while nobody led', async () => {
    const { holder, next } = await world.holderAndWaiter();
    world.crash(holder);
    await world.reportEnd(holder);
    await world.time.advance(SOON_MS);
    world.operator().lead();
    // Nobody has heard it when it was reported: so it has to be silent for two fifths of its ttl.
    await world.time.settled(next, SILENT_MS);
  });

  it('only watches while another one leads', async () => {
    const standby = world.operator();
    const { holder } = await world.holderAndWaiter();
    world.crash(holder);
    await world.reportEnd(holder);
    await world.time.advance(SOON_MS);
    expect(standby.operator.synced).toBe(true);
    expect(world.isRevoked(holder)).toBe(false);
    expect(standby.reports).toEqual([]);
  });

  it('takes a dead session out of a lock that a late request has put it into', async () => {
    world.operator().lead();
    const { holder, next } = await world.holderAndWaiter();
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
    expect(world.isRevoked(holder)).toBe(true);
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
    const { holder, next } = await world.holderAndWaiter();
    host.cut = true;
    requests.breakWatches();
    world.crash(holder);
    await world.reportEnd(holder);
    await world.time.advance(SOON_MS);
    expect(world.isRevoked(holder)).toBe(false);
    host.cut = false;
    await world.time.settled(next, 12_000);
    expect(world.isRevoked(holder)).toBe(true);
  });

  it('reads all again when the server has forgotten where it was', async () => {
    const { lead, host, requests } = world.operator();
    lead();
    const { holder, next } = await world.holderAndWaiter();
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
    const { holder, next } = await world.holderAndWaiter();
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
    const { holder, next } = await world.holderAndWaiter();
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
});
