import { expect, it } from 'vitest';
import { OperatorWorld } from './operator-world.ts';

it('the Lease of a leader that was made again while it is released is left alone', async () => {
  const world = new OperatorWorld();
  const { requests, reports, lead } = world.operator();
  lead();
  const leader = await world.pod('leader');
  await world.time.settled(leader.leasehold.election('controller').acquire());
  const labels = { 'leasehold.dev/reclaim': 'enabled' };
  await world.patchLease('controller', { metadata: { labels } });
  await world.time.advance(5_000);
  const before = world.lease('controller');
  const now = (): string => new Date(leader.host.wall()).toISOString().replace('Z', '000Z');
  const send = requests.request.bind(requests);
  let writes = 0;
  requests.request = async (request) => {
    if (request.method !== 'PUT' || !request.path.endsWith('/leases/controller')) {
      return send(request);
    }
    writes += 1;
    if (writes === 1) {
      await world.deleteLease('controller');
      const spec = { ...before?.spec, renewTime: now() };
      await world.createLease({ metadata: { name: 'controller', labels }, spec });
    } else {
      // Its leader renews before each further write.
      await world.patchLease('controller', { spec: { renewTime: now() } });
    }
    return send(request);
  };
  world.crash(leader);
  await world.reportEnd(leader);
  await world.time.advance(3_000);
  expect(writes).toBe(1);
  expect(world.lease('controller')?.spec?.holderIdentity).toMatch(/^leader_/);
  expect(reports.filter(({ type }) => type === 'released')).toEqual([]);
});
