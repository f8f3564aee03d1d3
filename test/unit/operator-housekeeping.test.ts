import { beforeEach, describe, expect, it } from 'vitest';
import { OperatorWorld, failures, revocations } from './operator-world.ts';

/** Well below a ttl: whoever is granted a lock in it was not by the ttl. */
const SOON_MS = 1_000;

let world: OperatorWorld;

beforeEach(() => {
  world = new OperatorWorld();
});

describe('housekeeping', () => {
  const A_SWEEP_MS = 331_000;

  it('deletes blank sessions later than a ttl, and no others', async () => {
    const { reports, lead } = world.operator();
    lead();
    const { holder, waiter, next } = await world.holderAndWaiter();
    world.crash(holder);
    await world.reportEnd(holder);
    await world.time.settled(next, SOON_MS);
    await world.time.advance(14_000);
    expect(world.isRevoked(holder)).toBe(true);
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

  it('revokes a session whose process ended in the second in which it began, while its Pod is there', async () => {
    const { reports, lead } = world.operator();
    lead();
    const job = await world.pod('job');
    await world.time.settled(job.leasehold.lock('left').acquire());
    world.crash(job);
    await world.reportEnd(job);
    const lasting = await world.pod('lasting');
    await world.time.settled(lasting.leasehold.lock('kept').acquire());
    // It hangs, but its container runs.
    lasting.host.cut = true;
    await world.status(lasting, { containerStatuses: [world.containerStatus({ running: {} })] });
    await world.time.advance(SOON_MS);
    expect(revocations(reports)).toEqual([]);
    await world.time.advance(3 * A_SWEEP_MS);
    expect(revocations(reports).map(({ by }) => by)).toEqual(['silent']);
    expect(world.leases('lock').map(({ metadata }) => metadata.name)).toEqual(['kept']);
    expect(world.isRevoked(lasting)).toBe(false);
  });

  it('revokes a silent session of which the clocks say nothing, when its container has ended', async () => {
    const { reports, lead } = world.operator();
    lead();
    const job = await world.pod('job');
    await world.time.settled(job.leasehold.lock('left').acquire());
    await world.time.advance(5_000);
    world.crash(job);
    // The clock of the node is far ahead at the end.
    const finishedAt = new Date(job.host.wall() + 3_600_000).toISOString();
    await world.reportEnd(job, { finishedAt: `${finishedAt.slice(0, 19)}Z` });
    await world.time.advance(SOON_MS);
    expect(reports.map(({ type }) => type)).toEqual(['doubtful']);
    await world.time.advance(3 * A_SWEEP_MS);
    expect(revocations(reports)).toHaveLength(1);
    expect(world.leases('lock')).toEqual([]);
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
    const { holder } = await world.holderAndWaiter();
    const lock = await world.pod('third');
    await world.time.settled(lock.leasehold.lock('left').acquire());
    world.crash(lock);
    await world.deletePod(lock);
    await world.time.advance(3 * A_SWEEP_MS);
    expect(world.leases('lock').map(({ metadata }) => metadata.name)).toEqual(['invoices']);
    expect(world.isRevoked(holder)).toBe(false);
  });

  it('leaves alone what a session holds that has only lost its label', async () => {
    world.operator().lead();
    await world.holderAndWaiter();
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
